import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createAccount, createOperator, createUser, fromPublic, type KeyPair } from '@nats-io/nkeys';
import { Codec } from '@nats-io/nkeys/lib/codec.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NkeyRole, nkeySigner, nkeySpki, publicNkey, verifyNkey } from '../../src/crypto/nkey.ts';
import { spkiOf } from '../../src/crypto/private-key.ts';

const roles: readonly (readonly [NkeyRole, () => KeyPair])[] = [
  ['operator', createOperator],
  ['account', createAccount],
];

/** The key inside a pair of the library, which shows only its seed. */
function keyOf(pair: KeyPair): KeyObject {
  const { buf } = Codec.decodeSeed(pair.getSeed());
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), buf]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

const message = Buffer.from('a message');

describe.each(roles)('an nkey of an %s', (role, create) => {
  test('is what the library makes of the same seed', () => {
    for (let i = 0; i < 20; i++) {
      const theirs = create();
      expect(publicNkey(role, keyOf(theirs))).toBe(theirs.getPublicKey());
    }
  });

  test('leads back to the public key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const nkey = publicNkey(role, privateKey);
    expect(nkey).toMatch(role === 'operator' ? /^O[A-Z2-7]{55}$/ : /^A[A-Z2-7]{55}$/);
    expect(publicNkey(role, publicKey)).toBe(nkey);
    expect(nkeySpki(role, nkey)).toEqual(spkiOf(publicKey));
  });

  test('signs as the library does, and each takes the signatures of the other', () => {
    const theirs = create();
    const ours = nkeySigner(role, keyOf(theirs));
    const signature = ours.sign(message);
    expect(Buffer.from(signature)).toEqual(Buffer.from(theirs.sign(message)));
    expect(fromPublic(ours.getPublicKey()).verify(message, signature)).toBe(true);
    expect(verifyNkey(role, theirs.getPublicKey(), message, theirs.sign(message))).toBe(true);
    expect(verifyNkey(role, theirs.getPublicKey(), Buffer.from('another'), signature)).toBe(false);
    expect(verifyNkey(role, create().getPublicKey(), message, signature)).toBe(false);
  });

  test('with any other character in it is refused', () => {
    const nkey = create().getPublicKey();
    fc.assert(
      fc.property(fc.nat({ max: nkey.length - 1 }), fc.constantFrom(...'ABCXYZ234567'), (at, letter) => {
        fc.pre(nkey.charAt(at) !== letter);
        const changed = `${nkey.slice(0, at)}${letter}${nkey.slice(at + 1)}`;
        expect(() => nkeySpki(role, changed)).toThrow();
      }),
    );
  });
});

test('an nkey of another role is refused', () => {
  expect(() => nkeySpki('operator', createAccount().getPublicKey())).toThrow();
  expect(() => nkeySpki('account', createOperator().getPublicKey())).toThrow();
  expect(() => nkeySpki('account', createUser().getPublicKey())).toThrow();
});

test.each(['', 'O', 'not an nkey', 'O'.repeat(56), 'SOAAAA', '\u{1F511}'])('%j is no nkey', (text) => {
  expect(() => nkeySpki('operator', text)).toThrow();
});
