/** Members of the replica set know each other by the keyfile: a record that is rebuilt changes nothing of it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DAY, type ManualClock } from '../support/clock.ts';
import { init, ledgerRef, objectIn, RECORD, recordIn } from '../support/installations.ts';
import { type MemoryDatabaseUsers, usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { platform, type RotateOptions, rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const KIND = 'mongodb-auth';
const PERIOD = 5 * 60;
let made: Snapshot;
let store: MemoryStore;
let users: MemoryDatabaseUsers;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
  users = usersOf(made);
});

const go = (options: RotateOptions = {}) =>
  rotate(store, KIND, { clock, users, assumeConsumersCurrent: true, ...options });
const keyfile = (): string => Buffer.from(objectIn(store.snapshot(), platform(KIND)).data['keyfile'] ?? []).toString();
const kidOf = (n: number): string =>
  recordIn(store.snapshot()).keys[KIND].versions.find((version: { n: number }) => version.n === n).kid;
const states = () => statesOf(store, KIND);

/** The versions whose keys members accept, the one that they show first. */
function inKeyfile(): readonly number[] {
  const keys = keyfile().startsWith('- ')
    ? keyfile()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line.slice(2)))
    : [keyfile()];
  const ledger = recordIn(store.snapshot()).keys[KIND].versions.map(({ n }: { readonly n: number }) => n);
  return keys.map((key) => ledger.find((n: number) => keyOf(n) === key));
}

const keyOf = (n: number): string =>
  Buffer.from(objectIn(store.snapshot(), ledgerRef(KIND, n)).data['keyfile'] ?? []).toString();

async function loseRecord(): Promise<void> {
  store.take(RECORD);
  await init(store, { clock });
}

/** v1 is active, v2 was published and given up, or promoted and gone back from, before v3 was made. */
const roads: Readonly<Record<string, () => Promise<unknown>>> = {
  'given up while it was published': async () => {
    await go({ assumeConsumersCurrent: false });
    await go({ request: { type: 'rollback' } });
  },
  'given up and brought back': async () => {
    await go({ assumeConsumersCurrent: false });
    await go({ request: { type: 'rollback' } });
    await go({ request: { type: 'reinstate', kid: kidOf(2) } });
  },
};

describe.each(Object.entries(roads))('with a version that was %s', (_, road) => {
  test('the key that members show who were not restarted stays beside the active one', async () => {
    await road();
    clock.advance(2 * DAY);
    await go({ again: true });
    expect([states().endsWith('v3 active'), inKeyfile()]).toEqual([true, [3, 1]]);
    await loseRecord();
    expect([states(), inKeyfile()]).toEqual(['v1 trusted, v2 trusted, v3 active', [3, 1]]);
    // As the record has it from then on.
    store.take(platform(KIND));
    await init(store, { clock });
    expect(inKeyfile()).toEqual([3, 1]);
  });
});

test('the key of a version that is published stays beside the active one', async () => {
  await go({ assumeConsumersCurrent: false });
  await go({ request: { type: 'rollback' } });
  clock.advance(2 * DAY);
  await go({ again: true, assumeConsumersCurrent: false });
  expect([states(), inKeyfile()]).toEqual(['v1 active, v2 retired, v3 published', [1, 3]]);
  await loseRecord();
  expect(inKeyfile()).toEqual([1, 3]);
});

test('the next rotation after that has the key that was active before beside the new one', async () => {
  await go();
  clock.advance(PERIOD);
  await loseRecord();
  expect(inKeyfile()).toEqual([2, 1]);
  clock.advance(2 * DAY);
  await go();
  clock.advance(PERIOD);
  await go();
  clock.advance(2 * DAY);
  await go({ again: true });
  expect([states().endsWith('v3 active'), inKeyfile()]).toEqual([true, [3, 2]]);
});

test('a keyfile of one key may get that of an older version beside it, which no member shows', async () => {
  await go();
  clock.advance(PERIOD);
  await go();
  expect([states(), inKeyfile()]).toEqual(['v1 retired, v2 active', [2]]);
  await loseRecord();
  expect(inKeyfile()[0]).toBe(2);
});
