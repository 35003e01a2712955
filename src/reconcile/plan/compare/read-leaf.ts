import { type Certificate, isIssuedBy, matchesKey, readBundle, readSingle } from '../../../certificate/read.ts';
import { decodePrivateKey } from '../../../crypto/private-key.ts';
import { DamagedError } from '../../../errors.ts';
import type { Ring, RingVersion } from '../../../ledger/ring.ts';
import { entry } from '../../../ledger/text.ts';
import type { StoredObject } from '../../../ports/key-store.ts';

/** Without what OpenSSL has read: six kilobytes each that no garbage collection knows of, and there are thousands. */
export interface Leaf extends Omit<Certificate, 'x509' | 'kid'> {
  /** Fingerprint of the CA that has issued it, if that is one of its CA's versions. */
  readonly issuer: string | undefined;
  /** True where it names one of those CAs as its issuer, whoever has signed it. */
  readonly namesIssuer: boolean;
}

const leaves = new WeakMap<StoredObject, Leaf>();

/** The leaf that the object holds with its key. Read once: a run assesses what it has read several times. Throws DamagedError. */
export function leafOf(found: StoredObject, ring: Ring): Leaf {
  const known = leaves.get(found);
  if (known?.issuer !== undefined && ring.some((version) => isOf(known, version))) return known;
  const leaf = readLeaf(found, ring);
  leaves.set(found, leaf);
  return leaf;
}

/** True where that version of its CA has issued the leaf. */
export function isOf({ issuer }: Leaf, version: RingVersion): boolean {
  return issuer === caOf(version).fingerprint;
}

function readLeaf({ data }: StoredObject, ring: Ring): Leaf {
  const [certificate] = readBundle(entry(data, 'tls.crt'));
  if (certificate === undefined) throw new DamagedError('tls.crt holds no certificate');
  const key = decodePrivateKey(entry(data, 'tls.key'));
  if (!matchesKey(certificate, key)) throw new DamagedError('tls.key is not the key of tls.crt');
  const { pem, fingerprint, notBefore, notAfter, dnsNames, ipAddresses, x509 } = certificate;
  const authorities = ring.map(caOf);
  const issuer = authorities.find((authority) => isIssuedBy(certificate, authority))?.fingerprint;
  const namesIssuer = authorities.some((authority) => x509.checkIssued(authority.x509));
  return { pem, fingerprint, notBefore, notAfter, dnsNames, ipAddresses, issuer, namesIssuer };
}

const read = new WeakMap<RingVersion, Certificate>();

/** Read once, however many leaves it has issued. */
function caOf(version: RingVersion): Certificate {
  const known = read.get(version);
  if (known !== undefined) return known;
  const authority = readSingle(entry(version.material.entries, 'tls.crt'));
  read.set(version, authority);
  return authority;
}
