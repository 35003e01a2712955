import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../src/ports/object-ref.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { Interleaving } from '../reconcile/interleaving.ts';
import { LedgerWatch } from '../reconcile/ledger-watch.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  installation,
  LEDGER,
  ledgerFacts,
  ledgerRef,
  RECORD,
  recordIn,
  SMALL,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { backupOf, command, Files, FOR, type Outcome, restore, versionsIn } from './bench.ts';

const ROUNDS = process.env['SOAK'] === '1' ? 200 : 4;
const INSTALLATION = 'palette-keys.dev/installation';
const TEXTS = { 'small.yaml': JSON.stringify(SMALL) };
const spec = smallSpec();
const pool = new RsaPool();
let made: Snapshot;
let backup: Buffer;
let foreign: Buffer;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation();
  backup = await backupOf(made);
  foreign = await backupOf(await installation());
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

type Run = (store: KeyStore) => Promise<Outcome>;

const restoring: Run = (store) => restore(store, backup, { flags: ['--yes'] });
const initialising: Run = (store) => command(store, ['init', '--yes', '--config', 'small.yaml'], { texts: TEXTS });

/** Runs all at once on one store, without a lock that keeps them apart, in orders that seeds decide. */
async function inManyOrders(
  title: string,
  before: () => Snapshot,
  runs: readonly Run[],
  judge: (memory: MemoryStore, outcomes: readonly Outcome[]) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    pool.rewind(mark);
    const memory = storeWith(before());
    if (before().objects.length === 0) memory.restore({ namespaces: [], objects: [] });
    const watch = new LedgerWatch();
    watch.look(memory.snapshot());
    const lock = await memory.lock({ command: 'all', user: 'all', since: '' });
    const interleaving = new Interleaving(memory, `${title}, round ${round}`);
    const outcomes = await Promise.all(
      runs.map((run) => run(new FaultyStore(interleaving.client()).onWrite(() => watch.look(memory.snapshot())))),
    );
    watch.look(memory.snapshot());
    await lock.release();
    const wrong = [...watch.faults, ...(await judge(memory, outcomes))];
    faults.push(...wrong.map((fault) => `round ${round}: ${fault}`));
  }
  return faults;
}

/** The record in a backup in the clear. */
function recordOf(plain: Buffer): { readonly installationId: string } {
  const { items } = JSON.parse(plain.toString());
  const record = items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === RECORD.name);
  return JSON.parse(record.data['record.json']);
}

function refOf(memory: MemoryStore, place: string): ObjectRef {
  const found = memory.snapshot().objects.find(({ ref }) => formatRef(ref) === place);
  if (found === undefined) throw new Error(`no ${place}`);
  return found.ref;
}

/** True where every key of the backup is there, and no other one. */
function isBack(memory: MemoryStore): boolean {
  return String([...ledgerFacts(memory.snapshot())]) === String([...ledgerFacts(made)]);
}

/** Whoever is refused, and not merely told to come again, is told both installations. */
function unnamed(outcomes: readonly Outcome[], ids: readonly (string | undefined)[]): readonly string[] {
  return outcomes
    .filter(({ code, stderr }) => code === 5 && ids.some((id) => id === undefined || !stderr.includes(id)))
    .map(({ stderr }) => `it does not name both: ${stderr}`);
}

/** Done, or told that others were there too. */
function unexpectedEnds(outcomes: readonly Outcome[], ...codes: readonly number[]): readonly string[] {
  return outcomes
    .filter(({ code }) => !codes.includes(code))
    .map(({ code, stderr }) => `ended with ${code}: ${stderr}`);
}

const empty = (): Snapshot => memoryStore().snapshot();

/** What is left when the ledger namespace is lost. */
function withoutLedger(): Snapshot {
  const store = storeWith(made);
  for (const { ref } of made.objects) if (ref.namespace === LEDGER) store.take(ref);
  return store.snapshot();
}

describe('at once, without a lock that keeps them apart,', () => {
  test.each([
    ['an empty store', empty],
    ['a store without its ledger', withoutLedger],
  ])('two restores of one backup into %s make its set of keys', async (title, before) => {
    const faults = await inManyOrders(
      `two restores, ${title}`,
      before,
      [restoring, restoring],
      async (memory, outcomes) => {
        if (outcomes.every(({ code }) => code !== 0)) await restoring(memory);
        return [
          ...unexpectedEnds(outcomes, 0, 1),
          ...(isBack(memory) ? [] : ['another ledger']),
          ...(String(versionsIn(recordIn(memory.snapshot()))) === String(versionsIn(recordIn(made)))
            ? []
            : ['other versions']),
          ...faultsOf(memory.snapshot(), spec),
        ];
      },
    );
    expect(faults).toEqual([]);
  });

  test('a restore and a first init make one set of keys', async () => {
    const faults = await inManyOrders(
      'restore and init',
      empty,
      [restoring, initialising],
      async (memory, outcomes) => {
        const ledger = memory.snapshot().objects.filter(({ ref }) => ref.name.startsWith('palette-key-'));
        const owners = new Set(
          ledger.map((object) => (object.damage === undefined ? object.labels[INSTALLATION] : '')),
        );
        // Whoever made the first root key decides.
        const [owner] = owners;
        const { installationId } = recordOf(backup);
        const unfair = owner === installationId ? [] : unnamed(outcomes.slice(0, 1), [owner, installationId]);
        let last = await initialising(memory);
        if (last.code === 5 && last.stderr.includes('LEDGER_ENTRY_UNEXPECTED')) {
          // The init went on between the restore's root key and its record. What is said helps: the backup is whole.
          for (const [place, facts] of ledgerFacts(memory.snapshot())) {
            if (facts !== ledgerFacts(made).get(place)) memory.take(refOf(memory, place));
          }
          last = await restoring(memory);
          if (!isBack(memory)) return ['the restore did not help'];
        }
        return [
          ...unexpectedEnds(outcomes, 0, 1, 5),
          ...unexpectedEnds([last], 0),
          ...unfair,
          ...(owners.size > 1 ? ['keys of two installations are in the ledger'] : []),
          ...(outcomes[0]?.code === 0 && !isBack(memory)
            ? ['the restore says that it is done, and other keys are there']
            : []),
          ...faultsOf(memory.snapshot(), spec),
        ];
      },
    );
    expect(faults).toEqual([]);
  });

  test('a restore and an init that completes a damaged store make one set of keys', async () => {
    const damaged = (): Snapshot => {
      const store = storeWith(made);
      for (const kind of ['hash-salt', 'internal-ca']) store.take(ledgerRef(kind));
      store.take(RECORD);
      return store.snapshot();
    };
    const faults = await inManyOrders('damaged', damaged, [restoring, initialising], async (memory, outcomes) => {
      const last = await restoring(memory);
      return [
        ...unexpectedEnds(outcomes, 0, 1, 5),
        ...unexpectedEnds([last], 0),
        ...(isBack(memory) ? [] : ['another ledger']),
        ...faultsOf(memory.snapshot(), spec),
      ];
    });
    expect(faults).toEqual([]);
  });

  test('restores of two installations never mix them: one of them stands in the end, or none that anybody takes for whole', async () => {
    const other: Run = (store) => restore(store, foreign, { flags: ['--yes'] });
    const faults = await inManyOrders('two installations', empty, [restoring, other], async (memory, outcomes) => {
      const done = outcomes.filter(({ code }) => code === 0).length;
      const labels = new Set(
        memory.snapshot().objects.map((object) => (object.damage === undefined ? object.labels[INSTALLATION] : '')),
      );
      const ids = [recordOf(backup), recordOf(foreign)].map(({ installationId }) => installationId);
      return [
        ...unexpectedEnds(outcomes, 0, 1, 5),
        ...unnamed(outcomes, ids),
        ...(done === 2 ? ['both say that they are done'] : []),
        ...(done === 1 && labels.size > 1 ? ['one says that it is done, and objects of the other are there'] : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  test('two backups: both are noted, and both are whole', async () => {
    let files = new Files();
    const run =
      (name: string): Run =>
      (store) =>
        command(store, ['backup', '--out', name, ...FOR], { files });
    const runs = [run('a.age'), run('b.age')];
    const faults = await inManyOrders(
      'two backups',
      () => made,
      runs,
      async (memory, outcomes) => {
        const names = [...files.found.keys()].sort();
        files = new Files();
        const [{ backups }] = recordIn(memory.snapshot()).keys['root-key'].versions;
        const noted = backups.map(({ file }: { file: string }) => file).sort();
        return [
          ...unexpectedEnds(outcomes, 0),
          ...(String(names) === 'a.age,b.age' ? [] : [`the files are ${names}`]),
          ...(String(noted) === 'a.age,b.age' ? [] : [`noted are ${noted}`]),
          ...faultsOf(memory.snapshot(), spec),
        ];
      },
    );
    expect(faults).toEqual([]);
  });

  test('a backup beside a change of the spec holds one state or the other, and the change is done', async () => {
    const wider = { ...SMALL, grpc: { dnsNames: ['grpc.example.org'] } };
    const changing: Run = (store) =>
      command(store, ['init', '--yes', '--config', 'wider.yaml'], { texts: { 'wider.yaml': JSON.stringify(wider) } });
    let files = new Files();
    const backing: Run = (store) => {
      files = new Files();
      return command(store, ['backup', '--out', 'b.age', ...FOR], { files });
    };
    const faults = await inManyOrders(
      'backup and init',
      () => made,
      [backing, changing],
      async (memory, outcomes) => {
        const last = await changing(memory);
        const into = memoryStore();
        const back = files.found.has('b.age')
          ? await command(into, ['restore', 'b.age', '--identity', 'safe.key'], { files })
          : undefined;
        return [
          ...unexpectedEnds(outcomes, 0, 1, 5),
          ...unexpectedEnds([last, ...(back === undefined ? [] : [back])], 0),
          ...faultsOf(memory.snapshot(), smallSpec(wider)),
        ];
      },
    );
    expect(faults).toEqual([]);
  });
});

describe('with the lock', () => {
  test('a restore beside a run that holds it names the holder, and writes nothing', async () => {
    const store = memoryStore();
    await store.again().lock({ command: 'init', user: 'somebody', since: '2027-01-01T00:00:00Z' });
    const outcome = await restore(store, backup);
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr).toContain('somebody');
    expect(store.snapshot()).toEqual({ namespaces: [], objects: [] });
  });

  test('another restore that came first since the plan: the second one says so, and changes nothing', async () => {
    const store = memoryStore();
    let once = true;
    const late = new Proxy<KeyStore>(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name !== 'lock' || !once) return typeof value === 'function' ? value.bind(target) : value;
        once = false;
        return async (...given: never[]) => {
          expect((await restoring(store)).code).toBe(0);
          return Reflect.apply(value, target, given);
        };
      },
    });
    const outcome = await restore(late, backup);
    expect([0, 1], outcome.stderr).toContain(outcome.code);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect((await restoring(store)).code).toBe(0);
  });
});
