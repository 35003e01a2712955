import forge from 'node-forge';
import { DamagedError } from '../errors.ts';

/** Positions in a TBSCertificate that begins with its version (RFC 5280, section 4.1). */
export const TBS = { issuer: 3, subject: 5 } as const;

const EXTENSIONS_TAG = 3;
const KEY_USAGE = '2.5.29.15';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
/** Bit 5 of KeyUsage (RFC 5280, section 4.2.1.3), counted from the highest of the first byte. */
const KEY_CERT_SIGN = 0x04;

/** Parts of a v3 certificate that Node does not show. Nothing is decoded that need not be, so any key type will do. */
export interface Parts {
  readonly subject: forge.asn1.Asn1;
  /** The value of subjectKeyIdentifier as a string of bytes. */
  readonly keyIdentifier: string | undefined;
  /** False where a keyUsage extension leaves keyCertSign out. */
  readonly maySignCertificates: boolean;
}

/** Throws DamagedError. */
export function readParts(der: Uint8Array): Parts {
  const [tbs] = childrenOf(forge.asn1.fromDer(Buffer.from(der).toString('latin1')));
  const fields = tbs === undefined ? [] : childrenOf(tbs);
  const subject = fields[TBS.subject];
  if (subject === undefined) throw new DamagedError('a certificate is not of version 3');
  const extensions = readExtensions(fields);
  const keyUsage = extensions.get(KEY_USAGE);
  return {
    subject,
    keyIdentifier: bytesOf(extensions.get(SUBJECT_KEY_IDENTIFIER)),
    // A BIT STRING begins with the number of its unused bits.
    maySignCertificates: keyUsage === undefined || ((bytesOf(keyUsage)?.charCodeAt(1) ?? 0) & KEY_CERT_SIGN) !== 0,
  };
}

function readExtensions(fields: readonly forge.asn1.Asn1[]): ReadonlyMap<string, forge.asn1.Asn1> {
  const holder = fields.find(
    ({ tagClass, type }) => tagClass === forge.asn1.Class.CONTEXT_SPECIFIC && type === EXTENSIONS_TAG,
  );
  const [list] = holder === undefined ? [] : childrenOf(holder);
  const found = (list === undefined ? [] : childrenOf(list)).map((extension): [string, forge.asn1.Asn1] => {
    const parts = childrenOf(extension);
    const oid = forge.asn1.derToOid(forge.util.createBuffer(String(parts[0]?.value ?? '')));
    return [oid, forge.asn1.fromDer(String(parts.at(-1)?.value ?? ''))];
  });
  return new Map(found);
}

/** Forge decodes a BIT STRING that happens to hold DER; its own bytes are wanted. */
function bytesOf(node: forge.asn1.Asn1 | undefined): string | undefined {
  return typeof node?.value === 'string' ? node.value : undefined;
}

function childrenOf(node: forge.asn1.Asn1): readonly forge.asn1.Asn1[] {
  return Array.isArray(node.value) ? node.value : [];
}
