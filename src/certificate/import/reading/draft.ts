import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { DamagedError } from '../../../errors.ts';
import { type ImportFinding, type ImportFindingCode, importFinding } from '../finding.ts';
import type { RepairCode } from '../repair.ts';
import type { FoundCertificate, FoundKey } from '../types.ts';
import { Fault } from './fault.ts';
import type { ForeignKind } from './foreign.ts';
import type { Passphrases } from './passphrase.ts';

const MAX_CERTIFICATES = 100;

export interface Gathered {
  readonly certificates: FoundCertificate[];
  readonly keys: FoundKey[];
  readonly findings: ImportFinding[];
  readonly locked: string[];
}

export interface Draft {
  readonly name: string;
  readonly gathered: Gathered;
  readonly passphrases: Passphrases;
  readonly repairs: Set<RepairCode>;
  /** What was met that is neither a certificate nor a key. */
  readonly foreign: Set<ForeignKind>;
  /** How many of each were met in this file, also of those that could not be read. */
  readonly met: { certificates: number; keys: number };
}

/** The form of a private key: RFC 5208 (5958), RFC 8017 or RFC 5915. */
export type KeyForm = 'pkcs8' | 'pkcs1' | 'sec1';

const ASK_AGAIN = 'Ask for the file anew, as PEM; it was damaged on its way, or is of a kind that TLS does not know.';

/** Throws Fault where there are too many: nothing is gained by reading on. */
export function addCertificate(draft: Draft, der: Buffer): void {
  const { certificates } = draft.gathered;
  draft.met.certificates += 1;
  if (Math.max(certificates.length + 1, draft.met.certificates) > MAX_CERTIFICATES) {
    const remedy = 'Send the certificate of the server and those that lead to its root, not a whole trust store.';
    throw new Fault('TOO_MANY_CERTIFICATES', `There are more than ${MAX_CERTIFICATES} certificates.`, remedy);
  }
  const x509 = parseCertificate(der);
  if (x509 === undefined) noteUnparsable(draft);
  else certificates.push({ x509, source: certificateSource(draft) });
}

/** Node decodes the public key when it is first asked for; whoever works with the certificate must not be surprised. */
function parseCertificate(der: Buffer): X509Certificate | undefined {
  try {
    const x509 = new X509Certificate(der);
    return x509.publicKey.type === 'public' ? x509 : undefined;
  } catch {
    return undefined;
  }
}

export function addKey(draft: Draft, der: Buffer, form: KeyForm): void {
  const source = nextKey(draft);
  if (form !== 'pkcs8') draft.repairs.add('CONVERTED_KEY');
  try {
    draft.gathered.keys.push({ key: createPrivateKey({ key: der, format: 'der', type: form }), source });
  } catch {
    noteUnparsableKey(draft, source);
  }
}

/** A key that came encrypted, and was not PKCS#8. */
export function addDecryptedKey(draft: Draft, key: KeyObject): void {
  draft.repairs.add('DECRYPTED_KEY').add('CONVERTED_KEY');
  draft.gathered.keys.push({ key, source: nextKey(draft) });
}

export function nextKey(draft: Draft): string {
  draft.met.keys += 1;
  return `${draft.name}, key ${draft.met.keys}`;
}

export function noteUnparsableKey(draft: Draft, source: string): void {
  note(draft, 'KEY_UNPARSABLE', 'The private key cannot be parsed.', ASK_AGAIN, source);
}

export function noteUnparsableCertificate(draft: Draft): void {
  draft.met.certificates += 1;
  noteUnparsable(draft);
}

function noteUnparsable(draft: Draft): void {
  note(draft, 'CERT_UNPARSABLE', 'The certificate cannot be parsed.', ASK_AGAIN, certificateSource(draft));
}

function certificateSource({ name, met }: Draft): string {
  return `${name}, certificate ${met.certificates}`;
}

/** Says nothing twice. */
export function note(
  draft: Draft,
  code: ImportFindingCode,
  message: string,
  remedy: string,
  subject = draft.name,
): void {
  const { findings } = draft.gathered;
  const known = findings.some((other) => other.code === code && other.subject === subject && other.message === message);
  if (!known) findings.push(importFinding(code, subject, message, remedy));
}

export function noteFault(draft: Draft, { code, message, remedy }: Fault, subject: string): void {
  note(draft, code, message, remedy, subject);
}

/** Runs a part of the reading; what it throws for a fault of the input becomes a finding. */
export async function guarded(draft: Draft, subject: string, part: () => void | Promise<void>): Promise<void> {
  try {
    await part();
  } catch (error) {
    if (error instanceof Fault) noteFault(draft, error, subject);
    else if (error instanceof DamagedError) noteFault(draft, damaged(error), subject);
    else throw error;
  }
}

function damaged(error: DamagedError): Fault {
  return new Fault(
    'CONTAINER_DAMAGED',
    `It is cut off or damaged: ${error.message}.`,
    'Ask for the file anew, and compare its SHA-256 with the sender.',
  );
}
