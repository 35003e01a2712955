// Covers: src/backup/escrow.ts, src/backup/plan/escrow-state.ts, src/reconcile/plan/next-record.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeList } from '../../src/backup/plan/list.ts';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { Interleaving } from '../reconcile/interleaving.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  init,
  installation,
  LEDGER,
  ledgerFacts,
  ledgerRef,
  PLATFORM,
  RECORD,
  recordIn,
  SMALL,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import {
  command,
  commandWell,
  contents,
  Files,
  findingsOf,
  type Outcome,
  unseal,
  versionsIn,
  writtenSince,
} from './bench.ts';

const soaking = process.env['SOAK'] === '1';
const TEXTS = { 'small.yaml': JSON.stringify(SMALL) };
const INIT = ['init', '--config', 'small.yaml'];
const ESCROW = [...INIT, '--escrow', 'age1safe', '--escrow-file', 'e.age'];

const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let files: Files;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  files = new Files();
});

function run(store: KeyStore, argv: readonly string[] = ESCROW): Promise<Outcome> {
  return command(store, argv, { files, texts: TEXTS });
}

/** The ledger in the escrow file; empty where there is no file. */
function held(): ReadonlyMap<string, string> {
  const file = files.found.get('e.age');
  if (file === undefined) return new Map();
  const { namespaces, objects } = decodeList(unseal(file));
  return ledgerFacts({ namespaces, objects });
}

/** The store that the escrow file is restored to. */
async function escrowed(): Promise<Snapshot> {
  const store = memoryStore();
  const argv = ['restore', 'e.age', '--identity', 'safe.key'];
  await commandWell(store, argv, { files });
  return store.snapshot();
}

describe('init --escrow', () => {
  test('stages a proved file before the first object, and gives it its name before the first projection', async () => {
    const events: string[] = [];
    files.onStep((step) => void events.push(`file: ${step}`));
    const watched = new FaultyStore(memoryStore()).onWrite(({ operation, object }) => {
      if (operation !== 'addNamespaces') events.push(`${operation} ${object}`);
    });
    expect((await run(watched)).code).toBe(0);
    expect(events.slice(0, 6)).toEqual([
      'file: write',
      'file: check',
      'file: stage',
      'file: staged',
      `create ${formatRef(ledgerRef('root-key'))}`,
      `create ${formatRef(RECORD)}`,
    ]);
    const placed = events.indexOf('file: placed');
    const projection = events.findIndex((event) => event.includes(`/${PLATFORM}/`));
    expect(placed).toBeGreaterThan(events.indexOf(`replace ${formatRef(RECORD)}`));
    expect(projection).toBeGreaterThan(placed);
    expect(events.filter((event) => event.startsWith('file: '))).toHaveLength(6);
    expect([...files.found.keys()]).toEqual(['e.age']);
  });

  test('writes its digest on the first root key as that is created', async () => {
    const store = memoryStore();
    await run(store);
    const root = store.snapshot().objects.find(({ ref }) => formatRef(ref) === formatRef(ledgerRef('root-key')));
    const digest = await files.digest('e.age');
    expect(root).toMatchObject({ annotations: { 'palette-keys.dev/escrow': digest } });
  });

  test('makes an installation as init does, and a file that brings it back', async () => {
    const store = memoryStore();
    const outcome = await run(store);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(faultsOf(store.snapshot(), smallSpec())).toEqual([]);
    const back = await escrowed();
    expect(ledgerFacts(back)).toEqual(ledgerFacts(store.snapshot()));
    expect(versionsIn(recordIn(back))).toEqual(versionsIn(recordIn(store.snapshot())));
    expect(recordIn(back).installationId).toBe(recordIn(store.snapshot()).installationId);
  });

  test('notes the file in the record, so that nothing nags', async () => {
    const store = memoryStore();
    await run(store, [...ESCROW, '--escrow', 'age1vault']);
    for (const { versions } of Object.values<{ versions: { backups: unknown }[] }>(recordIn(store.snapshot()).keys)) {
      expect(versions.map(({ backups }) => backups)).toEqual([
        [
          {
            file: 'e.age',
            sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
            at: '2027-01-01T00:00:00Z',
            recipients: ['age1safe', 'age1vault'],
          },
        ],
      ]);
    }
    expect(await findingsOf(store)).not.toContain('ROOT_KEY_NOT_BACKED_UP');
  });

  test('rehearsed writes nothing', async () => {
    const store = memoryStore();
    const outcome = await run(store, [...ESCROW, '--dry-run']);
    expect(outcome.code).toBe(0);
    expect(files.steps).toEqual([]);
    expect(store.snapshot()).toEqual({ namespaces: [], objects: [] });
  });

  test.each([
    ['a recipient without a file', [...INIT, '--escrow', 'age1safe']],
    ['a file without a recipient', [...INIT, '--escrow-file', 'e.age']],
  ])('%s is a usage error', async (_, argv) => {
    const store = memoryStore();
    expect(await run(store, argv)).toMatchObject({ code: 2, stdout: '' });
    expect(store.snapshot()).toEqual({ namespaces: [], objects: [] });
  });
});

describe('is refused, with nothing written and no file, where', () => {
  test.each<readonly [string, () => Snapshot | Promise<Snapshot>]>([
    ['there is an installation', () => made],
    ['there is one whose record is lost', () => without(({ name }) => name === RECORD.name)],
    ['the ledger is lost', () => without(({ namespace }) => namespace === LEDGER)],
    [
      'the ledger is lost but for its record',
      () => without(({ name, namespace }) => namespace === LEDGER && name !== RECORD.name),
    ],
  ])('%s', async (_, before) => {
    const store = storeWith(await before());
    const snapshot = store.snapshot();
    const outcome = await run(store, [...ESCROW, '--yes']);
    expect([2, 5], outcome.stderr).toContain(outcome.code);
    expect(files.steps).toEqual([]);
    expect(writtenSince(snapshot, store)).toEqual([]);
  });

  function without(lost: (ref: { name: string; namespace: string }) => boolean): Snapshot {
    const store = storeWith(made);
    for (const { ref } of made.objects) if (lost(ref)) store.take(ref);
    return store.snapshot();
  }
});

describe('where the file cannot be made', () => {
  test('because it does not give back what was written: exit code 1, no key in the store', async () => {
    const store = memoryStore();
    files.readingBack((bytes) => bytes.subarray(0, -1));
    expect((await run(store)).code).toBe(1);
    expect(store.snapshot().objects).toEqual([]);
    expect([...files.found.keys()]).toEqual([]);
  });

  test('because there is one, and the store is empty: it may hold the only copy of the keys', async () => {
    const store = memoryStore();
    files.found.set('e.age', Buffer.from('theirs'));
    const outcome = await run(store);
    expect(outcome.code, outcome.stderr).toBe(5);
    expect(outcome.stderr).toContain('palette-keys restore e.age');
    expect(Buffer.from(files.found.get('e.age') ?? []).toString()).toBe('theirs');
    expect(store.snapshot()).toEqual({ namespaces: [], objects: [] });
  });
});

describe('init --escrow given again', () => {
  test('after it was done: exit code 0, nothing is written, and the file stays', async () => {
    const store = memoryStore();
    await run(store);
    const before = store.snapshot();
    const file = files.found.get('e.age');
    expect((await run(store)).code).toBe(0);
    expect(store.snapshot()).toEqual(before);
    expect(files.found.get('e.age')).toBe(file);
  });

  test('after its file was moved to a safe place: exit code 0, and no other file is made', async () => {
    const store = memoryStore();
    await run(store);
    files.found.delete('e.age');
    expect((await run(store)).code).toBe(0);
    expect([...files.found.keys()]).toEqual([]);
  });

  test('where another file has its name: exit code 5, and nothing is written', async () => {
    const store = memoryStore();
    await run(store);
    files.found.set('e.age', Buffer.from('theirs'));
    const before = store.snapshot();
    expect((await run(store)).code).toBe(5);
    expect(store.snapshot()).toEqual(before);
  });

  test('where an older build noted no digest: exit code 0 with a warning, and the file stays', async () => {
    const store = storeWith(made);
    files.found.set('e.age', Buffer.from('made by 0.1.0'));
    const outcome = await run(store);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stderr).toMatch(/warning ESCROW_UNKNOWN[\s\S]*palette-keys backup/);
    expect(Buffer.from(files.found.get('e.age') ?? []).toString()).toBe('made by 0.1.0');
  });

  test('into an interrupted first run that had no escrow: the keys that are there are in the file too', async () => {
    const store = memoryStore();
    await command(new FaultyStore(store).killAt(6, 'after'), INIT, { texts: TEXTS });
    expect((await run(store.afterCrash())).code).toBe(0);
    expect([...held().values()].sort()).toEqual([...ledgerFacts(store.snapshot()).values()].sort());
  });

  test.each(['write', 'check', 'stage', 'staged', 'place', 'placed'] as const)(
    'killed at the step "%s" of its file: what an undisturbed run would have left',
    async (where) => {
      const store = memoryStore();
      files.onStep((step) => {
        if (step === where) throw new Error('killed');
      });
      await run(store);
      files.onStep(() => undefined);
      expect(await afterRepetition(store, 70)).toEqual([]);
    },
  );

  test.each(['before', 'after'] as const)(
    'killed at any write, %s it is done: what an undisturbed run would have left',
    async (moment) => {
      const counting = new FaultyStore(memoryStore());
      await run(counting);
      const faults: string[] = [];
      for (let n = 1; n <= counting.writes; n++) {
        pool.rewind(mark);
        files = new Files();
        const memory = memoryStore();
        await run(new FaultyStore(memory).killAt(n, moment));
        faults.push(...(await afterRepetition(memory, n)).map((fault) => `write ${n}: ${fault}`));
      }
      expect(faults).toEqual([]);
    },
  );

  /** What is wrong once the same command was given again to a store that a killed run has left. */
  async function afterRepetition(memory: MemoryStore, at: number): Promise<readonly string[]> {
    const again = await run(memory.afterCrash());
    if (again.code !== 0) return [`it ended with ${again.code}: ${again.stderr}`];
    const there = ledgerFacts(memory.snapshot());
    const inFile = held();
    const unsaved = [...there].filter(([place, facts]) => inFile.get(place) !== facts);
    const noted = Object.values<{ versions: { backups: { sha256: string }[] }[] }>(recordIn(memory.snapshot()).keys);
    const digest = await files.digest('e.age');
    return [
      ...faultsOf(memory.snapshot(), smallSpec()),
      ...unsaved.map(([place]) => `${place} is in no file`),
      ...(there.size === 9 ? [] : [`${there.size} versions after ${at}`]),
      ...([...files.found.keys()].join() === 'e.age' ? [] : [`files: ${[...files.found.keys()].join()}`]),
      ...(noted.every(({ versions }) => versions.every(({ backups }) => backups.some((b) => b.sha256 === digest)))
        ? []
        : ['the record does not note the file']),
    ];
  }
});

describe('beside other runs', () => {
  test('whoever ends well has a file with all the keys that are in the store', async () => {
    const faults: string[] = [];
    for (let round = 0; round < (soaking ? 200 : 6); round++) {
      pool.rewind(mark);
      files = new Files();
      const memory = memoryStore();
      const lock = await memory.lock({ command: 'all', user: 'all', since: '' });
      const interleaving = new Interleaving(memory, `escrow ${round}`);
      const ends = await Promise.all([
        run(interleaving.client()),
        command(interleaving.client(), INIT, { texts: TEXTS }),
      ]);
      await lock.release();
      const [escrow] = ends;
      for (const { code, stderr } of ends)
        if (code !== 0 && code !== 1) faults.push(`round ${round}: ${code} ${stderr}`);
      if (escrow.code === 0) {
        const inFile = held();
        for (const [place, facts] of ledgerFacts(memory.snapshot())) {
          if (inFile.get(place) !== facts) faults.push(`round ${round}: ${place} is not in the file`);
        }
      }
      await command(memory, INIT, { texts: TEXTS });
      faults.push(...faultsOf(memory.snapshot(), smallSpec()).map((fault) => `round ${round}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });

  test('a record that somebody else changes meanwhile does not make it write the file again', async () => {
    const memory = memoryStore();
    let once = true;
    const watched = new FaultyStore(memory).onWrite(({ object }) => {
      // An administrator who labels an object between two reads of it.
      if (!once || object !== formatRef(secret(PLATFORM, 'palette-root-key'))) return;
      once = false;
      const found = memory.snapshot().objects.find(({ ref }) => formatRef(ref) === formatRef(RECORD));
      if (found === undefined || found.damage !== undefined) throw new Error('no record yet');
      const record = JSON.parse(Buffer.from(found.data['record.json'] ?? []).toString());
      memory.put({ ...found, data: { 'record.json': Buffer.from(JSON.stringify({ ...record, generation: 2 })) } });
    });
    const outcome = await run(watched);
    expect(once).toBe(false);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(files.steps.filter((step) => step === 'write')).toHaveLength(1);
    expect(contents(memory.snapshot()).size).toBe(contents(made).size);
  });
});

test('keys that are taken in from a store without a ledger are all in the file, or the run is refused', async () => {
  const grown = storeWith(made);
  transplant(grown, secret(PLATFORM, 'palette-root-key'), foreign);
  await init(grown, { intent: { type: 'adopt' } });
  const left = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth', 'jwks'].map((name) => `palette-${name}`);
  for (const { ref } of grown.snapshot().objects) if (!left.includes(ref.name)) grown.take(ref);
  const before = grown.snapshot();
  const outcome = await run(grown, [...ESCROW, '--adopt', '--yes']);
  if (outcome.code === 0) expect(ledgerFacts(await escrowed())).toEqual(ledgerFacts(grown.snapshot()));
  else {
    expect([2, 5], outcome.stderr).toContain(outcome.code);
    expect(writtenSince(before, grown)).toEqual([]);
  }
});
