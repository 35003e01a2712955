import { createPublicKey, type KeyObject } from 'node:crypto';
import { fromSeed, type KeyPair, Prefix } from '@nats-io/nkeys';
// The package turns raw keys into nkeys only in this module; the version is pinned exactly, and a test compares with nsc's form.
import { Codec } from '@nats-io/nkeys/lib/codec.js';
import { base64urlToBytes } from './base64url.ts';

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, section 4); the raw 32-byte key follows. */
const ED25519_SPKI_PREFIX = Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]);

/** What an nkey stands for; shows as its first letter, O or A. */
export type NkeyRole = 'operator' | 'account';

const PREFIX: Record<NkeyRole, Prefix> = { operator: Prefix.Operator, account: Prefix.Account };

/** The nkey pair of an Ed25519 private key. Clear it after use. */
export function nkeyPair(role: NkeyRole, key: KeyObject): KeyPair {
  const seed = base64urlToBytes(key.export({ format: 'jwk' }).d ?? '');
  const encoded = Codec.encodeSeed(PREFIX[role], seed);
  seed.fill(0);
  return fromSeed(encoded);
}

/** The public nkey (`O…` or `A…`) of an Ed25519 key. */
export function publicNkey(role: NkeyRole, key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const raw = base64urlToBytes(publicKey.export({ format: 'jwk' }).x ?? '');
  return Buffer.from(Codec.encode(PREFIX[role], raw)).toString('latin1');
}

/** DER SubjectPublicKeyInfo of a public nkey. Throws on a wrong prefix or checksum. */
export function nkeySpki(role: NkeyRole, nkey: string): Uint8Array {
  const raw = Codec.decode(PREFIX[role], Buffer.from(nkey, 'latin1'));
  return Buffer.concat([ED25519_SPKI_PREFIX, raw]);
}
