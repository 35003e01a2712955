import { Algorithms, decode } from '@nats-io/jwt';
import type { KeyPair } from '@nats-io/nkeys';
import { sha512_256 } from '@noble/hashes/sha2.js';
import { base32 } from '../crypto/base32.ts';
import { bytesToBase64url } from '../crypto/base64url.ts';
import { utf8 } from '../ledger/text.ts';

/**
 * Signs the claims of a NATS JWT again, with `issuedAt` as iat and the hash of the claims as jti. The library stamps
 * the moment of the call; we want the same bytes on every run, so that a second run changes nothing.
 */
export function signAgain(token: string, issuedAt: Date, signer: KeyPair): string {
  const { jti: _jti, iat: _iat, ...claims } = decode(token);
  const dated = { ...claims, iat: Math.floor(issuedAt.getTime() / 1000) };
  const jti = base32(sha512_256(utf8(JSON.stringify(dated)))).toUpperCase();
  const encode = (value: unknown): string => bytesToBase64url(utf8(JSON.stringify(value)));
  const signed = `${encode({ typ: 'JWT', alg: Algorithms.v2 })}.${encode({ ...dated, jti })}`;
  return `${signed}.${bytesToBase64url(signer.sign(utf8(signed)))}`;
}
