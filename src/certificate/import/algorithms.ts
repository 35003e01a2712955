import { bytesOf, type DerNode, elementsOf, oidOf, tagged } from './der.ts';

export interface SignatureAlgorithm {
  readonly oid: string;
  /** Of RSASSA-PSS, where the OID does not say it. */
  readonly digest: string | undefined;
}

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const SHA1 = '1.3.14.3.2.26';

/** Throws DamagedError. */
export function readSignatureAlgorithm(node: DerNode | undefined): SignatureAlgorithm {
  const [algorithm, parameters] = elementsOf(node);
  const oid = oidOf(algorithm);
  if (oid !== RSASSA_PSS) return { oid, digest: undefined };
  // Without a hash algorithm it is SHA-1 (RFC 4055, section 3.1).
  const hash = parameters === undefined ? undefined : tagged(elementsOf(parameters), 0);
  return { oid, digest: hash === undefined ? SHA1 : oidOf(elementsOf(elementsOf(hash)[0])[0]) };
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const OBJECT_IDENTIFIER = 6;
/** First byte of an uncompressed point (SEC 1, section 2.3.3), after the number of unused bits. */
const UNCOMPRESSED = '\0\x04';

/** What OpenSSL reads in the form of a public key and others do not; undefined where there is nothing. Throws DamagedError. */
export function readKeyOddity(spki: DerNode | undefined): string | undefined {
  const [algorithm, key] = elementsOf(spki);
  const [oid, parameters] = elementsOf(algorithm);
  if (oidOf(oid) !== EC_PUBLIC_KEY) return undefined;
  // RFC 5480, section 2.1.1: the curve must be named.
  if (parameters?.type !== OBJECT_IDENTIFIER) return 'its curve is spelt out instead of named';
  return bytesOf(key).startsWith(UNCOMPRESSED) ? undefined : 'its point is compressed, which Go does not read';
}
