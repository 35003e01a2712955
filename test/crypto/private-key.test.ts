// Covers: src/adapters/system/random.ts

import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../src/adapters/system/random.ts';
import {
  decodePrivateKey,
  encodePrivateKey,
  generatePrivateKey,
  type KeyPairAlgorithm,
  parsePrivateKey,
  spkiOf,
} from '../../src/crypto/private-key.ts';
import { DamagedError } from '../../src/errors.ts';

const algorithms: readonly KeyPairAlgorithm[] = [
  { type: 'rsa', bits: 2048 },
  { type: 'ec', curve: 'P-256' },
  { type: 'ec', curve: 'P-384' },
  { type: 'ed25519' },
];

describe.each(algorithms)('a private key of $type', (algorithm) => {
  test('is of the kind that was asked for', async () => {
    const { asymmetricKeyType, asymmetricKeyDetails } = await generatePrivateKey(algorithm);
    expect(asymmetricKeyType).toBe(algorithm.type);
    if (algorithm.type === 'rsa') {
      expect(asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65_537n });
    }
    if (algorithm.type === 'ec') {
      expect(asymmetricKeyDetails?.namedCurve).toBe(algorithm.curve === 'P-256' ? 'prime256v1' : 'secp384r1');
    }
  });

  test('survives being written and read', async () => {
    const key = await generatePrivateKey(algorithm);
    const pem = encodePrivateKey(key);
    expect(Buffer.from(pem).toString()).toMatch(
      /^-----BEGIN PRIVATE KEY-----\n[\w+/=\n]+\n-----END PRIVATE KEY-----\n$/,
    );
    const again = decodePrivateKey(pem);
    expect(again.equals(key)).toBe(true);
    expect(encodePrivateKey(again)).toEqual(pem);
    const hash = algorithm.type === 'ed25519' ? null : 'sha256';
    expect(verify(hash, Buffer.from('m'), createPublicKey(key), sign(hash, Buffer.from('m'), again))).toBe(true);
  });

  test('that is changed in any way is read, or damaged, and nothing else', async () => {
    const pem = encodePrivateKey(await generatePrivateKey(algorithm));
    const change = fc.record({
      at: fc.nat({ max: pem.length - 1 }),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('ABab01+/=\n-'))),
      how: fc.constantFrom('replace' as const, 'insert' as const, 'cut' as const, 'repeat' as const),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes = Uint8Array.from(pem);
        for (const { at, byte, how } of changes) {
          const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + (how === 'insert' ? 0 : 1))];
          const middle = { replace: [byte], insert: [byte], cut: [], repeat: [...bytes] }[how];
          bytes = Uint8Array.from([...head, ...middle, ...tail]);
        }
        for (const read of [decodePrivateKey, parsePrivateKey]) {
          try {
            expect(read(bytes).type).toBe('private');
          } catch (error) {
            // What the parser says may quote the key.
            expect(error).toStrictEqual(new DamagedError((error as Error).message));
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('what is read as a private key', () => {
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: typeof rsa, type: 'pkcs1' | 'pkcs8' | 'sec1'): string =>
    key.export({ type: type as 'pkcs8', format: 'pem' }).toString();

  test.each([
    ['PKCS#1', pem(rsa, 'pkcs1')],
    ['SEC1', pem(ec, 'sec1')],
    ['PKCS#8 with Windows line ends', pem(rsa, 'pkcs8').replaceAll('\n', '\r\n')],
    ['PKCS#8 with a text before', `key of auth\n${pem(rsa, 'pkcs8')}`],
  ])('in any form may be %s, which the ledger never holds', (_, text) => {
    expect(parsePrivateKey(Buffer.from(text)).type).toBe('private');
    expect(() => decodePrivateKey(Buffer.from(text))).toThrow(DamagedError);
  });

  test.each([
    ['nothing', ''],
    ['a public key', createPublicKey(rsa).export({ type: 'spki', format: 'pem' }).toString()],
    ['two keys', pem(rsa, 'pkcs8') + pem(ec, 'pkcs8')],
    ['an encrypted key', rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes256', passphrase: 'x' }).toString()],
  ])('in the ledger is never %s', (_, text) => {
    expect(() => decodePrivateKey(Buffer.from(text))).toThrow(DamagedError);
  });

  test('is not asked for a passphrase', () => {
    const locked = rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes256', passphrase: 'x' });
    expect(() => parsePrivateKey(Buffer.from(locked))).toThrow(DamagedError);
  });

  test('never shows in the message', () => {
    const text = pem(rsa, 'pkcs8').replace(/\n.{20}/, '\nCANARYCANARYCANARYCA');
    expect(() => decodePrivateKey(Buffer.from(text))).toThrow(/^the private key cannot be parsed$/);
  });

  test('has one public key, from either half', () => {
    expect(spkiOf(rsa)).toEqual(spkiOf(createPublicKey(rsa)));
  });
});

test('random bytes are as many as asked for, and others each time', () => {
  expect(systemRandom.bytes(756)).toHaveLength(756);
  const seen = new Set(Array.from({ length: 100 }, () => Buffer.from(systemRandom.bytes(16)).toString('hex')));
  expect(seen.size).toBe(100);
});
