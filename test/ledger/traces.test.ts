import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asManifest, keyFinder } from '../../src/ledger/traces.ts';
import { secret } from '../adapters/directory/workspace.ts';
import { seededRandom } from '../support/random.ts';

const KID = 'k32wxame37wtxayc';
const NAME = 'palette-key-root-key-v1';
const random = seededRandom('traces');
const key = random.bytes(32);
const find = (held: string | Uint8Array, entries?: Record<string, Uint8Array>): boolean =>
  keyFinder([{ kid: KID, name: NAME, entries }])(Buffer.from(held)).includes(KID);

const base64At = (offset: number, bytes: Uint8Array, encoding: 'base64' | 'base64url' = 'base64'): string =>
  Buffer.concat([Buffer.alloc(offset, 'x'), bytes, Buffer.from('yz')]).toString(encoding);

describe('a key is found', () => {
  test.each([0, 1, 2, 3, 4, 5])('by its kid in base64 that begins %i bytes before', (offset) => {
    expect(find(`data: ${base64At(offset, Buffer.from(KID))}`)).toBe(true);
  });

  test.each([
    ['a label of a Secret', `kind: Secret\nmetadata:\n  labels:\n    kid: ${KID}\n`],
    ['a JWK Set', `{"keys":[{"kty":"oct","kid":"${KID}","k":"AAAA"}]}`],
    ['a manifest that ends before the kid', `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${NAME}\n  names`],
    ['the same in JSON', `{"kind":"Secret","metadata":{"name":"${NAME}","namespace":"a"},"da`],
    ['a text with a private key', `${KID}\n-----BEGIN PRIVATE KEY-----\n`],
  ])('by %s', (_, text) => expect(find(text)).toBe(true));

  test('in a Secret of a store', () => {
    expect(find(asManifest(secret('copy', { data: { kid: Buffer.from(KID) } })))).toBe(true);
    expect(find(asManifest(secret('copy', { labels: { kid: KID } })))).toBe(true);
    expect(find(asManifest(secret('copy')))).toBe(false);
  });

  test('by its bytes, where they are at hand, however they are written', () => {
    const forms = [0, 1, 2].flatMap((offset) => [base64At(offset, key), base64At(offset, key, 'base64url')]);
    for (const form of [
      key,
      ...forms,
      Buffer.from(key).toString('hex'),
      Buffer.from(key).toString('hex').toUpperCase(),
    ]) {
      expect([find(form, { key }), find(form)]).toEqual([true, false]);
    }
    expect(find(random.bytes(4096), { key })).toBe(false);
  });

  test.each([
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ec', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ed25519', generateKeyPairSync('ed25519')],
  ])('by its PEM (%s), with any line ends; its public key is not taken for it', (_, { privateKey, publicKey }) => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const entries = { 'key.pem': Buffer.from(pem) };
    expect(
      [pem, pem.replaceAll('\n', '\r\n'), base64At(1, Buffer.from(pem))].map((form) => find(form, entries)),
    ).toEqual([true, true, true]);
    expect(find(publicKey.export({ type: 'spki', format: 'pem' }), entries)).toBe(false);
  });
});

test.each([
  ['a note', `destroy ${KID} on Monday`],
  ['the record', `{"versions":[{"n":1,"kid":"${KID}","state":"destroyed"}]}`],
  ['a Secret of a later version', `kind: Secret\nmetadata:\n  name: ${NAME}0\n`],
  ['nothing', ''],
])('%s that names a key is not taken for it', (_, text) => expect(find(text)).toBe(false));
