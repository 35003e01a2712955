// Covers: src/cli/next-command.ts, src/rotation/word.ts

/** `--assume-consumers-current=GENERATION`: the operator's word counts for what was there when it was given. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ROTATIONS } from '../../src/rotation/kinds.ts';
import { command } from '../backup/bench.ts';
import type { ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { auditIn, editRecord, recordIn, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { rotate as obeyed, onCluster, once, pod, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const CA = 'internal-ca';
const PUBLISHED = 'v1 active, v2 published';
const PROMOTED = 'v1 trusted, v2 active';
const RETIRED = 'v1 retired, v2 active';
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const rotate = (line: string, options: { readonly on?: MemoryStore; readonly interactive?: boolean } = {}) => {
  const { on = store, interactive = false } = options;
  return command(on, ['rotate', ...line.split(' ')], { clock, interactive });
};

const say = (generation: number, kind = CA) => rotate(`${kind} --yes --assume-consumers-current=${generation}`);

const generation = (): number => recordIn(store.snapshot()).generation;

const evidenceOf = (kind: string): object => recordIn(store.snapshot()).keys[kind].evidence;

describe('in a folder', () => {
  test('no run retires what it has promoted itself: the life of a CA takes three runs and two words', async () => {
    const first = await rotate(`${CA} --yes`);
    expect([first.code, statesOf(store, CA)]).toEqual([6, PUBLISHED]);
    const second = await say(2);
    expect([second.code, statesOf(store, CA)]).toEqual([6, PROMOTED]);
    expect(second.stderr).toContain('\npalette-keys rotate internal-ca --yes --assume-consumers-current=3\n');
    expect([(await say(3)).code, statesOf(store, CA)]).toEqual([0, RETIRED]);
  });

  test('the message names every file to copy, and the command is alone on its line', async () => {
    const { stderr } = await rotate('jwt-signing-key --yes --no-tenant-store --ignore-pod a/b -n hubble-system');
    expect(stderr).toBe(`publish a new version of jwt-signing-key
palette-keys: waiting: jwt-signing-key: A folder does not show what runs.
Copy these 2 files to where they are used, restart what reads them, then run:
palette-keys rotate jwt-signing-key -n hubble-system --ignore-pod a/b --no-tenant-store --yes --assume-consumers-current=2
  - hubble-system/secrets/palette-jwt-signing-key.yaml
  - hubble-system/configmaps/palette-jwks.yaml
`);
  });

  test('--wait ends with 6 where only a word is missing', async () => {
    const { code, stderr } = await rotate(`${CA} --yes --wait`);
    expect([code, stderr]).toEqual([6, expect.stringContaining('--wait stopped: this needs your action')]);
  });

  const kinds = Object.entries(ROTATIONS).flatMap(([kind, { type }]) => (type === 'versions' ? [kind] : []));

  test.each(kinds)('a word that is repeated for ever takes %s one step further, and no second one', async (kind) => {
    await rotate(`${kind} --yes --no-tenant-store`);
    const { versions } = recordIn(store.snapshot()).keys[kind];
    const word = `${kind} --yes --no-tenant-store --assume-consumers-current=${generation()}`;
    await rotate(word);
    const states = statesOf(store, kind);
    for (let i = 0; i < 3; i++) await rotate(word);
    expect(statesOf(store, kind)).toBe(states);
    expect(recordIn(store.snapshot()).keys[kind].versions).toHaveLength(versions.length);
  });
});

describe('the generation', () => {
  test('of the record is in the JSON of every run, and in the blockers of one that waits', async () => {
    const documents: { readonly generation: number; readonly waitingFor: { readonly blockers: unknown } }[] = [];
    for (const line of [
      `${CA} --yes`,
      `${CA} --yes --assume-consumers-current=2`,
      'grpc-tls --yes',
      `${CA} --dry-run`,
    ]) {
      documents.push(JSON.parse((await rotate(`${line} -o json`)).stdout));
    }
    expect(documents.map((document) => document.generation)).toEqual([2, 3, 3, 3]);
    expect(documents[0]?.waitingFor.blockers).toEqual(['--assume-consumers-current=2']);
  });

  test('that is yet to come is a usage error, before anything is written', async () => {
    await rotate(`${CA} --yes`);
    const before = store.snapshot();
    const { code, stderr } = await say(3);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('\npalette-keys rotate internal-ca --yes --assume-consumers-current=2\n'),
    ]);
    expect(store.snapshot()).toEqual(before);
  });

  test('that is past opens nothing, is no error, and never moves the time that counts', async () => {
    await rotate('jwt-signing-key --yes');
    await say(2, 'jwt-signing-key');
    const evidence = evidenceOf('jwt-signing-key');
    clock.advance(600);
    for (const past of [1, 2]) {
      const { code, stderr } = await say(past, 'jwt-signing-key');
      expect([code, stderr]).toEqual([6, expect.stringContaining('until 2027-01-03T00:15:00Z')]);
    }
    expect(evidenceOf('jwt-signing-key')).toEqual(evidence);
    await rotate(`${CA} --yes`);
    expect([(await say(1)).code, statesOf(store, CA)]).toEqual([6, PUBLISHED]);
  });

  test('that a killed run has left half written cannot be vouched for, by whatever number', async () => {
    await rotate(`${CA} --yes`);
    editRecord(store, (record) => {
      record.ready = false;
    });
    const { code, stderr } = await say(2);
    expect([code, statesOf(store, CA), generation()]).toEqual([6, PUBLISHED, 3]);
    expect(stderr).toContain('--assume-consumers-current=3\n');
    for (let i = 0; i < 3; i++) expect((await say(2)).code).toBe(6);
    expect(statesOf(store, CA)).toBe(PUBLISHED);
    expect([(await say(3)).code, statesOf(store, CA)]).toEqual([6, PROMOTED]);
  });
});

describe('without a generation', () => {
  test('it is a usage error where nobody sits at a terminal, which names the generation', async () => {
    await rotate(`${CA} --yes`);
    const before = store.snapshot();
    const { code, stderr } = await rotate(`${CA} --yes --assume-consumers-current`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--yes --assume-consumers-current=2\n')]);
    expect(store.snapshot()).toEqual(before);
  });

  test('on a terminal it counts for what the run began with', async () => {
    await rotate(`${CA} --yes`);
    const { code } = await rotate(`${CA} --yes --assume-consumers-current`, { interactive: true });
    expect([code, statesOf(store, CA)]).toEqual([6, PROMOTED]);
  });

  test('no generation is named while that of the record is half written', async () => {
    editRecord(store, (record) => {
      record.ready = false;
    });
    const { code, stderr } = await rotate(`${CA} --yes --assume-consumers-current`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('a run was interrupted')]);
    expect(stderr).not.toMatch(/current=\d/);
  });
});

test('the word that consumers are current is a usage error with --due, in whatever form', async () => {
  for (const flag of ['--assume-consumers-current', '--assume-consumers-current=1']) {
    expect((await rotate(`--due --yes ${flag}`)).code).toBe(2);
  }
});

describe('a command that is killed at any write, and repeated, vouches for nothing new', () => {
  test.each([
    [2, PUBLISHED, PROMOTED],
    [3, PROMOTED, RETIRED],
  ] as const)('with the word for generation %i', async (word, from, to) => {
    await rotate(`${CA} --yes`);
    if (word === 3) await say(2);
    const start: Snapshot = store.snapshot();
    const go = (on: FaultyStore | MemoryStore) => once(on, CA, { clock, assumeConsumersCurrent: word });
    const count = new FaultyStore(storeWith(start));
    await go(count);
    // Every third write, in turn before and after it: the soak takes all of them.
    for (let n = 1; n <= count.writes; n += 3) {
      const memory = storeWith(start);
      await go(new FaultyStore(memory).killAt(n, n % 2 === 0 ? 'before' : 'after')).catch(() => undefined);
      const left = memory.afterCrash();
      for (let i = 0; i < 3; i++) await go(left);
      expect([n, from, to]).toContain(statesOf(left, CA));
    }
  });
});

describe('what cannot be seen', () => {
  const seen = (namespace: string) => {
    const pods = [pod('auth-1', clock.now().toISOString(), { namespace, uses: [] })];
    return workloadsOf(
      () => pods,
      () => new Date(0),
    );
  };

  test('a cluster on which no Pod of the services runs is no evidence that all have the change', async () => {
    const empty = seen('elsewhere');
    const waiting = await once(store, CA, { clock, workloads: empty });
    expect(waiting.waitingFor).toMatchObject({ onWord: true, reason: expect.stringContaining('no Pod runs') });
    expect(statesOf(store, CA)).toBe(PUBLISHED);
    await once(store, CA, { clock, workloads: empty, assumeConsumersCurrent: 2 });
    expect(statesOf(store, CA)).toBe(PROMOTED);
  });

  test.each(['cluster-ca', 'message-bus-signing-key'])(
    'which clusters have credentials of the old %s: it stays trusted until somebody vouches for them',
    async (kind) => {
      const workloads = seen('hubble-system');
      onCluster(store, clock, workloads);
      const waiting = await once(store, kind, { clock, workloads });
      expect([waiting.waitingFor?.reason, statesOf(store, kind)]).toEqual([
        expect.stringContaining('it is unknown which clusters hold credentials of the old version'),
        PROMOTED,
      ]);
      for (const word of [1, 2]) await once(store, kind, { clock, workloads, assumeConsumersCurrent: word });
      expect(statesOf(store, kind)).toBe(PROMOTED);
      const done = await once(store, kind, { clock, workloads, assumeConsumersCurrent: 3 });
      expect([done.done, statesOf(store, kind)]).toEqual([true, RETIRED]);
    },
  );

  test('the word is in the audit log, with its generation', async () => {
    await rotate(`${CA} --yes`);
    await say(2);
    expect(auditIn(store.snapshot()).at(-1).command).toBe(`rotate ${CA} --assume-consumers-current=2`);
  });
});

test('an operator who does as each message says comes to the end', async () => {
  expect(await obeyed(store, CA, { clock, assumeConsumersCurrent: true })).toMatchObject({ done: true });
  expect(statesOf(store, CA)).toBe(RETIRED);
});
