import { Algorithms, type ClaimsData } from '@nats-io/jwt';
import type { KeyPair } from '@nats-io/nkeys';
import { sha512_256 } from '@noble/hashes/sha2.js';
import { base32nopad } from '@scure/base';
import { base64urlToBytes, bytesToBase64url } from '../../crypto/base64url.ts';
import { verifyNkey } from '../../crypto/nkey.ts';
import { DamagedError } from '../../errors.ts';
import { isObject, utf8 } from '../../ledger/text.ts';

/**
 * Signs the claims of a NATS JWT again, with `issuedAt` as iat and the hash of the claims as jti. The library stamps
 * the moment of the call; we want the same bytes on every run, so that a second run changes nothing.
 */
export function signAgain(token: string, issuedAt: Date, signer: KeyPair): string {
  const { jti: _jti, iat: _iat, ...claims } = payloadOf(token.split('.')[1] ?? '');
  const dated = { ...claims, iat: Math.floor(issuedAt.getTime() / 1000) };
  const jti = base32nopad.encode(sha512_256(utf8(JSON.stringify(dated))));
  const encode = (value: unknown): string => bytesToBase64url(utf8(JSON.stringify(value)));
  const signed = `${encode({ typ: 'JWT', alg: Algorithms.v2 })}.${encode({ ...dated, jti })}`;
  return `${signed}.${bytesToBase64url(signer.sign(utf8(signed)))}`;
}

/** The claims of a token that an operator's key signed. Throws DamagedError. */
export function verifiedClaims<T>(token: string): ClaimsData<T> {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = payloadOf(payload);
  try {
    const sound = verifyNkey(
      'operator',
      String(claims['iss']),
      utf8(`${header}.${payload}`),
      base64urlToBytes(signature),
    );
    if (sound) return claims as unknown as ClaimsData<T>;
  } catch {
    // Not an nkey: said below.
  }
  throw new DamagedError('the signature of a JWT is wrong');
}

function payloadOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(base64urlToBytes(part)).toString('utf8'));
    if (isObject(claims) && isObject(claims['nats'])) return claims;
  } catch {
    // Not JSON: said below.
  }
  throw new DamagedError('a JWT has no claims that can be read');
}
