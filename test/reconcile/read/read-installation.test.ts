// Covers: src/reconcile/in-parallel.ts, src/reconcile/read/read-installation.ts

import { beforeAll, describe, expect, it } from 'vitest';
import { readInstallation } from '../../../src/reconcile/read/read-installation.ts';
import { planReconcile } from '../../../src/reconcile/reconcile.ts';
import { ManualClock } from '../../support/clock.ts';
import { AUDIT, inputOf, installation, ledgerRef, objectIn, RECORD, storeWith } from '../../support/installations.ts';
import type { MemoryStore, Snapshot } from '../../support/memory-store.ts';

const REQUEST = { spec: undefined, namespace: undefined };
let made: Snapshot;

beforeAll(async () => {
  made = await installation();
});

/** A store whose first listing was begun before the root key was there, and ended after the record was. */
function tornOnce(): MemoryStore {
  const store = storeWith(made);
  const list = store.list.bind(store);
  let lists = 0;
  store.list = async (namespace) => {
    lists += 1;
    const found = await list(namespace);
    return lists === 1 ? found.filter(({ ref }) => ref.name !== ledgerRef('root-key').name) : found;
  };
  return store;
}

describe('full audit logs', () => {
  const ARCHIVE = { ...AUDIT, name: `${AUDIT.name}-1` };

  function withArchive(): MemoryStore {
    const store = storeWith(made);
    const log = objectIn(made, AUDIT);
    store.put({ ...log, ref: ARCHIVE, labels: { ...log.labels, 'palette-keys.dev/kind': 'audit-archive' } });
    return store;
  }

  const archivesIn = ({ ledger }: Awaited<ReturnType<typeof readInstallation>>) =>
    ledger.filter(({ ref }) => ref.name === ARCHIVE.name).length;

  it('stay unread while the record is there', async () => {
    expect(archivesIn(await readInstallation(withArchive(), REQUEST))).toBe(0);
  });

  it('are read where it is lost after this run has seen it', async () => {
    const store = withArchive();
    const first = await readInstallation(store, REQUEST);
    store.take(RECORD);
    expect(archivesIn(await readInstallation(store, REQUEST, undefined, first))).toBe(1);
  });

  it('are read where it is lost, and once in a run', async () => {
    const store = withArchive();
    store.take(RECORD);
    const first = await readInstallation(store, REQUEST);
    expect(archivesIn(first)).toBe(1);
    store.take(ARCHIVE);
    expect(archivesIn(await readInstallation(store, REQUEST, undefined, first))).toBe(1);
  });
});

describe('reading a store at which another run is at work', () => {
  it('reads again where the record names an entry that the list lacks', async () => {
    const { ledger } = await readInstallation(tornOnce(), REQUEST);
    expect(ledger.map(({ ref }) => ref.name)).toContain(ledgerRef('root-key').name);
  });

  it('takes no key for lost that the list lacks for a moment', async () => {
    const plan = await planReconcile(inputOf(), { store: tornOnce(), clock: new ManualClock() });
    expect(plan.changes).toBe(false);
    expect(plan.steps.filter(({ action }) => action !== 'keep')).toEqual([]);
  });

  it('takes an entry for gone that the list lacks a second time', async () => {
    const store = storeWith(made);
    store.take(ledgerRef('root-key'));
    const { ledger } = await readInstallation(store, REQUEST);
    expect(ledger.map(({ ref }) => ref.name)).not.toContain(ledgerRef('root-key').name);
  });
});
