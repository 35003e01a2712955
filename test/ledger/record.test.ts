// Covers: src/ledger/bounds.ts

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DamagedError, PaletteKeysError } from '../../src/errors.ts';
import { decodeRecord, type InstallationRecord, recordObject } from '../../src/ledger/record.ts';
import { RECORD, smallSpec } from '../support/installations.ts';

const TIME = '2027-01-01T00:00:00Z';
const version = (n: number, state: string, letter: string) => ({
  n,
  kid: letter.repeat(16),
  state,
  createdAt: TIME,
  since: TIME,
  history: [{ state, at: TIME }],
  backups: [],
});

const record = {
  schemaVersion: 3,
  installationId: 'f3b0c442-98fc-4c14-9afb-f4c8996fb924',
  createdAt: TIME,
  spec: smallSpec(),
  generation: 7,
  keys: {
    'root-key': {
      versions: [version(1, 'destroyed', 'a'), version(3, 'trusted', 'b'), version(4, 'active', 'c')],
      evidence: [
        { type: 'replacement', n: 4, note: 'mine' },
        { type: 'of a newer build', at: TIME },
      ],
    },
    'internal-ca': {
      versions: [
        {
          ...version(1, 'active', 'd'),
          fingerprint: `SHA256:${'0f'.repeat(32)}`,
          notAfter: '2037-01-01T00:00:00Z',
          backups: [{ file: 'a.age', sha256: '00', at: TIME, recipients: ['age1x'] }],
        },
      ],
      evidence: [],
    },
  },
  ready: true,
};

// biome-ignore lint/suspicious/noExplicitAny: any JSON may stand in a record
const copy = (): any => structuredClone(record);
const decode = (json: unknown): InstallationRecord =>
  decodeRecord({ 'record.json': Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)) });

describe('a record', () => {
  test('comes back as it was written', () => {
    const object = recordObject(RECORD, record as InstallationRecord, '0.1.0');
    expect(object).toMatchObject({ ref: RECORD, type: undefined, immutable: false });
    expect(object.labels['palette-keys.dev/installation']).toBe(record.installationId);
    expect(decodeRecord(object.data)).toEqual(record);
  });

  test('may know kinds that this program does not, and lack those that it does', () => {
    const other = copy();
    other.keys = { 'message-bus-account-acme': record.keys['root-key'] };
    expect(Object.keys(decode(other).keys)).toEqual(['message-bus-account-acme']);
  });

  test('keeps the fields that it does not know, of the spec too, through every reading and writing', () => {
    const other = copy();
    other.note = 'mine';
    other.keys['root-key'].note = { more: [1] };
    other.keys['root-key'].versions[0].note = 'mine';
    other.spec.note = 'mine';
    other.spec.jwt.note = 'mine';
    other.spec.serviceCertificates.services[0].note = 'mine';
    const ref = { kind: 'ConfigMap', namespace: 'n', name: 'palette-keys-installation' } as const;
    const written = recordObject(ref, decode(other), '0.2.0').data['record.json'];
    expect(JSON.parse(Buffer.from(written ?? []).toString())).toEqual(other);
  });

  /** The record as a build of an older schema has it. */
  const former = (schemaVersion: number): Record<string, unknown> => {
    const old = copy();
    old.keys['root-key'].evidence = {
      'v4.cause': 'compromised',
      'v4.1.active': { confirmedAt: TIME, by: 'pods' },
      odd: 7,
    };
    old.keys['internal-ca'].evidence = { 'namespaces.before': ['a'], 'service-certificates.compromised': TIME };
    return { ...old, schemaVersion };
  };

  test('of schemaVersion 1 takes fields of schemaVersion 2 for unknown ones', () => {
    expect(decode({ ...former(1), audit: 'not an anchor' })).toMatchObject({
      schemaVersion: 1,
      audit: 'not an anchor',
    });
    expect(() => decode({ ...former(2), audit: 'not an anchor' })).toThrow(DamagedError);
  });

  test.each([1, 2])(
    'of schemaVersion %d keeps its form of evidence, and has the present one in memory',
    (schemaVersion) => {
      const old = former(schemaVersion);
      const record = decode(old);
      expect(record.keys['root-key']?.evidence).toEqual([
        { type: 'replacement', n: 4 },
        { type: 'confirmation', version: { n: 4, entered: 1, state: 'active' }, confirmedAt: TIME, by: 'pods' },
        { type: 'other', name: 'odd', value: 7 },
      ]);
      const written = recordObject(RECORD, record, '0.3.0').data['record.json'];
      expect(JSON.parse(Buffer.from(written ?? []).toString())).toEqual(old);
    },
  );

  test('that is migrated has the present form of evidence', () => {
    const migrated = { ...decode(former(2)), schemaVersion: 3 } as const;
    const { data } = recordObject(RECORD, migrated, '0.3.0');
    expect(decodeRecord(data)).toEqual(migrated);
    expect(JSON.parse(Buffer.from(data['record.json'] ?? []).toString()).keys['internal-ca'].evidence).toEqual([
      { type: 'released-namespaces', namespaces: ['a'] },
      { type: 'reissue', kind: 'service-certificates', since: TIME },
    ]);
  });

  test.each([4, 5, 3.5, 1e9])('of schemaVersion %d is of a newer program, whatever else is in it', (schemaVersion) => {
    for (const json of [{ ...record, schemaVersion }, { schemaVersion }, { schemaVersion, keys: 'moved' }]) {
      expect(() => decode(json)).toThrow(expect.objectContaining({ code: 'RECORD_TOO_NEW', exit: 5 }));
    }
  });
});

describe('a record is damaged', () => {
  // biome-ignore lint/suspicious/noExplicitAny: any JSON may stand in a record
  test.each<readonly [string, (json: any) => unknown]>([
    ['of schemaVersion 0', (json) => Object.assign(json, { schemaVersion: 0 })],
    ['whose schemaVersion is a text', (json) => Object.assign(json, { schemaVersion: '2' })],
    ['without schemaVersion', (json) => delete json.schemaVersion],
    ['without installationId', (json) => delete json.installationId],
    ['with an id that is no label', (json) => Object.assign(json, { installationId: 'a b' })],
    ['of generation 0', (json) => Object.assign(json, { generation: 0 })],
    ['of half a generation', (json) => Object.assign(json, { generation: 1.5 })],
    ['of a generation that cannot be counted', (json) => Object.assign(json, { generation: 2 ** 60 })],
    ['of the last generation that a double counts', (json) => Object.assign(json, { generation: 2 ** 53 - 1 })],
    ['with an audit anchor that is no digest', (json) => Object.assign(json, { audit: { lines: 3, digest: 'x' } })],
    ['that is perhaps ready', (json) => Object.assign(json, { ready: 'true' })],
    ['without spec', (json) => delete json.spec],
    ['with a spec that is not valid', (json) => Object.assign(json.spec, { namespace: 'A' })],
    ['made at no time', (json) => Object.assign(json, { createdAt: 'yesterday' })],
    ['made in another zone', (json) => Object.assign(json, { createdAt: '2027-01-01T00:00:00+01:00' })],
    ['made to the millisecond', (json) => Object.assign(json, { createdAt: '2027-01-01T00:00:00.000Z' })],
    ['with two active versions', (json) => Object.assign(json.keys['root-key'].versions[1], { state: 'active' })],
    ['without an active version', (json) => Object.assign(json.keys['root-key'].versions[2], { state: 'trusted' })],
    ['without any version', (json) => Object.assign(json.keys['root-key'], { versions: [] })],
    ['with a version twice', (json) => Object.assign(json.keys['root-key'].versions[1], { n: 1 })],
    ['with versions in disorder', (json) => json.keys['root-key'].versions.reverse()],
    ['with a version 0', (json) => Object.assign(json.keys['root-key'].versions[0], { n: 0 })],
    ['with a state that nobody knows', (json) => Object.assign(json.keys['root-key'].versions[0], { state: 'lost' })],
    ['with a kid that is none', (json) => Object.assign(json.keys['root-key'].versions[0], { kid: 'A'.repeat(16) })],
    [
      'with a fingerprint that is none',
      (json) => Object.assign(json.keys['root-key'].versions[0], { fingerprint: 'x' }),
    ],
    ['with evidence of the form before', (json) => Object.assign(json.keys['root-key'], { evidence: {} })],
    ['of the schema before with evidence of the present form', (json) => Object.assign(json, { schemaVersion: 2 })],
    ['with evidence that has no type', (json) => json.keys['root-key'].evidence.push({ n: 1 })],
    ['with evidence that lacks what its type has', (json) => json.keys['root-key'].evidence.push({ type: 'scan' })],
    ['without evidence', (json) => delete json.keys['root-key'].evidence],
    ['without backups', (json) => delete json.keys['root-key'].versions[0].backups],
    ['without keys', (json) => delete json.keys],
  ])('%s', (_, change) => {
    const json = copy();
    change(json);
    expect(() => decode(json)).toThrow(DamagedError);
  });

  test.each(['', 'null', '[]', '{}', '"text"', '7', '{"schemaVersion": 3', '\u0000'])('that is %j', (text) => {
    expect(() => decode(text)).toThrow(DamagedError);
  });

  test('that is not there', () => {
    expect(() => decodeRecord({})).toThrow('entry record.json is missing');
  });
});

describe('a record that is changed at random', () => {
  /** Every place in the record, as a path. */
  function paths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
    if (typeof value !== 'object' || value === null) return [path];
    return [path, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key]))];
  }

  /** What is read is whole; what cannot be read is damaged, or of a newer program. */
  function read(json: string | object): void {
    try {
      const found = decode(json);
      for (const { versions } of Object.values(found.keys)) {
        expect(versions.filter(({ state }) => state === 'active')).toHaveLength(1);
      }
      expect(found.spec.serviceCertificates.services).toBeInstanceOf(Array);
    } catch (error) {
      if (error instanceof DamagedError) return;
      if (!(error instanceof PaletteKeysError)) throw error;
      expect(error.code).toBe('RECORD_TOO_NEW');
    }
  }

  test('in its values is read, damaged or of a newer program, and nothing else', () => {
    const places = fc.constantFrom(...paths(record).filter((path) => path.length > 0));
    const values = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('', '__proto__', null, -1, 0, 2 ** 53, 1e308, TIME, 'active', [], {}, '9'.repeat(400)),
    );
    const changes = fc.array(fc.record({ path: places, value: values, remove: fc.boolean() }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(changes, (all) => {
        const json = copy();
        for (const { path, value: drawn, remove } of all) {
          // A copy: a later change may reach into it, or put it into itself.
          const value = structuredClone(drawn);
          let place = json;
          for (const part of path.slice(0, -1)) place = place?.[part];
          if (typeof place !== 'object' || place === null) continue;
          if (remove) delete place[path.at(-1) ?? ''];
          else place[path.at(-1) ?? ''] = value;
        }
        read(json);
      }),
      { numRuns: 600 },
    );
  });

  test('in its bytes is read, damaged or of a newer program, and nothing else', () => {
    const text = Buffer.from(JSON.stringify(record));
    const change = fc.record({ at: fc.nat({ max: text.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(text);
        for (const { at, byte } of changes) bytes[at] = byte;
        try {
          decodeRecord({ 'record.json': bytes });
        } catch (error) {
          if (error instanceof DamagedError) return;
          expect(error).toMatchObject({ code: 'RECORD_TOO_NEW' });
        }
      }),
      { numRuns: 400 },
    );
  });

  test('in its nesting is read, damaged or of a newer program, and nothing else', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    for (const text of [
      deep,
      JSON.stringify(record).replace('"evidence":{}', `"evidence":{"a":${deep}}`),
      JSON.stringify(record).replace(/"spec":\{.*?\}\}?,"generation"/, `"spec":${deep},"generation"`),
    ]) {
      read(text);
    }
  });
});
