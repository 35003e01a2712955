import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installation, LEDGER, ledgerRef, RECORD, storeWith } from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { BAD, item, type List } from './bad-lists.ts';
import { backupOf, documentOf, restore, writtenSince } from './bench.ts';

const pool = new RsaPool();
let made: Snapshot;
let backup: List;
let foreign: List;

beforeAll(async () => {
  pool.install();
  made = await installation();
  backup = JSON.parse((await backupOf(made)).toString());
  foreign = JSON.parse((await backupOf(await installation())).toString());
});

afterAll(() => pool.uninstall());

/** Stores that a backup could be restored into, from nothing at all to everything but one key. */
const STORES: readonly { title: string; prepare: (store: MemoryStore) => void; flags: readonly string[] }[] = [
  {
    title: 'nothing',
    prepare: (store) => store.restore({ namespaces: [], objects: [] }),
    flags: ['--yes', '-o', 'json'],
  },
  {
    title: 'what workloads mount alone',
    prepare: (store) => {
      for (const { ref } of made.objects) if (ref.namespace === LEDGER) store.take(ref);
    },
    flags: ['--verify'],
  },
  {
    title: 'all but the hash salt',
    prepare: (store) => {
      for (const { ref } of made.objects) if (ref.name.includes('hash-salt')) store.take(ref);
    },
    flags: ['--yes'],
  },
];

const CASES = BAD.map(([name, change, says, code]) => ({ name, change, says, code: code ?? 4 }));

test.each(STORES)('-n that the backup contradicts is a usage error (into $title)', async ({ prepare, flags }) => {
  const store = storeWith(made);
  prepare(store);
  const before = store.snapshot();
  const outcome = await restore(store, JSON.stringify(backup), { flags: [...flags, '-n', 'elsewhere'] });
  expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining('-n elsewhere:')]);
  expect(writtenSince(before, store)).toEqual([]);
});

describe.each(STORES)('into a store that holds $title', ({ prepare, flags }) => {
  test.each(CASES)('a backup with $name is refused, and nothing is written', async ({ change, says, code }) => {
    const list = structuredClone(backup);
    change(list, foreign);
    const store = storeWith(made);
    prepare(store);
    const before = store.snapshot();
    const outcome = await restore(store, JSON.stringify(list), { flags });
    expect(outcome.code, outcome.stderr).toBe(code);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).toMatch(/^palette-keys: error: .*\n(.*\n)*palette-keys: hint: ./);
    expect(outcome.stdout === '' ? 'Error' : documentOf(outcome).kind).toBe('Error');
    expect(writtenSince(before, store)).toEqual([]);
  });

  test('the backup as it was made is taken', async () => {
    const store = storeWith(made);
    prepare(store);
    expect(await restore(store, JSON.stringify(backup))).toMatchObject({ code: 0 });
  });
});

test('an installation is never restored over another one', async () => {
  const store = storeWith(made);
  const before = store.snapshot();
  for (const flags of [['--yes'], ['--verify']]) {
    const outcome = await restore(store, JSON.stringify(foreign), { flags });
    expect(outcome.code, outcome.stderr).toBe(5);
    const ids = [backup, foreign].map(
      (list) => JSON.parse(item(list, RECORD.name).data['record.json'] ?? '').installationId,
    );
    for (const id of ids) expect(outcome.stderr).toContain(id);
    expect(writtenSince(before, store)).toEqual([]);
  }
});

test.each(['ledger', 'record', 'root key', 'projections'])(
  'an installation is never restored over another one of which only the %s is left',
  async (part) => {
    const keeps = (name: string, namespace: string): boolean => {
      if (part === 'ledger') return namespace === LEDGER && name !== RECORD.name;
      if (part === 'record') return name === RECORD.name && namespace === LEDGER;
      if (part === 'root key') return name === ledgerRef('root-key').name;
      return namespace !== LEDGER;
    };
    const store = storeWith(made);
    for (const { ref } of made.objects) if (!keeps(ref.name, ref.namespace)) store.take(ref);
    const before = store.snapshot();
    const outcome = await restore(store, JSON.stringify(foreign), { flags: ['--yes'] });
    expect(outcome.code, outcome.stderr).toBe(5);
    expect(writtenSince(before, store)).toEqual([]);
  },
);

test('a ledger that stands in another namespace is not joined by a second one', async () => {
  const store = memoryStore();
  expect(await restore(store, JSON.stringify(backup).replaceAll(LEDGER, 'other-system'))).toMatchObject({ code: 0 });
  const before = store.snapshot();
  const outcome = await restore(store, JSON.stringify(backup), { flags: ['--yes'] });
  expect(outcome.code, outcome.stderr).toBe(5);
  expect(writtenSince(before, store)).toEqual([]);
});
