import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, importJWK } from 'jose';
import { describe, expect, test } from 'vitest';
import { publicJwk, readPublicJwk } from '../../src/crypto/jwk.ts';
import { spkiOf } from '../../src/crypto/private-key.ts';
import { DamagedError } from '../../src/errors.ts';

/** RFC 7638, section 3.1. */
const RSA = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
};
const RSA_THUMBPRINT = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';

/** RFC 8037, appendices A.1 and A.2. */
const ED25519 = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
/** RFC 8037, appendix A.3. */
const ED25519_THUMBPRINT = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';

describe('a public JWK', () => {
  test('of the RSA key of RFC 7638 has its members and its thumbprint', async () => {
    const jwk = publicJwk(createPublicKey({ key: RSA, format: 'jwk' }), 'a'.repeat(16), 'RS256');
    expect(Object.entries(jwk)).toEqual([
      ['kty', 'RSA'],
      ['kid', 'a'.repeat(16)],
      ['alg', 'RS256'],
      ['use', 'sig'],
      ['n', RSA.n],
      ['e', RSA.e],
    ]);
    expect(await calculateJwkThumbprint(jwk)).toBe(RSA_THUMBPRINT);
  });

  test('of the private Ed25519 key of RFC 8037 is its public half, with its thumbprint', async () => {
    const jwk = publicJwk(createPrivateKey({ key: ED25519, format: 'jwk' }), 'b'.repeat(16), 'EdDSA');
    expect(Object.keys(jwk)).toEqual(['kty', 'kid', 'alg', 'use', 'crv', 'x']);
    expect(jwk['x']).toBe(ED25519.x);
    expect(await calculateJwkThumbprint(jwk)).toBe(ED25519_THUMBPRINT);
  });

  test.each([
    ['RS256', 'rsa', { modulusLength: 2048 }],
    ['ES256', 'ec', { namedCurve: 'P-256' }],
    ['ES384', 'ec', { namedCurve: 'P-384' }],
    ['EdDSA', 'ed25519', {}],
  ] as const)('for %s never shows a private member, and is taken by another library', async (alg, type, options) => {
    const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
    const jwk = publicJwk(privateKey, 'c'.repeat(16), alg);
    expect(Object.keys(jwk).filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(name))).toEqual([]);
    expect(await importJWK(jwk, alg)).toMatchObject({ type: 'public' });
    expect(spkiOf(readPublicJwk(jwk))).toEqual(spkiOf(privateKey));
  });
});

describe('reading a public JWK', () => {
  test('of the RFCs gives the keys', () => {
    expect(readPublicJwk(RSA).asymmetricKeyType).toBe('rsa');
    expect(readPublicJwk(ED25519).asymmetricKeyType).toBe('ed25519');
    expect(readPublicJwk(ED25519).type).toBe('public');
  });

  test('fails with nothing but damage, whatever it is', () => {
    const names = fc.constantFrom('kty', 'crv', 'n', 'e', 'x', 'y', 'd', 'k', '__proto__');
    const values = fc.oneof(
      fc.constantFrom('RSA', 'EC', 'OKP', 'oct', 'P-256', 'Ed25519', ED25519.x, 'AQAB'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.dictionary(names, values), fc.constantFrom(RSA, ED25519), (changes, base) => {
        try {
          expect(readPublicJwk({ ...(base as JsonWebKey), ...changes } as never).type).toBe('public');
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('never quotes the key in its message', () => {
    expect(() => readPublicJwk({ kty: 'RSA', n: 'CANARY' })).toThrow(/^a public key of the key set cannot be parsed$/);
  });
});
