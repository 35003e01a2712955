import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { base32nopad } from '@scure/base';
import { framed } from './frame.ts';

/** A kid is 80 bits: 16 base32 characters. It detects damage and mix-ups, not forgery. */
const KID_BYTES = 10;

export const KID_PATTERN = /^[a-z2-7]{16}$/;

/** The kid of an asymmetric key, from its DER SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7). */
export function publicKeyKid(spki: Uint8Array): string {
  return kidOf(spki);
}

/** The kid of an imported certificate, from its DER: the same key in a new certificate is another version. */
export function certificateKid(der: Uint8Array): string {
  return kidOf(der);
}

/** From an HKDF output (RFC 5869): it says no more of the key than a brute force of the whole key space would. */
export function symmetricKid(kind: string, key: Uint8Array): string {
  return kidOf(hkdf(sha256, key, undefined, utf8ToBytes(`palette-keys/kid/${kind}`), 32));
}

/** The kid of a credential that has several parts; each part is preceded by its length, 4 bytes big-endian. */
export function credentialKid(kind: string, parts: readonly Uint8Array[]): string {
  return symmetricKid(kind, framed(parts));
}

/** In lower case: a valid label value and DNS label. */
function kidOf(bytes: Uint8Array): string {
  return base32nopad.encode(sha256(bytes).subarray(0, KID_BYTES)).toLowerCase();
}
