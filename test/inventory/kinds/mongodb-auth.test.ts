// Covers: src/inventory/kinds/mongodb-auth.ts, src/inventory/kinds/mongodb-keyfile.ts
// Covers: src/inventory/kinds/mongodb-uri.ts, src/inventory/kinds/mongodb-username.ts

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DamagedError } from '../../../src/errors.ts';
import type { ComputedProjection } from '../../../src/inventory/kind.ts';
import { encodeKeyfile, keysIn } from '../../../src/inventory/kinds/mongodb-keyfile.ts';
import type { Ring, RingVersion, State } from '../../../src/ledger/ring.ts';
import type { Entries } from '../../../src/ports/key-store.ts';
import { smallSpec } from '../../support/installations.ts';
import { RsaPool } from '../../support/random.ts';
import { kindOf, versionOf } from '../rings.ts';

const pool = new RsaPool();
beforeAll(() => pool.install());
afterAll(() => pool.uninstall());

const spec = smallSpec();
const kind = kindOf('mongodb-auth');
const [projection] = kind.projections(spec, new Map()) as [ComputedProjection];
const text = (entries: Entries, name: string): string => Buffer.from(entries[name] ?? []).toString();
const userOf = ({ material }: RingVersion): string => text(material.entries, 'username');
const keyOf = ({ material }: RingVersion): string => text(material.entries, 'keyfile');

async function ringOf(...states: readonly State[]): Promise<Ring> {
  let ring: Ring = [];
  for (const index of states.keys()) ring = [...ring, await versionOf(kind, spec, { n: index + 1, ring })];
  return ring.map((version, index) => ({ ...version, state: states[index] ?? version.state }));
}

const mounted = (ring: Ring): Promise<Entries> => projection.compute(new Map([[kind.id, ring]]));

describe('a connection string that gets TLS', () => {
  const meaning = (before: string, after: string) =>
    projection.meaning?.({ uri: Buffer.from(before) }, { uri: Buffer.from(after) });

  test.each([
    ['mongodb://u:p@h/d', 'mongodb://u:p@h/d?tls=true'],
    ['mongodb://u:p@h/d?w=1', 'mongodb://u:p@h/d?w=1&tls=true'],
  ])('is said to: from %s to %s', (before, after) => {
    expect(meaning(before, after)).toBe('services will connect with TLS');
  });

  test.each([
    ['mongodb://u:p@h/d?tls=true', 'mongodb://u:p@h/d?tls=true'],
    ['mongodb://u:p@h/d', 'mongodb://u:p@other/d?tls=true'],
    ['mongodb://u:p@h/d?tls=true', 'mongodb://u:p@h/d'],
  ])('is not said of another change: from %s to %s', (before, after) => {
    expect(meaning(before, after)).toBeUndefined();
  });
});

describe('the user of a new version', () => {
  test.each<[string, readonly State[], string]>([
    ['has the name of the spec, where it is the first', [], 'hubble'],
    ['has another one than the active', ['active'], 'hubble-b'],
    ['has the first name again, once that is retired', ['retired', 'active'], 'hubble'],
    ['has another one than the active, where one was published and never used', ['active', 'retired'], 'hubble-b'],
    ['has a third name, where a retired version was brought back', ['trusted', 'active'], 'hubble-c'],
  ])('%s', async (_, states, name) => {
    const ring = await ringOf(...states);
    expect(userOf(await versionOf(kind, spec, { n: 9, ring }))).toBe(name);
  });

  test('has a name that the spec asks for, whichever it is', async () => {
    for (const version of await ringOf('trusted', 'active')) expect(kind.drift(version, spec)).toBeUndefined();
    const [other] = await ringOf('active');
    const asked = smallSpec({ mongodb: { members: 1, username: 'hub' } });
    expect(other && kind.drift(other, asked)).toBe('the spec asks for the user hub');
  });
});

describe('the keyfile', () => {
  test('of one version is its key as it is, as it has always been', async () => {
    const ring = await ringOf('retired', 'active');
    expect(text(await mounted(ring), 'keyfile')).toBe(ring.map(keyOf)[1]);
  });

  test.each<[readonly State[], readonly number[]]>([
    [
      ['active', 'published'],
      [1, 2],
    ],
    [
      ['trusted', 'active'],
      [2, 1],
    ],
    [
      ['active', 'trusted'],
      [1, 2],
    ],
    // mongod takes no more than two.
    [
      ['trusted', 'active', 'published'],
      [2, 3],
    ],
    [
      ['trusted', 'trusted', 'active'],
      [3, 2],
    ],
  ])('of %s is a sequence of the active key, which members show, and the other', async (states, order) => {
    const ring = await ringOf(...states);
    const entries = await mounted(ring);
    expect(parse(text(entries, 'keyfile'))).toEqual(order.map((n) => keyOf(ring[n - 1] as RingVersion)));
    const active = ring.find(({ state }) => state === 'active') as RingVersion;
    expect(text(entries, 'username')).toBe(userOf(active));
    expect(await projection.inspect(entries)).toMatchObject([
      { kid: active.facts.kid, material: { entries: active.material.entries } },
    ]);
  });

  test('keeps the key of the version that was active before, beside one that was brought back', async () => {
    const ring = (await ringOf('trusted', 'trusted', 'active')).map((version) =>
      version.n === 1 ? { ...version, activeSince: '2027-01-01T00:00:00Z' } : version,
    );
    const keys = parse(text(await mounted(ring), 'keyfile'));
    expect(keys).toEqual([2, 0].map((index) => keyOf(ring[index] as RingVersion)));
  });

  test('keeps a key with line breaks byte for byte', () => {
    const keys = ['bGluZSBvbmU=\nbGluZSB0d28=\n', 'YW5vdGhlcg=='];
    const keyfile = encodeKeyfile(keys);
    expect([parse(keyfile), keysIn(keyfile), keysIn(encodeKeyfile(['a\n']))]).toEqual([keys, keys, ['a\n']]);
  });

  test.each(['- "a', '- a\n- b\n', '- "a"\n"b"\n', '- 5\n- 6\n', '- "a"\n- "b"'])(
    '%j is damaged, and is not quoted',
    (keyfile) => {
      expect(() => keysIn(keyfile)).toThrow(new DamagedError('entry keyfile is no sequence of keys'));
    },
  );
});
