// Covers: src/ledger/bounds.ts, src/ledger/ring.ts

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { symmetricKid } from '../../src/crypto/kid.ts';
import { DamagedError } from '../../src/errors.ts';
import { decodeKeyring, encodeKeyring } from '../../src/ledger/keyring.ts';
import { acceptedOf, activeOf, type RingVersion, type State } from '../../src/ledger/ring.ts';
import { seededRandom } from '../support/random.ts';

const kidOf = (key: Uint8Array): string => symmetricKid('root-key', key);
const random = seededRandom('keyring');

function version(n: number, state: State, key = random.bytes(32)): RingVersion {
  const material = { alg: 'A256GCM', entries: { key } };
  return { kind: 'root-key', n, createdAt: '2027-01-01T00:00:00Z', material, facts: { kid: kidOf(key) }, state };
}

const ring = [version(1, 'retired'), version(2, 'trusted'), version(3, 'active'), version(4, 'published')];
const asJson = (of = ring) => JSON.parse(Buffer.from(encodeKeyring(of)).toString('utf8'));
const decode = (json: unknown) => decodeKeyring({ 'keyring.json': Buffer.from(JSON.stringify(json)) }, kidOf);

describe('a keyring', () => {
  test('is a JWK Set of what is published, active and trusted, by rising version', () => {
    const [, trusted, active, published] = ring;
    expect(asJson()).toEqual({
      active: active?.facts.kid,
      keys: [trusted, active, published].map((each) => ({
        kty: 'oct',
        kid: each?.facts.kid,
        alg: 'A256GCM',
        state: each?.state,
        k: Buffer.from(each?.material.entries['key'] ?? []).toString('base64url'),
      })),
    });
  });

  test('comes back as it was written', () => {
    const states = fc.array(fc.constantFrom<State>('published', 'trusted', 'retired', 'destroyed'), { maxLength: 6 });
    fc.assert(
      fc.property(states, fc.nat({ max: 6 }), fc.boolean(), (others, at, hasActive) => {
        const all = hasActive ? others.toSpliced(at, 0, 'active' as never) : others;
        const made = all.map((state, i) => version(i + 1, state));
        const back = decodeKeyring({ 'keyring.json': encodeKeyring(made) }, kidOf);
        expect(back.active).toBe(made.find(({ state }) => state === 'active')?.facts.kid);
        expect(back.keys).toEqual(
          acceptedOf(made).map(({ facts, material, state }) => ({
            kid: facts.kid,
            alg: material.alg,
            state,
            key: Uint8Array.from(material.entries['key'] ?? []),
          })),
        );
      }),
    );
  });

  test('is the same bytes for the same ring', () => {
    expect(encodeKeyring(ring)).toEqual(encodeKeyring(ring.map((each) => ({ ...each }))));
  });
});

describe('what contradicts itself is damaged:', () => {
  const change = (change: (json: ReturnType<typeof asJson>) => void): unknown => {
    const json = asJson();
    change(json);
    return json;
  };

  test.each<readonly [string, unknown]>([
    ['another active kid', change((json) => Object.assign(json, { active: json.keys[0].kid }))],
    ['no active kid', change((json) => delete json.active)],
    ['null for an active kid that is there', change((json) => Object.assign(json, { active: null }))],
    ['an active kid that is not there', change((json) => json.keys.splice(1, 1))],
    ['two active keys', change((json) => Object.assign(json.keys[0], { state: 'active' }))],
    ['an unknown state', change((json) => Object.assign(json.keys[0], { state: 'gone' }))],
    ['no state', change((json) => delete json.keys[0].state)],
    ['another key under a kid', change((json) => Object.assign(json.keys[0], { k: json.keys[1].k }))],
    ['a kid of another key', change((json) => Object.assign(json.keys[0], { kid: json.keys[1].kid }))],
    ['an empty key', change((json) => Object.assign(json.keys[0], { k: '' }))],
    ['a key with padding', change((json) => Object.assign(json.keys[0], { k: `${json.keys[0].k}=` }))],
    ['another type of key', change((json) => Object.assign(json.keys[0], { kty: 'RSA' }))],
    ['no algorithm', change((json) => delete json.keys[0].alg)],
    ['a key that is a text', change((json) => json.keys.push('key'))],
    ['keys that are no list', { active: null, keys: {} }],
    ['a list', []],
    ['null', null],
  ])('%s', (_, json) => {
    expect(() => decode(json)).toThrow(DamagedError);
  });

  test.each([
    ['is missing', {}],
    ['is empty', { 'keyring.json': new Uint8Array() }],
    ['is not text', { 'keyring.json': Uint8Array.of(0xff) }],
    ['is not JSON', { 'keyring.json': Buffer.from('{"active": CANARY') }],
  ])('an entry that %s, and nothing of it is quoted', (_, entries) => {
    expect(() => decodeKeyring(entries, kidOf)).toThrow(
      /^entry keyring\.json is (missing|empty|not UTF-8 text|not JSON)$/,
    );
  });

  test('anything else that is changed is read, or damaged, and nothing else', () => {
    const text = JSON.stringify(asJson());
    const edit = fc.record({ at: fc.nat({ max: text.length - 1 }), byte: fc.nat({ max: 255 }) });
    const replaced = fc.record({
      path: fc.constantFrom(
        ['active'],
        ['keys'],
        ['keys', 0],
        ['keys', 1, 'k'],
        ['keys', 2, 'state'],
        ['keys', 0, 'kid'],
      ),
      value: fc.oneof(fc.jsonValue(), fc.constantFrom('__proto__', 'active', '', -0)),
    });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), fc.array(replaced, { maxLength: 2 }), (edits, values) => {
        const json = asJson();
        for (const { path, value } of values) {
          let place = json;
          for (const part of path.slice(0, -1)) place = place?.[part];
          if (typeof place === 'object' && place !== null) place[path.at(-1) ?? ''] = structuredClone(value);
        }
        const bytes = Buffer.from(JSON.stringify(json));
        for (const { at, byte } of edits) if (at < bytes.length) bytes[at] = byte;
        try {
          const { active, keys } = decodeKeyring({ 'keyring.json': bytes }, kidOf);
          expect(keys.filter(({ state }) => state === 'active').map(({ kid }) => kid)).toEqual(active ? [active] : []);
          for (const { kid, key } of keys) expect(kidOf(key)).toBe(kid);
        } catch (error) {
          if (!(error instanceof DamagedError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('a ring without an active version is a mistake of the caller', () => {
  expect(activeOf(ring).n).toBe(3);
  expect(() => activeOf([version(1, 'trusted')])).toThrow('a ring without an active version');
});
