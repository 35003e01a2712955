// Covers: src/crypto/base64url.ts

import { base32nopad } from '@scure/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64urlToBytes, bytesToBase64url } from '../../src/crypto/base64url.ts';
import { slowBase32 } from '../reconcile/checker.ts';

const base32 = (bytes: Uint8Array): string => base32nopad.encode(bytes).toLowerCase();

describe('base32', () => {
  // RFC 4648, section 10, in lower case and without padding.
  test.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('of "%s" is "%s"', (text, encoded) => {
    expect(base32(Buffer.from(text))).toBe(encoded);
  });

  test('of any bytes is what bit by bit comes out', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => base32(bytes) === slowBase32(bytes)));
  });

  test('of 10 bytes is a label of 16 characters', () => {
    expect(base32(new Uint8Array(10).fill(0xff))).toBe('7777777777777777');
  });
});

describe('base64url', () => {
  test('brings any bytes there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = bytesToBase64url(bytes);
        expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(base64urlToBytes(text)).toEqual(bytes);
      }),
    );
  });

  // RFC 7515, appendix C.
  test('is that of RFC 7515', () => {
    expect(bytesToBase64url(Uint8Array.of(3, 236, 255, 224, 193))).toBe('A-z_4ME');
    expect(base64urlToBytes('A-z_4ME')).toEqual(Uint8Array.of(3, 236, 255, 224, 193));
  });

  test.each([
    ['with padding', 'A-z_4ME='],
    ['of plain base64', 'A+z/4ME'],
    ['with bits left over that are not zero', 'A-z_4MF'],
    ['with a line end', 'A-z_4ME\n'],
    ['of an impossible length', 'A'],
    ['with something else in it', 'A-z_4M!'],
  ])('%s is not taken', (_, text) => {
    expect(base64urlToBytes(text)).toEqual(new Uint8Array());
  });
});
