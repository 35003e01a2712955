import { describe, expect, test } from 'vitest';
import type { FoundObject } from '../../../src/ports/key-store.ts';
import { destroyedIn, isOfUnknownAge } from '../../../src/reconcile/plan/destroyed-versions.ts';
import type { Snapshot } from '../../../src/reconcile/plan/snapshot.ts';
import { AUDIT, configMap, LEDGER, ledgerRef, smallSpec } from '../../support/installations.ts';

const spec = smallSpec();
const KIND = 'jwt-signing-key';
const KID = 'a'.repeat(16);
const MADE = '2027-01-01T00:00:00Z';
const GONE = '2027-02-01T00:00:00Z';
const entry = (n: number): string => `Secret/${LEDGER}/${ledgerRef(KIND, n).name}`;
const made = (n: number, time = MADE) => ({ time, changes: [{ action: 'create', object: entry(n), key: KIND }] });
const destroyed = (n: number, change: object = {}, time = GONE) => ({
  ...{ time, changes: [{ action: 'destroyed', object: entry(n), key: KIND, kid: KID, ...change }] },
});

function log(lines: readonly object[], ref = AUDIT, change: object = {}): FoundObject {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  return { ref, data: { 'audit.jsonl': Buffer.from(text) }, ...change } as unknown as FoundObject;
}
const found = (...ledger: readonly FoundObject[]) => destroyedIn({ ledger, spec } as unknown as Snapshot);
const numbers = (...ledger: readonly FoundObject[]) => (found(...ledger).get(KIND) ?? []).map(({ n }) => n);

describe('the audit log tells of a destroyed version', () => {
  test('its number, its kid, when it was made, and when it was destroyed', () => {
    expect(found(log([made(2), destroyed(2)])).get(KIND)).toEqual([
      {
        ...{ n: 2, kid: KID, state: 'destroyed', createdAt: MADE, since: GONE, backups: [] },
        history: [{ state: 'destroyed', at: GONE }],
      },
    ]);
  });

  test('that was made before the log began: its age is that of its end', () => {
    expect(found(log([destroyed(2)])).get(KIND)).toMatchObject([{ createdAt: GONE }]);
  });

  test('in the logs that were full, as in the one that is written', () => {
    const full = log([destroyed(1)], configMap(LEDGER, `${AUDIT.name}-0001`));
    expect(numbers(full, log([destroyed(2)]))).toEqual([1, 2]);
  });

  test('that was destroyed twice only once, as it was destroyed last', () => {
    const later = '2027-03-01T00:00:00Z';
    expect(found(log([destroyed(2), destroyed(2, {}, later)])).get(KIND)).toMatchObject([{ n: 2, since: later }]);
  });

  test('of every kind apart from those of the others', () => {
    const other = { object: `Secret/${LEDGER}/${ledgerRef('root-key', 1).name}`, key: 'root-key' };
    const all = found(log([destroyed(2), destroyed(1, other)]));
    expect([...all].map(([kind, versions]) => [kind, versions.map(({ n }) => n)])).toEqual([
      [KIND, [2]],
      ['root-key', [1]],
    ]);
  });
});

describe('a line of the log tells nothing', () => {
  const lines: readonly (readonly [name: string, line: object])[] = [
    ['that has no time', { ...destroyed(2), time: 'soon' }],
    ['without a kid', destroyed(2, { kid: undefined })],
    ['whose kid has another form', destroyed(2, { kid: '../x' })],
    ['about an object that is no entry of the ledger', destroyed(2, { object: 'Secret/a/b' })],
    ['whose entry is one of another kind', destroyed(2, { key: 'root-key' })],
    ['about a version that was only retired', destroyed(2, { action: 'retired' })],
  ];
  test.each(lines)('%s', (_, line) => {
    expect(found(log([line]))).toEqual(new Map());
  });

  test('where the object is damaged, is another one, or is no ConfigMap', () => {
    const line = [destroyed(2)];
    expect(numbers(log(line, AUDIT, { damage: 'torn' }))).toEqual([]);
    expect(numbers(log(line, configMap(LEDGER, 'other')))).toEqual([]);
    expect(numbers(log(line, { ...AUDIT, kind: 'Secret' }))).toEqual([]);
  });
});

test('a version is of unknown age where its history begins with its destruction', () => {
  const at = GONE;
  expect(isOfUnknownAge({ history: [{ state: 'destroyed', at }] })).toBe(true);
  expect(
    isOfUnknownAge({
      history: [
        { state: 'retired', at },
        { state: 'destroyed', at },
      ],
    }),
  ).toBe(false);
});
