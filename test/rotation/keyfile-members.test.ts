/** Members of the replica set: each shows the first key of the keyfile that it was started with, and accepts all of it. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { Request } from '../../src/rotation/request.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { ledgerRef, objectIn, recordIn } from '../support/installations.ts';
import { type MemoryDatabaseUsers, usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { onCluster, platform, pod, type RotateOptions, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const KIND = 'mongodb-auth';
const back: RotateOptions = { request: { type: 'rollback' } };
const emergency: RotateOptions = { compromised: true };
const fresh = installedOnce();

interface Member {
  startedAt: string;
  /** The versions (n) whose keys it has loaded, the one that it shows first. */
  keys: readonly number[];
}

/** A replica set, and the store that its members mount. */
class ReplicaSet {
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly users: MemoryDatabaseUsers;
  readonly members: Member[];
  readonly #workloads: ReturnType<typeof workloadsOf>;
  #changedAt: Date;
  #keyfile: string;

  constructor({ made, store, clock }: { made: Snapshot; store: MemoryStore; clock: ManualClock }) {
    this.store = store;
    this.clock = clock;
    this.users = usersOf(made);
    this.#changedAt = clock.now();
    this.#keyfile = this.#mounted();
    clock.advance(600);
    this.members = ['a', 'b'].map(() => ({ startedAt: clock.now().toISOString(), keys: [1] }));
    const uses = [{ object: platform(KIND), container: 'main', how: 'volume' as const }];
    const workload = 'StatefulSet/hubble-system/mongo';
    const pods = () => this.members.map(({ startedAt }, n) => pod(`mongo-${n}`, startedAt, { workload, uses }));
    this.#workloads = workloadsOf(pods, () => this.#look());
    onCluster(store, clock, this.#workloads);
    clock.advance(600);
  }

  /** Versions (n) whose keys the Secret has now. */
  get secret(): readonly number[] {
    const at = recordIn(this.store.snapshot()).keys[KIND].versions.flatMap(({ n }: { n: number }) => {
      const key = Buffer.from(objectIn(this.store.snapshot(), ledgerRef(KIND, n)).data['keyfile'] ?? []).toString();
      const place = this.#keyfile.indexOf(key);
      return place < 0 ? [] : [{ n, place }];
    });
    return at.sort((a: { place: number }, b: { place: number }) => a.place - b.place).map(({ n }: { n: number }) => n);
  }

  get states(): string {
    return statesOf(this.store, KIND);
  }

  async rotate(options: RotateOptions = {}, seesPods = true) {
    try {
      return await rotate(this.store, KIND, {
        ...{ clock: this.clock, users: this.users, again: options.request === undefined },
        ...(seesPods ? { workloads: this.#workloads } : {}),
        ...options,
      });
    } finally {
      this.#look();
    }
  }

  /** As long after the last change as a kubelet takes to see it. */
  restart(...which: number[]): void {
    this.#look();
    this.clock.advance(200);
    for (const n of which.length > 0 ? which : this.members.keys()) {
      this.members[n] = { startedAt: this.clock.now().toISOString(), keys: this.secret };
    }
    this.clock.advance(60);
  }

  /** A member that would reject another one, or one that starts now and one that runs. */
  get split(): string | undefined {
    const all = [...this.members.map(({ keys }) => keys), this.secret];
    const rejects = all.flatMap((one) => all.filter((other) => !other.includes(one[0] ?? 0)));
    return rejects.length === 0 ? undefined : `${this.states}: ${JSON.stringify(all)}`;
  }

  kidOf(n: number): string {
    return recordIn(this.store.snapshot()).keys[KIND].versions[n - 1].kid;
  }

  #mounted(): string {
    return Buffer.from(objectIn(this.store.snapshot(), platform(KIND)).data['keyfile'] ?? []).toString();
  }

  #look(): Date {
    const keyfile = this.#mounted();
    if (keyfile !== this.#keyfile) this.#changedAt = this.clock.now();
    this.#keyfile = keyfile;
    return this.#changedAt;
  }
}

let set: ReplicaSet;

beforeEach(() => {
  set = new ReplicaSet(fresh());
});

/** v2 active, and every member has both keys, in one order or the other. */
async function promoted(): Promise<void> {
  await set.rotate();
  set.restart();
  await set.rotate();
  expect([set.states, set.secret, set.split]).toEqual(['v1 trusted, v2 active', [2, 1], undefined]);
}

describe('an emergency', () => {
  test('waits for the members that still show the old key, names them, and goes on once they were restarted', async () => {
    await promoted();
    const { done, waitingFor } = await set.rotate(emergency);
    expect([done, set.states, set.secret]).toEqual([false, 'v1 trusted, v2 active', [2, 1]]);
    expect(waitingFor).toMatchObject({
      reason: expect.stringContaining('still show'),
      blockers: [
        expect.stringContaining('mongo-0'),
        expect.stringContaining('mongo-1'),
        expect.stringContaining('--restart'),
      ],
    });
    set.restart(0);
    expect((await set.rotate(emergency)).waitingFor?.blockers).toEqual([
      expect.stringContaining('mongo-1'),
      expect.stringContaining('--restart'),
    ]);
    set.restart(1);
    await set.rotate(emergency);
    expect([set.secret, set.split]).toEqual([[2, 3], undefined]);
    set.restart();
    await set.rotate(emergency);
    expect([set.states.startsWith('v1 trusted, v2 trusted, v3 active'), set.secret, set.split]).toEqual([
      true,
      [3, 2],
      undefined,
    ]);
  });

  test('waits for nobody where one key alone is in use', async () => {
    await set.rotate(emergency);
    expect([set.states, set.secret, set.split]).toEqual(['v1 active, v2 published', [1, 2], undefined]);
  });

  test('in a folder waits for the word that members are current', async () => {
    await promoted();
    const { waitingFor } = await set.rotate(emergency, false);
    expect(waitingFor).toMatchObject({ onWord: true });
    expect(set.secret).toEqual([2, 1]);
  });
});

describe('the way back', () => {
  test('is free while the two have but changed places', async () => {
    await promoted();
    await set.rotate(back);
    expect([set.states, set.secret, set.split]).toEqual(['v1 active, v2 trusted', [1, 2], undefined]);
  });

  test('waits for members that a version in between may have left without the key', async () => {
    await promoted();
    set.restart();
    await set.rotate({ ...emergency, assumeConsumersCurrent: true });
    expect(set.secret).toEqual([2, 3]);
    set.restart(0);
    await set.rotate(back);
    expect([set.states, set.secret]).toEqual(['v1 trusted, v2 active, v3 retired', [2, 1]]);
    const { done, waitingFor } = await set.rotate(back);
    expect([done, set.secret, waitingFor?.blockers]).toEqual([
      false,
      [2, 1],
      [expect.stringContaining('mongo-0'), expect.stringContaining('mongo-1')],
    ]);
    set.restart();
    await set.rotate(back);
    expect([set.states, set.secret, set.split]).toEqual(['v1 active, v2 trusted, v3 retired', [1, 2], undefined]);
  });

  test('to a version whose key is not in the keyfile names what has to go first', async () => {
    for (let round = 0; round < 2; round += 1) {
      await set.rotate();
      set.restart();
      await set.rotate();
      set.restart();
      if (round === 1) break;
      await set.rotate();
      set.clock.advance(DAY);
      await set.rotate({ again: false });
      await set.rotate({ request: { type: 'reinstate', kid: set.kidOf(1) } });
      set.restart();
    }
    await set.rotate(back);
    expect([set.states, set.secret]).toEqual(['v1 trusted, v2 active, v3 trusted', [2, 3]]);
    const { waitingFor } = await set.rotate(back);
    expect(waitingFor).toMatchObject({
      reason: 'the keyfile holds the key of v3 besides the active one, and not that of v1',
      blockers: [`--retire ${set.kidOf(3)}: it then holds that of v1`],
    });
    expect([set.secret, set.split]).toEqual([[2, 3], undefined]);
  });
});

test('whatever is rotated, gone back from and restarted, no member rejects another', async () => {
  const kinds = [
    'rotate',
    'rotate',
    'rollback',
    'emergency',
    'retire',
    'reinstate',
    'restart',
    'restart',
    'all',
  ] as const;
  const event = fc.record({ type: fc.constantFrom(...kinds), which: fc.nat({ max: 2 }) });
  const property = fc.asyncProperty(fc.array(event, { minLength: 6, maxLength: 16, size: 'max' }), async (events) => {
    set = new ReplicaSet(fresh());
    for (const { type, which } of events) {
      if (type === 'restart') set.restart(which % 2);
      else if (type === 'all') set.restart();
      else await set.rotate(optionsOf(type, which)).catch(refusedAlone);
      if (set.split !== undefined) throw new Error(set.split);
    }
  });
  await fc.assert(property, { numRuns: 30, interruptAfterTimeLimit: 15_000, endOnFailure: true });
}, 60_000);

function optionsOf(type: string, which: number): RotateOptions {
  if (type === 'rotate') return {};
  if (type === 'emergency') return emergency;
  if (type === 'rollback') return back;
  const versions = recordIn(set.store.snapshot()).keys[KIND].versions;
  const kid: string = versions[which % versions.length].kid;
  const request: Request = type === 'retire' ? { type: 'retire', kid } : { type: 'reinstate', kid };
  return { request };
}

function refusedAlone(error: unknown): void {
  if (!(error instanceof PaletteKeysError)) throw error;
}
