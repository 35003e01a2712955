import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type KeyPair, Prefix } from '@nats-io/nkeys';
// The package shows its encoding of raw keys in this module alone; the version is pinned exactly, and a test compares.
import { Codec } from '@nats-io/nkeys/lib/codec.js';
import { base64urlToBytes } from './base64url.ts';

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, section 4); the raw 32-byte key follows. */
const ED25519_SPKI_PREFIX = Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]);

/** What an nkey stands for; shows as its first letter, O or A. */
export type NkeyRole = 'operator' | 'account';

const PREFIX: Record<NkeyRole, Prefix> = { operator: Prefix.Operator, account: Prefix.Account };

/** OpenSSL signs: the JavaScript of `@nats-io/jwt` takes 20 ms for each signature and each check of one. */
export function nkeySigner(role: NkeyRole, key: KeyObject): KeyPair {
  const publicKey = publicNkey(role, key);
  const signer: Pick<KeyPair, 'getPublicKey' | 'getPrivateKey' | 'sign'> = {
    getPublicKey: () => publicKey,
    // Asked for, but not looked at, to see whether there is one.
    getPrivateKey: () => new Uint8Array(0),
    sign: (input) => sign(null, input, key),
  };
  return signer as KeyPair;
}

/** True when the holder of the nkey signed `input`. Throws on a wrong prefix or checksum. */
export function verifyNkey(role: NkeyRole, nkey: string, input: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(nkeySpki(role, nkey)), format: 'der', type: 'spki' });
  return verify(null, input, key, signature);
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
