// Covers: src/ledger/former-evidence.ts

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTime } from '../../src/ledger/entry.ts';
import {
  type EvidenceItem,
  ITEMS,
  isEvidence,
  itemsOf,
  type KeyEvidence,
  withItem,
} from '../../src/ledger/evidence.ts';
import { decodeFormer, encodeFormer } from '../../src/ledger/former-evidence.ts';
import { STATES } from '../../src/ledger/ring.ts';

const n = fc.integer({ min: 1, max: 999_999_999_999 });
const time = fc.date({ min: new Date('2000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }).map(formatTime);
const duration = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom('s', 'm', 'h', 'd'))
  .map((parts) => parts.join(''));
const state = fc.record({ n, entered: fc.integer({ min: 0, max: 10_000 }), state: fc.constantFrom(...STATES) });
const by = fc.constantFrom('pods', 'operator');
const texts = fc.array(fc.string({ maxLength: 50 }), { maxLength: 4 });
const of = (type: string) => fc.constant(type);

/** Items of every type, as this build writes them, and one of a newer build. */
const ITEM: Record<keyof typeof ITEMS | 'newer', fc.Arbitrary<EvidenceItem>> = {
  confirmation: fc.record(
    { type: of('confirmation'), version: state, confirmedAt: time, by, ignored: texts },
    { requiredKeys: ['type', 'version', 'confirmedAt', 'by'] },
  ),
  scan: fc.record(
    { type: of('scan'), version: state, unneededAt: time, in: fc.string({ maxLength: 50 }), under: state },
    { requiredKeys: ['type', 'version', 'unneededAt', 'under'] },
  ),
  replacement: fc.record({ type: of('replacement'), n }),
  reissue: fc.record({ type: of('reissue'), kind: fc.string({ minLength: 1, maxLength: 50 }), since: time }),
  'user-made': fc.record({ type: of('user-made'), n }),
  'released-namespaces': fc.record({ type: of('released-namespaces'), namespaces: texts }),
  'former-jwt': fc.record({
    ...{ type: of('former-jwt'), longestTokenLife: duration, jwksCache: duration, clockSkew: duration, until: time },
  }),
  other: fc.record({ type: of('other'), name: fc.string(), value: fc.jsonValue() }),
  newer: fc.record({ type: of('of a newer build'), more: fc.jsonValue() }),
};

const oneOf = (types: readonly (keyof typeof ITEM)[]) => fc.array(fc.oneof(...types.map((type) => ITEM[type])));
const TYPES = Object.keys(ITEMS) as (keyof typeof ITEMS)[];

/** Objects as older builds wrote them, beside damaged ones, and names that are nearly those. */
const stateName = fc
  .tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.constantFrom(...STATES, 'lost'))
  .map(([v, h, s]) => `v${v}.${h}.${s}`);
const value = fc.oneof(
  fc.record(
    { confirmedAt: fc.oneof(time, fc.string()), by: fc.oneof(by, fc.string()), ignored: texts, note: fc.string() },
    { requiredKeys: ['confirmedAt'] },
  ),
  fc.record(
    { unneededAt: time, in: fc.string(), under: fc.oneof(stateName, fc.string()), type: fc.string() },
    { requiredKeys: ['unneededAt'] },
  ),
  fc.record({
    longestTokenLife: duration,
    jwksCache: duration,
    clockSkew: duration,
    until: fc.oneof(time, fc.string()),
  }),
  fc.constantFrom('compromised', 'made'),
  texts,
  time,
  fc.jsonValue(),
);
const name = fc.oneof(
  stateName,
  fc.constantFrom('v1.cause', 'v2.user', 'v01.cause', 'v0.user', 'jwt.before', 'namespaces.before'),
  fc.constantFrom('service-certificates.compromised', '.compromised', 'v2.cause.compromised', '__proto__', '7'),
  fc.string(),
);
const former = fc.array(fc.tuple(name, value)).map((entries) => JSON.stringify(Object.fromEntries(entries)));

describe('evidence', () => {
  test('of any type and of none that is known comes back from JSON as it was', () => {
    const all = oneOf([...TYPES, 'newer']);
    fc.assert(
      fc.property(all, (evidence) => {
        const json: unknown = JSON.parse(JSON.stringify(evidence));
        expect(isEvidence(json)).toBe(true);
        expect(JSON.stringify(json)).toBe(JSON.stringify(evidence));
      }),
    );
  });

  test.each(TYPES.map((type) => [type] as const))('of type %s lacks nothing that its type has', (type) => {
    fc.assert(
      fc.property(ITEM[type], fc.nat(), (item, at) => {
        const { type: _, ...rest } = item;
        const needed = Object.keys(rest).filter((field) => !['ignored', 'in', 'value'].includes(field));
        const { [needed[at % needed.length] ?? '']: gone, ...others } = item;
        expect(gone).toBeDefined();
        expect(isEvidence([others])).toBe(false);
      }),
    );
  });

  test('gets an item in the place of those that it replaces, and of no others', () => {
    const before: KeyEvidence = [
      { type: 'reissue', kind: 'a', since: 'x' },
      { type: 'of a newer build' },
      { type: 'reissue', kind: 'b', since: 'x' },
    ];
    const item = { type: 'reissue', kind: 'a', since: 'y' } as const;
    const after = withItem(before, item, ({ kind }) => kind === 'a');
    expect(itemsOf(after, 'reissue')).toEqual([{ type: 'reissue', kind: 'b', since: 'x' }, item]);
    expect(after).toHaveLength(3);
  });
});

describe('evidence of an older schema', () => {
  test('comes back byte for byte, whatever stands in it', () => {
    fc.assert(
      fc.property(former, (json) => {
        const evidence = decodeFormer(JSON.parse(json));
        expect(isEvidence(evidence)).toBe(true);
        expect(JSON.stringify(encodeFormer(evidence))).toBe(json);
      }),
      { numRuns: 2000 },
    );
  });

  test('is written so that it is read as what it was', () => {
    // A confirmation and a scan of the same state have the same name there: the functions that note them keep one.
    const once = oneOf(TYPES.filter((type) => type !== 'other')).map((items) => [
      ...new Map(items.map((item) => [Object.keys(encodeFormer([item]))[0], item])).values(),
    ]);
    fc.assert(
      fc.property(once, (evidence) => {
        const read = decodeFormer(JSON.parse(JSON.stringify(encodeFormer(evidence))));
        expect(read).toEqual(expect.arrayContaining(evidence));
        expect(read).toHaveLength(evidence.length);
      }),
    );
  });

  test('of a newer build is never written into it', () => {
    expect(() => encodeFormer([{ type: 'of a newer build' }])).toThrow('newer schema');
  });
});
