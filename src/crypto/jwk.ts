import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { DamagedError } from '../errors.ts';

/** A public key as a JWK (RFC 7517) with `kid`, `alg` and `use: sig`, members in a fixed order. */
export function publicJwk(key: KeyObject, kid: string, alg: string): Readonly<Record<string, string>> {
  const { kty, crv, n, e, x, y } = (key.type === 'public' ? key : createPublicKey(key)).export({
    format: 'jwk',
  });
  const members = { kty, kid, alg, use: 'sig', crv, n, e, x, y };
  return Object.fromEntries(
    Object.entries(members).filter((member): member is [string, string] => member[1] !== undefined),
  );
}

/** The key that a public JWK describes. Throws DamagedError. */
export function readPublicJwk(jwk: Readonly<Record<string, unknown>>): KeyObject {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    throw new DamagedError('a public key of the key set cannot be parsed');
  }
}
