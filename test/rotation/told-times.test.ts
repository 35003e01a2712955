// Covers: src/rotation/evidence/confirm.ts

/** The time that a run says is the one that the next run counts by, whatever the clock showed meanwhile. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DAY, type ManualClock } from '../support/clock.ts';
import { recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const CACHES = 15 * 60;
const YEAR = 365 * DAY;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const go = (options: Parameters<typeof rotate>[2] = {}) => rotate(store, JWT, { clock, ...options });
const told = async (options: Parameters<typeof rotate>[2] = {}) =>
  (await go({ assumeConsumersCurrent: true, ...options })).waitingFor?.until;

describe('consumers that are current, in a folder', () => {
  test('of a version that a clock a year ahead has dated: two runs name the same time, and the gate opens then', async () => {
    clock.advance(YEAR);
    await go();
    const until = new Date(clock.now().getTime() + CACHES * 1000);
    clock.advance(-YEAR);
    expect(await told()).toEqual(until);
    clock.advance(60);
    expect(await told()).toEqual(until);
    clock.set(until);
    await told();
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });

  test('are confirmed once, not at every run', async () => {
    clock.advance(YEAR);
    await go();
    clock.advance(-YEAR);
    await told();
    const after = recordIn(store.snapshot());
    clock.advance(60);
    await told();
    expect(recordIn(store.snapshot())).toEqual(after);
  });

  test('were so when that was found out, however long somebody thinks before agreeing to note it', async () => {
    await go();
    const until = new Date(clock.now().getTime() + CACHES * 1000);
    const agree = async (): Promise<void> => clock.advance(600);
    expect(await told({ agree })).toEqual(until);
    expect(await told()).toEqual(until);
  });
});

test('a Pod that somebody vouched for stays left out of a version that a clock a year ahead has dated', async () => {
  const changedAt = clock.now();
  const uses = [{ object: platform(JWT), container: 'main', how: 'volume' }] as const;
  let pods = [pod('auth-1', undefined, { uses })];
  const workloads = workloadsOf(
    () => pods,
    () => changedAt,
  );
  clock.advance(YEAR);
  await go({ workloads });
  clock.advance(-YEAR + 600);
  pods = [];
  await go({ workloads });
  pods = [pod('auth-1', '2027-01-01T00:00:00Z', { uses })];
  await go({ workloads, ignoredPods: ['hubble-system/auth-1'] });
  clock.advance(60);
  expect((await go({ workloads })).notes).toEqual(['left out on an earlier word: hubble-system/auth-1']);
});
