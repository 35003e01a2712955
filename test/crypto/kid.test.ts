// Covers: src/crypto/digest.ts, src/crypto/frame.ts

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes, fingerprint, sha256Hex } from '../../src/crypto/digest.ts';
import { credentialKid, KID_PATTERN, publicKeyKid, symmetricKid } from '../../src/crypto/kid.ts';
import { spkiOf } from '../../src/crypto/private-key.ts';
import { kidOfKey, kidOfSecret } from '../reconcile/checker.ts';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

describe('the kid of a secret key', () => {
  // Computed with Python's hmac and hashlib, whose HKDF gave RFC 5869's test case 3 first.
  test.each([
    ['root-key', new Uint8Array(32), 'zhcgl3u7altjkesb'],
    ['root-key', bytes(32), 'arq4zoi67izcelem'],
    ['hash-salt', bytes(32), 'w4slv6kwarsp7c3s'],
    ['jwt-signing-key', bytes(64), '47aqjuoma2bup2le'],
  ])('%s never changes', (kind, key, kid) => {
    expect(symmetricKid(kind, key)).toBe(kid);
  });

  // The input keys of RFC 5869's test cases 1 and 3, 2, and 4.
  test.each([
    ['22 bytes', new Uint8Array(22).fill(0x0b)],
    ['80 bytes', bytes(80)],
    ['11 bytes', new Uint8Array(11).fill(0x0b)],
  ])("is HKDF's over %s, as node:crypto computes it", (_, key) => {
    expect(symmetricKid('root-key', key)).toBe(kidOfSecret('root-key', key));
  });

  test('is what node:crypto makes of it, for any key and any kind', () => {
    const kinds = fc.stringMatching(/^[a-z][a-z-]{0,40}$/);
    fc.assert(
      fc.property(kinds, fc.uint8Array({ minLength: 1, maxLength: 100 }), (kind, key) => {
        const kid = symmetricKid(kind, key);
        expect(kid).toBe(kidOfSecret(kind, key));
        expect(kid).toMatch(KID_PATTERN);
      }),
    );
  });

  test('is another for every kind', () => {
    expect(symmetricKid('root-key', bytes(32))).not.toBe(symmetricKid('hash-salt', bytes(32)));
  });
});

describe('the kid of a credential', () => {
  const parts = (...texts: string[]): Uint8Array[] => texts.map((text) => Buffer.from(text));

  test('never changes', () => {
    expect(credentialKid('mongodb-auth', parts('hubble', 'secret', 'a2V5'))).toBe('45p2w3r4sh5uc3p2');
  });

  test('does not run its parts together', () => {
    const kids = [parts('ab', 'c', 'd'), parts('a', 'bc', 'd'), parts('abc', '', 'd'), parts('ab', 'cd', '')].map(
      (each) => credentialKid('mongodb-auth', each),
    );
    expect(new Set(kids).size).toBe(kids.length);
  });
});

describe('the kid of a key pair', () => {
  test('is that of the Ed25519 key of RFC 8037', () => {
    const raw = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), raw]);
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    expect(publicKeyKid(spkiOf(key))).toBe('a3r73d62fg5wbk2z');
  });

  test.each(['rsa', 'ec', 'ed25519'] as const)('of type %s is the same from either half', (type) => {
    const { privateKey, publicKey } = generateKeyPairSync(
      type as 'rsa',
      {
        modulusLength: 2048,
        namedCurve: 'P-256',
      } as { modulusLength: number },
    );
    expect(spkiOf(privateKey)).toEqual(spkiOf(publicKey));
    expect(publicKeyKid(spkiOf(privateKey))).toBe(kidOfKey(publicKey));
  });
});

describe('digests', () => {
  // FIPS 180-4, the example "abc".
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  test('a fingerprint is SHA256: and lower-case hex', () => {
    expect(sha256Hex(Buffer.from('abc'))).toBe(abc);
    expect(fingerprint(Buffer.from('abc'))).toBe(`SHA256:${abc}`);
  });

  test('bytes are equal only to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true);
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});
