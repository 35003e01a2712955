import { base64urlToBytes, bytesToBase64url } from '../crypto/base64url.ts';
import { DamagedError } from '../errors.ts';
import type { Entries } from '../ports/key-store.ts';
import { MOST } from './bounds.ts';
import { acceptedOf, type Ring, STATES, type State } from './ring.ts';
import { entry, isObject, jsonEntry, utf8 } from './text.ts';

/** One key of a `keyring.json`. */
export interface KeyringKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: State;
  readonly key: Uint8Array;
}

/**
 * A JWK Set (RFC 7517, section 5) of `kty: oct` keys (RFC 7518, section 6.4) with `state` on each and `active` at the
 * top; `active` is null where no key of the set is (a JWT key whose algorithm was changed from HS256, say).
 */
export function encodeKeyring(ring: Ring): Uint8Array {
  const accepted = acceptedOf(ring);
  const active = accepted.find((version) => version.state === 'active')?.facts.kid ?? null;
  const keys = accepted.map((version) => ({
    kty: 'oct',
    kid: version.facts.kid,
    alg: version.material.alg,
    state: version.state,
    k: bytesToBase64url(entry(version.material.entries, 'key')),
  }));
  return utf8(`${JSON.stringify({ active, keys }, undefined, 2)}\n`);
}

/** Reads what `encodeKeyring` wrote, checking each key's kid with `kidOf`. Throws DamagedError. */
export function decodeKeyring(
  entries: Entries,
  kidOf: (key: Uint8Array) => string,
): { readonly active: string | undefined; readonly keys: readonly KeyringKey[] } {
  const set = jsonEntry(entries, 'keyring.json');
  if (!isObject(set) || !Array.isArray(set['keys'])) throw new DamagedError('keyring.json is not a JWK Set');
  if (set['keys'].length > MOST.versions) throw new DamagedError('keyring.json has more keys than are read');
  const keys = set['keys'].map((jwk: unknown) => decodeKey(jwk, kidOf));
  const [active, ...others] = keys.filter((key) => key.state === 'active').map((key) => key.kid);
  if (others.length > 0 || (active ?? null) !== set['active']) {
    throw new DamagedError('the active key of keyring.json contradicts the states of its keys');
  }
  return { active, keys };
}

function decodeKey(jwk: unknown, kidOf: (key: Uint8Array) => string): KeyringKey {
  if (!isObject(jwk)) throw new DamagedError('a key of keyring.json is not an object');
  const { kty, kid, alg, state, k } = jwk;
  if (kty !== 'oct' || typeof k !== 'string' || typeof kid !== 'string' || typeof alg !== 'string') {
    throw new DamagedError('a key of keyring.json lacks kty, kid, alg or k');
  }
  const known = STATES.find((candidate) => candidate === state);
  if (known === undefined) throw new DamagedError('a key of keyring.json has no known state');
  const key = base64urlToBytes(k);
  if (key.length === 0 || kidOf(key) !== kid) throw new DamagedError('a key of keyring.json contradicts its kid');
  return { kid, alg, state: known, key };
}
