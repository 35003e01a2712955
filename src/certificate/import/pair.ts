import { decodePrivateKey, encodePrivateKey } from '../../crypto/private-key.ts';
import { unlessDamaged } from '../../errors.ts';
import { type ImportFinding, importFinding } from './finding.ts';
import { describe, type Link } from './path/link.ts';
import type { FoundKey, ImportedPair } from './types.ts';

/** A Secret of a certificate beyond that is a sign of a mistake; browsers give up on chains of that size too. */
const MAX_BYTES = 60 * 1024;

/** Of a root, servers send nothing: clients have it. An anchor that is no root is sent, others may trust one above it. */
export function keptOf(path: readonly Link[]): readonly Link[] {
  return path.filter((link, i) => i === 0 || i < path.length - 1 || !link.selfSigned);
}

/** Canonical PEM: Go's parser is stricter than OpenSSL's. */
export function pairOf(links: readonly Link[], { key }: FoundKey): ImportedPair {
  return {
    certificate: Buffer.from(links.map(({ x509 }) => x509.toString()).join(''), 'latin1'),
    key: encodePrivateKey(key),
  };
}

export function checkPair(pair: ImportedPair, leaf: Link, { key, source }: FoundKey): readonly ImportFinding[] {
  return [...checkSize(pair, leaf), ...(isSound(pair, key.asymmetricKeyType) ? [] : [damaged(source)])];
}

function checkSize({ certificate, key }: ImportedPair, leaf: Link): ImportFinding[] {
  const size = certificate.length + key.length;
  if (size <= MAX_BYTES) return [];
  const what = `Certificate, chain and key together are ${size} bytes, and ${MAX_BYTES} are allowed.`;
  return [importFinding('PAIR_TOO_LARGE', describe(leaf), what, 'Ask for a certificate with fewer names.')];
}

/** Keys of other kinds are refused for their kind. */
function isSound({ key }: ImportedPair, type: string | undefined): boolean {
  if (!['rsa', 'ec', 'ed25519'].includes(type ?? '')) return true;
  return unlessDamaged(
    () => decodePrivateKey(key) !== undefined,
    () => false,
  );
}

function damaged(source: string): ImportFinding {
  return importFinding(
    'KEY_DAMAGED',
    source,
    'The private key has the public key of the certificate, but its secret numbers do not fit.',
    'Take the key from its original file again.',
  );
}
