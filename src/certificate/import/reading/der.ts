import type { KeyForm } from './draft.ts';
import type { ForeignKind } from './foreign.ts';
import { childrenOf, type Element, oidOf, TAG } from './tlv.ts';

export type DerKind = 'certificate' | KeyForm | 'encrypted-key' | 'pkcs7' | 'pkcs12' | ForeignKind;

const PKCS7 = '1.2.840.113549.1.7.';
const { sequence, integer, octetString, bitString, oid, context0 } = TAG;

/** What an element is, by its shape alone; whether it is whole shows when it is read. Throws DamagedError. */
export function kindOf(element: Element): DerKind {
  if (element.tag !== sequence) return 'unknown';
  const parts = childrenOf(element);
  const shape = parts.map(({ tag }) => tag);
  const begins = (...tags: number[]): boolean => tags.every((tag, at) => shape[at] === tag);
  if (begins(oid, context0) && oidOf(parts[0]).startsWith(PKCS7)) return 'pkcs7';
  if (begins(integer, sequence, octetString)) return 'pkcs8';
  if (begins(integer, sequence) && oidOf(childrenOf(parts[1])[0]).startsWith(PKCS7)) return 'pkcs12';
  if (begins(integer, octetString)) return 'sec1';
  if (begins(integer, integer, integer)) return 'pkcs1';
  if (begins(integer, integer)) return 'public-key';
  if (begins(sequence, octetString)) return 'encrypted-key';
  if (begins(sequence, bitString)) return 'public-key';
  return begins(sequence, sequence, bitString) ? signedKind(parts[0]) : 'unknown';
}

/** Certificates, requests and revocation lists have one shape (RFC 5280, sections 4.1 and 5.1; RFC 2986). */
function signedKind(signed: Element | undefined): DerKind {
  const parts = childrenOf(signed);
  const isTime = ({ tag }: Element): boolean => tag === TAG.utcTime || tag === TAG.generalizedTime;
  if (parts.some(isTime)) return 'crl';
  const [version, , third] = parts;
  if (version?.tag === integer && third?.tag === sequence && childrenOf(third)[1]?.tag === bitString) return 'csr';
  return 'certificate';
}
