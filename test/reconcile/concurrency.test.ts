import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  init,
  installation,
  objectIn,
  PLATFORM,
  type RunOptions,
  recordIn,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf, type Versions } from './checker.ts';
import { Interleaving } from './interleaving.ts';
import { LedgerWatch } from './ledger-watch.ts';

const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

const soaking = process.env['SOAK'] === '1';
const seconds = Number(process.env['SOAK_SECONDS'] ?? 600);

/** A few rounds; in the soak as many as an eighth of its time leaves for each of the tests. */
function* rounds(few: number): Generator<number> {
  const end = performance.now() + (seconds * 1000) / 8;
  for (let round = 0; round < few || (soaking && performance.now() < end); round++) yield round;
}

interface Outcome {
  readonly memory: MemoryStore;
  /** 'done', or the code of the error that a run ended with. */
  readonly ends: readonly string[];
  /** What went wrong with the ledger on the way. */
  readonly faults: readonly string[];
}

/** Runs all at once on one store, in the order that the seed decides. */
async function together(before: Snapshot, runs: readonly RunOptions[], seed: string): Promise<Outcome> {
  pool.rewind(mark);
  const memory = storeWith(before);
  const lock = await memory.lock({ command: 'all', user: 'all', since: '' });
  const interleaving = new Interleaving(memory, seed);
  const watch = new LedgerWatch();
  watch.look(memory.snapshot());
  const ended = await Promise.allSettled(
    runs.map((options) => init(watch.over(memory, interleaving.client()), options)),
  );
  watch.look(memory.snapshot());
  await lock.release();
  const ends = ended.map((end) => {
    if (end.status === 'fulfilled') return 'done';
    return end.reason instanceof PaletteKeysError ? end.reason.code : `${end.reason?.stack}`;
  });
  return { memory, ends, faults: watch.faults };
}

/** Says what is wrong after runs that all want the same, in `rounds` orders; a last run may complete what they left. */
async function faultsOfAgreeing(
  before: Snapshot,
  runs: readonly RunOptions[],
  spec: InstallationSpec,
  versions: Versions = {},
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const round of rounds(runs.length > 3 ? 2 : 3)) {
    const seed = `${runs.length} runs, round ${round}`;
    const outcome = await together(before, runs, seed);
    const unexpected = outcome.ends.filter((end) => end !== 'done' && end !== 'CONFLICT');
    const complete = outcome.ends.includes('done');
    if (!complete) await init(outcome.memory, runs[0]);
    const wrong = [...unexpected, ...outcome.faults, ...faultsOf(outcome.memory.snapshot(), spec, versions)];
    faults.push(...wrong.map((fault) => `${seed}: ${fault}`));
  }
  return faults;
}

describe('without a lock that keeps them apart', () => {
  const spec = smallSpec();

  test.each([2, 5])('%i first runs make one set of keys', async (count) => {
    const runs = Array.from({ length: count }, () => ({ spec }));
    expect(await faultsOfAgreeing(memoryStore().snapshot(), runs, spec)).toEqual([]);
  });

  test('two runs that complete an interrupted one make one set of keys', async () => {
    pool.rewind(mark);
    const torn = memoryStore();
    await init(new FaultyStore(torn).killAt(8, 'after'), { spec }).catch(() => undefined);
    expect(await faultsOfAgreeing(torn.snapshot(), [{ spec }, { spec }], spec)).toEqual([]);
  });

  test('three runs that restore the same objects agree', async () => {
    const torn = storeWith(made);
    for (const name of ['root-key', 'auth-tls', 'grpc-tls']) torn.take(secret(PLATFORM, `palette-${name}`));
    torn.damage(secret(PLATFORM, 'palette-mongodb-tls'), 'it is torn');
    expect(await faultsOfAgreeing(torn.snapshot(), [{}, {}, {}], spec)).toEqual([]);
  });

  test('two runs that make the same change of the spec agree', async () => {
    const wider = smallSpec({ grpc: { dnsNames: ['grpc.example.org'] }, mongodb: { members: 2 } });
    expect(await faultsOfAgreeing(made, [{ spec: wider }, { spec: wider }], wider)).toEqual([]);
  });

  test('two runs that adopt the same keys take each in once', async () => {
    const torn = storeWith(made);
    for (const name of ['root-key', 'hash-salt']) transplant(torn, secret(PLATFORM, `palette-${name}`), foreign);
    const adopt = { intent: { type: 'adopt' } } as const;
    const versions = { 'root-key': 2, 'hash-salt': 2 };
    expect(await faultsOfAgreeing(torn.snapshot(), [adopt, adopt], spec, versions)).toEqual([]);
  });

  test('of two first runs with different specs one is told, and there is one set of keys', async () => {
    const other = smallSpec({ grpc: { dnsNames: ['grpc.example.org'] }, mongodb: { members: 2 } });
    const faults: string[] = [];
    for (const round of rounds(6)) {
      const {
        memory,
        ends,
        faults: found,
      } = await together(memoryStore().snapshot(), [{ spec }, { spec: other }], `two specs, round ${round}`);
      const wrong = [...found, ...ends.filter((end) => end !== 'done' && end !== 'CONFLICT')];
      if (ends.every((end) => end === 'done')) wrong.push('nobody was told');
      const winner = recordIn(memory.snapshot()).spec.mongodb.members === 2 ? other : spec;
      // Whoever succeeded has what it asked for.
      const succeeded = ends.indexOf('done');
      if (succeeded !== -1 && winner !== [spec, other][succeeded])
        wrong.push('the spec is that of the run that failed');
      if (succeeded === -1) await init(memory, { spec: winner });
      wrong.push(...faultsOf(memory.snapshot(), winner));
      faults.push(...wrong.map((fault) => `round ${round}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });

  test('a run that restores an object never puts an older generation over a newer one', async () => {
    const wider = smallSpec({ mongodb: { members: 2 } });
    const uri = secret(PLATFORM, 'palette-mongodb-auth');
    const torn = storeWith(made);
    torn.take(uri);
    const faults: string[] = [];
    for (const round of rounds(8)) {
      const seed = `stale generation, round ${round}`;
      const { memory, ends, faults: found } = await together(torn.snapshot(), [{ spec: wider }, {}, {}], seed);
      const wrong = [...found, ...ends.filter((end) => end !== 'done' && end !== 'CONFLICT')];
      const record = recordIn(memory.snapshot());
      const { annotations, data } = objectIn(memory.snapshot(), uri);
      const members = Buffer.from(data['uri'] ?? [])
        .toString()
        .split(',').length;
      const generation = Number(annotations['palette-keys.dev/generation']);
      if (generation >= 2 && members !== 2) wrong.push(`generation ${generation} has ${members} members`);
      if (record.ready && record.spec.mongodb.members !== members) {
        wrong.push(`ready, with ${members} members instead of ${record.spec.mongodb.members}`);
      }
      faults.push(...wrong.map((fault) => `${seed}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });
});
