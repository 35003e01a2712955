/** `--ignore-pod`: it leaves out a Pod that is there, and a name that no Pod has is no part of the evidence. */
import { beforeEach, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { Workloads } from '../../src/ports/workloads.ts';
import { command } from '../backup/bench.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { auditIn, recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const LOST = 'hubble-system/auth-1';
const NOBODY = 'hubble-system/auth-2';
const NOTE = `--ignore-pod ${NOBODY}: there is no such Pod where the spec has anything`;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

/** A Pod on a dead node. */
function cluster(name = JWT): Workloads {
  const changed = new Date(clock.now().getTime() - DAY * 1000);
  const uses = [{ object: platform(name), container: 'main', how: 'env' } as const];
  const lost = pod('auth-1', '2026-01-01T00:00:00Z', { uses });
  return workloadsOf(
    () => [lost],
    () => changed,
  );
}

const go = (ignoredPods: readonly string[], workloads: Workloads | undefined = cluster(), kind = JWT) =>
  rotate(store, kind, { clock, ignoredPods, ...(workloads === undefined ? {} : { workloads }) });

/** The Pods that confirmations in the record leave out. */
const recorded = (): readonly unknown[] =>
  Object.values(recordIn(store.snapshot()).keys[JWT].evidence).flatMap((found) =>
    typeof found === 'object' && found !== null && 'ignored' in found ? found.ignored : [],
  );

test('a name that no Pod has is named in a note, and not kept', async () => {
  const { notes, waitingFor } = await go([LOST, NOBODY]);
  expect([notes, waitingFor?.reason]).toEqual([[NOTE], expect.stringContaining('caches')]);
  expect(recorded()).toEqual([LOST]);
  const audit = auditIn(store.snapshot()).flatMap(({ changes }) =>
    changes.map(({ object }: { object: string }) => object),
  );
  expect(audit).toContainEqual(expect.stringMatching(/current by their Pods, without hubble-system\/auth-1$/));
});

test('a name that no Pod has is not kept when a later run is given it', async () => {
  await go([LOST]);
  clock.advance(60);
  expect((await go([NOBODY])).notes).toContain(NOTE);
  expect(recorded()).toEqual([LOST]);
});

test('a name that no Pod has opens no gate, and is named beside the Pods that keep it closed', async () => {
  const { notes, waitingFor } = await go([NOBODY]);
  expect([notes, waitingFor?.blockers]).toEqual([[NOTE], [expect.stringContaining(LOST)]]);
});

test('a name that no Pod has is named where a certificate is issued anew', async () => {
  const { notes } = await go([LOST, NOBODY], cluster('grpc-tls'), 'grpc-tls');
  expect(notes).toEqual([NOTE]);
});

test('a name is kept as it is where Pods cannot be seen', async () => {
  const pods = async () => {
    throw new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'x' });
  };
  const workloads = { ...cluster(), pods };
  const { notes } = await rotate(store, JWT, {
    ...{ clock, workloads, ignoredPods: [NOBODY], assumeConsumersCurrent: true },
  });
  expect([notes, recorded()]).toEqual([[], [NOBODY]]);
});

test.each(['foo', 'a/b/c', 'a/', '/b', 'a.b/c', 'A/b', 'a/B', 'a/b_c', 'a/b..c', 'a/-b', `a/${'b'.repeat(254)}`])(
  '%s is not the name of a Pod: a usage error, and nothing is written',
  async (name) => {
    const before = store.snapshot();
    const { code, stderr } = await command(store, ['rotate', JWT, '-y', '--ignore-pod', name], { clock });
    expect([code, stderr]).toEqual([2, expect.stringContaining('is not the name of a Pod')]);
    expect(store.snapshot()).toEqual(before);
  },
);

test.each(['a/b', 'hubble-system/mongo-0', 'a/b.c-d.e', `a/${'b'.repeat(253)}`])(
  '%s is the name of a Pod',
  async (name) => {
    const { code } = await command(store, ['rotate', JWT, '-y', '--ignore-pod', name], { clock });
    expect([code, statesOf(store, JWT)]).toEqual([6, 'v1 active, v2 published']);
  },
);
