import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { DamagedError } from '../errors.ts';

/** An AES-256 key that wraps other keys; `node:crypto` is named in this layer alone. */
export type WrapKey = KeyObject;

const ALGORITHM = 'aes-256-gcm';
/** Bytes of the nonce: the length for which GCM takes it as it is (NIST SP 800-38D, section 5.2.1.1). */
export const IV_BYTES = 12;
export const TAG_BYTES = 16;

export interface Sealed {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** HKDF-SHA256(key, no salt, info, 32 bytes) (RFC 5869) as a key for `seal` and `unseal`. */
export function deriveWrapKey(key: Uint8Array, info: string): WrapKey {
  const derived = hkdf(sha256, key, undefined, utf8ToBytes(info), 32);
  const wrapKey = createSecretKey(derived);
  derived.fill(0);
  return wrapKey;
}

/** AES-256-GCM (NIST SP 800-38D). No nonce may ever be used a second time with one key. */
export function seal(key: WrapKey, iv: Uint8Array, plain: Uint8Array, aad: Uint8Array): Sealed {
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** What `seal` took. Throws DamagedError where key, nonce, text, tag or associated data are not those of `seal`. */
export function unseal(key: WrapKey, iv: Uint8Array, { ciphertext, tag }: Sealed, aad: Uint8Array): Uint8Array {
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES)
    throw new DamagedError('the nonce or the tag has a wrong length');
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const plain = decipher.update(ciphertext);
  try {
    decipher.final();
    return plain;
  } catch {
    plain.fill(0);
    throw new DamagedError('the authentication tag does not fit');
  }
}
