import { DamagedError } from '../../../errors.ts';
import { type DerKind, kindOf } from './der.ts';
import {
  addCertificate,
  addKey,
  type Draft,
  guarded,
  nextKey,
  note,
  noteUnparsableCertificate,
  noteUnparsableKey,
} from './draft.ts';
import { Fault } from './fault.ts';
import { foreignByContent, foreignByLabel } from './foreign.ts';
import { type Block, fromBase64, type Pem, readPem } from './pem.ts';
import { readPkcs7 } from './pkcs7.ts';
import { type Text, textOf } from './text.ts';
import { type Element, readElement, TAG } from './tlv.ts';

const MAX_BLOCKS = 200;
const MAX_WRAPPINGS = 2;
const MARKER = /-----(BEGIN|END) [A-Z0-9]/;

/** Reads one file by what is in it, never by its name. Throws Fault and DamagedError. */
export async function readFile(draft: Draft, bytes: Buffer, wrappings = 0): Promise<void> {
  if (bytes.every(isBlank)) {
    throw new Fault('EMPTY_FILE', 'The file is empty.', 'Ask for it anew, or look where it was made.');
  }
  const text = textOf(bytes);
  if (MARKER.test(text.text)) return await readPemText(draft, text);
  if (isDer(bytes)) return await readDer(draft, bytes);
  const unwrapped = wrappings < MAX_WRAPPINGS ? unwrap(text.text) : undefined;
  if (unwrapped === undefined) {
    draft.foreign.add(foreignByContent(bytes, text.text));
    return;
  }
  for (const repair of [...text.repairs, 'BASE64_WRAPPED'] as const) draft.repairs.add(repair);
  await readFile(draft, unwrapped, wrappings + 1);
  unwrapped.fill(0);
}

const isBlank = (byte: number): boolean => byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** What base64 around PEM, DER or base64 holds. */
function unwrap(text: string): Buffer | undefined {
  const inner = fromBase64(text);
  if (inner === undefined || inner.length === 0) return undefined;
  const known = isDer(inner) || MARKER.test(inner.toString('latin1')) || fromBase64(inner.toString('latin1'));
  return known ? inner : undefined;
}

/** A short text may begin like DER; a length of more than one byte is no text. */
function isDer(bytes: Buffer): boolean {
  if (bytes[0] !== TAG.sequence) return false;
  return (bytes[1] ?? 0) >= 0x80 || kindOrUnknown(bytes).kind !== 'unknown';
}

async function readPemText(draft: Draft, { text, repairs }: Text): Promise<void> {
  const pem = readPem(text);
  for (const repair of [...repairs, ...pem.repairs]) draft.repairs.add(repair);
  noteTorn(draft, pem);
  if (pem.blocks.length > MAX_BLOCKS) {
    const remedy = 'Send the certificate with its chain and key, not a whole trust store.';
    throw new Fault('TOO_MANY_CERTIFICATES', `There are more than ${MAX_BLOCKS} PEM blocks.`, remedy);
  }
  for (const block of pem.blocks) {
    await guarded(draft, draft.name, async () => await readBlock(draft, block));
    block.content?.fill(0);
  }
}

function noteTorn(draft: Draft, { torn }: Pem): void {
  if (torn.length === 0) return;
  const message = `A block has lost its BEGIN or END line: ${[...new Set(torn)].slice(0, 5).join(', ')}.`;
  note(draft, 'PEM_DAMAGED', message, 'Copy the whole file, not a part of its text, or ask for it anew.');
}

async function readBlock(draft: Draft, block: Block): Promise<void> {
  const { label, content, encryption } = block;
  const foreign = foreignByLabel(label);
  if (foreign !== undefined) {
    draft.foreign.add(foreign);
    return;
  }
  if (content === undefined) throw notBase64(label);
  if (encryption !== undefined) return (await import('./key.ts')).readKeyWithHeaders(draft, label, encryption, content);
  if (/^(TRUSTED|X509) CERTIFICATE$/.test(label)) draft.repairs.add('TRUSTED_HEADER');
  const { kind, element } = kindOrUnknown(content);
  if (kind !== 'unknown' && element !== undefined) await readKnown(draft, kind, element);
  else if (label.endsWith('CERTIFICATE')) noteUnparsableCertificate(draft);
  else if (label.endsWith('PRIVATE KEY')) noteUnparsableKey(draft, nextKey(draft));
  else if (/^(PKCS|CMS)/.test(label)) throw new DamagedError('its ASN.1 cannot be read');
  else draft.foreign.add('unknown');
}

function notBase64(label: string): Fault {
  return new Fault(
    'PEM_DAMAGED',
    `What is between the BEGIN and END lines of a ${label} is not base64.`,
    'Copy the file as it is, or ask for it anew.',
  );
}

function kindOrUnknown(bytes: Buffer): { kind: DerKind; element: Element | undefined } {
  try {
    const element = readElement(bytes);
    return { kind: kindOf(element), element };
  } catch {
    return { kind: 'unknown', element: undefined };
  }
}

/** One element of DER after the other, as files that were appended to each other have them. */
async function readDer(draft: Draft, bytes: Buffer): Promise<void> {
  for (let rest = bytes; !rest.every(isBlank); ) {
    const element = readElement(rest);
    const kind = kindOf(element);
    if (kind === 'certificate' || kind === 'encrypted-key' || isKeyForm(kind)) draft.repairs.add('CONVERTED_DER');
    await readKnown(draft, kind, element);
    if (kind === 'unknown') return;
    rest = rest.subarray(element.raw.length);
  }
}

const isKeyForm = (kind: DerKind): kind is 'pkcs8' | 'pkcs1' | 'sec1' =>
  kind === 'pkcs8' || kind === 'pkcs1' || kind === 'sec1';

async function readKnown(draft: Draft, kind: DerKind, element: Element): Promise<void> {
  if (kind === 'certificate') addCertificate(draft, element.raw);
  else if (isKeyForm(kind)) addKey(draft, element.raw, kind);
  else if (kind === 'pkcs7') readPkcs7(draft, element);
  // What decrypts is loaded for those who need it.
  else if (kind === 'pkcs12') await (await import('./pkcs12.ts')).readPkcs12(draft, element);
  else if (kind === 'encrypted-key') await (await import('./key.ts')).readEncryptedKey(draft, element);
  else draft.foreign.add(kind);
}
