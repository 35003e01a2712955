// Covers: src/rotation/rehearsal/

/** A rehearsal shows what the run then does: the same steps in the same order, for every kind and flag. */
import { beforeEach, describe, expect, test } from 'vitest';
import { VERSIONED } from '../../../src/inventory/index.ts';
import { formatRef } from '../../../src/ports/object-ref.ts';
import type { Pod, Workloads } from '../../../src/ports/workloads.ts';
import { ROTATIONS } from '../../../src/rotation/kinds.ts';
import type { RotateResult } from '../../../src/rotation/rotate-request.ts';
import type { ManualClock } from '../../support/clock.ts';
import { recordIn } from '../../support/installations.ts';
import { MemoryCensus } from '../../support/memory-census.ts';
import { usersOf } from '../../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../../support/memory-store.ts';
import { onCluster, once, platform, pod, type RotateOptions, workloadsOf } from '../bed.ts';
import { installedOnce } from '../installed.ts';

let made: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
});

const KINDS = Object.entries(ROTATIONS).flatMap(([kind, { type }]) =>
  type === 'versions' || type === 'leaves' ? [kind] : [],
);
const FLAGS: readonly Partial<RotateOptions>[] = [
  {},
  { again: true },
  { compromised: true },
  { restart: true, again: true },
  { restart: true, compromised: true },
  { noTenantStore: true },
  { request: { type: 'rollback' } },
];
/** How far the rotation is when the run begins, and with which flags it is then given. */
const SOME: readonly Partial<RotateOptions>[] = [{}, { restart: true }, { request: { type: 'rollback' } }];
const STAGES = { fresh: FLAGS, published: SOME, promoted: SOME };

/** One Pod that mounts everything, and starts anew where its Deployment is restarted. */
function cluster(): Workloads {
  let started = clock.now().getTime() - 1000;
  const seen = new Map<string, { readonly version: string; readonly at: Date }>();
  const uses = KINDS.map((kind) => ({ object: platform(kind), container: 'main', how: 'env' as const }));
  const pods = (): readonly Pod[] => [pod('auth-1', new Date(started).toISOString(), { uses })];
  const base = workloadsOf(pods, () => clock.now());
  return {
    ...base,
    changedAt: async (ref) => {
      const version = (await store.get(ref))?.version ?? '';
      const before = seen.get(formatRef(ref));
      const now = before?.version === version ? before : { version, at: clock.now() };
      seen.set(formatRef(ref), now);
      return now.at;
    },
    restart: async (workload) => {
      started = clock.now().getTime();
      return base.restart(workload, clock.now());
    },
  };
}

/** What a run did, in the words in which it asks. */
async function performed(kind: string, options: RotateOptions): Promise<readonly string[]> {
  const actions: string[] = [];
  await once(store, kind, { ...options, agree: async ({ action }) => void actions.push(action) }).catch(
    () => undefined,
  );
  return actions;
}

async function planned(kind: string, options: RotateOptions): Promise<readonly string[]> {
  const rehearsed = await once(store, kind, { ...options, dryRun: true }).catch((): Partial<RotateResult> => ({}));
  return rehearsed.planned ?? [];
}

async function bring(stage: keyof typeof STAGES, kind: string, options: RotateOptions): Promise<void> {
  if (stage === 'fresh') return;
  await once(store, kind, { ...options, again: true }).catch(() => undefined);
  clock.advance(600);
  if (stage === 'promoted') {
    const { generation } = recordIn(store.snapshot());
    await once(store, kind, { ...options, assumeConsumersCurrent: generation }).catch(() => undefined);
    clock.advance(600);
  }
}

let compared = 0;

describe.each(KINDS)('the rehearsal of %s', (kind) => {
  test.each(['a folder', 'a cluster'])('in %s lists what the run does, whatever the flags', async (place) => {
    for (const stage of ['fresh', 'published', 'promoted'] as const) {
      for (const flags of STAGES[stage]) {
        store.restore(made);
        const workloads = place === 'a cluster' ? cluster() : undefined;
        Object.assign(store, { cluster: undefined });
        if (workloads !== undefined) onCluster(store, clock, workloads);
        const base: RotateOptions = {
          clock,
          users: usersOf(store.snapshot()),
          census: new MemoryCensus(),
          ...(workloads === undefined ? {} : { workloads }),
        };
        await bring(stage, kind, base);
        const before = store.snapshot();
        const rehearsed = await planned(kind, { ...base, ...flags });
        expect(store.snapshot(), 'a rehearsal writes nothing').toEqual(before);
        const label = `${kind} ${place} ${stage} ${JSON.stringify(flags)}`;
        expect([label, rehearsed]).toEqual([label, await performed(kind, { ...base, ...flags })]);
        compared += 1;
      }
    }
  });
});

test('every kind that rotates was compared', () => {
  expect(KINDS.length).toBeGreaterThan(VERSIONED.length / 2);
  process.stderr.write(`${compared} rehearsals compared with their runs\n`);
});
