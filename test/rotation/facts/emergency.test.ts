// Covers: src/rotation/facts/emergency.ts

/** The end of an emergency: whoever has loaded the compromised key works with it until it is started anew. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { Proposal } from '../../../src/rotation/rotate-request.ts';
import { DAY, type ManualClock } from '../../support/clock.ts';
import { auditIn, edit, installation, objectIn, smallSpec, storeWith } from '../../support/installations.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from '../bed.ts';
import { installedOnce } from '../installed.ts';

const JWT = 'jwt-signing-key';
const AUTH = 'Deployment/hubble-system/auth';
const REPLACED = 'v1 retired, v2 active';
const STILL = 'another key is in use, and these may still work with the compromised one';
/** Objects of the platform that hold them. */
const OBJECTS: Readonly<Record<string, string>> = {
  [JWT]: JWT,
  'message-bus-operator': 'message-bus-auth',
  'message-bus-signing-key': 'message-bus-auth',
  'cluster-ca': 'grpc-tls',
  'internal-ca': 'auth-tls',
};
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();
let changed: Date;
let started: Date;

beforeEach(() => {
  ({ store, clock } = fresh());
  changed = clock.now();
  started = new Date(changed.getTime() - DAY * 1000);
});

/** One Pod that uses the kind, and starts anew where it is restarted. */
function cluster(kind: string, how: 'env' | 'volume' = 'env') {
  const uses = [{ object: platform(OBJECTS[kind] ?? ''), container: 'main', how }];
  const base = workloadsOf(
    () => [pod('auth-1', started.toISOString(), { uses })],
    () => changed,
  );
  return {
    ...base,
    restart: async (workload: string): Promise<boolean> => {
      started = clock.now();
      return base.restart(workload, started);
    },
  };
}

/** A plan that is agreed to changes the objects. */
const agree = async ({ plan }: Proposal): Promise<void> => {
  if (plan !== undefined) changed = clock.now();
};

const go = (kind: string, options: Parameters<typeof rotate>[2] = {}) =>
  rotate(store, kind, { clock, agree, ...options });

const confirmations = (): readonly unknown[] =>
  auditIn(store.snapshot()).filter(({ changes }) =>
    changes.some(({ action }: { action: string }) => action === 'confirm'),
  );

describe.each(Object.keys(OBJECTS))('a compromised %s', (kind) => {
  test('is not said to be out of use while a Pod has it in memory; with --restart that is started anew first', async () => {
    const workloads = cluster(kind);
    // Whether clusters still need the old version nobody sees: for those kinds somebody vouches.
    const done = await go(kind, { workloads, compromised: true, restart: true, assumeConsumersCurrent: true });
    expect(done).toMatchObject({ done: true, waitingFor: undefined });
    expect(statesOf(store, kind)).toBe(REPLACED);
    // The last restart gave it what the last transition has made of the objects.
    expect(started.getTime()).toBeGreaterThan(changed.getTime() + 2 * 60_000);
    expect(workloads.restarted).toContain(AUTH);
  });
});

describe('a compromised key whose Pods are not restarted', () => {
  test('waits for them by name, makes no further key, and is finished once they were', async () => {
    const workloads = cluster(JWT);
    for (const compromised of [true, true, false]) {
      const waiting = await go(JWT, { workloads, compromised });
      expect(waiting).toMatchObject({ done: false, waitingFor: { reason: STILL } });
      expect(waiting.waitingFor?.blockers).toEqual([
        expect.stringContaining(`Pod hubble-system/auth-1 of ${AUTH}`),
        '--restart starts them anew',
      ]);
      expect(statesOf(store, JWT)).toBe(REPLACED);
      clock.advance(300);
    }
    expect(await go(JWT, { workloads, restart: true })).toMatchObject({ done: true, effects: [`restarted ${AUTH}`] });
    expect(statesOf(store, JWT)).toBe(REPLACED);
  });

  test('is named by --due too, which opens no rotation', async () => {
    const workloads = cluster(JWT);
    await go(JWT, { workloads, compromised: true });
    clock.advance(10 * DAY);
    const waiting = await go(JWT, { workloads, due: true, mayStart: false });
    expect([waiting.waitingFor?.reason, statesOf(store, JWT)]).toEqual([STILL, REPLACED]);
  });

  test('is finished for good once they were found to be current, whatever changes after that', async () => {
    const workloads = cluster(JWT);
    await go(JWT, { workloads, compromised: true });
    clock.advance(300);
    started = clock.now();
    expect(await go(JWT, { workloads })).toMatchObject({ done: true, wrote: true });
    expect(confirmations()).toHaveLength(1);
    clock.advance(300);
    changed = clock.now();
    expect(await go(JWT, { workloads })).toMatchObject({ done: true, wrote: false });
  });

  test('is looked after again where a brought back version is given up once more', async () => {
    const workloads = cluster(JWT);
    const { versions } = await go(JWT, { workloads, compromised: true, restart: true });
    const [{ kid = '' } = {}] = versions;
    for (const type of ['reinstate', 'retire', 'retire'] as const) {
      clock.advance(2 * DAY);
      await go(JWT, { workloads, request: { type, kid }, restart: true });
    }
    expect(statesOf(store, JWT)).toBe(REPLACED);
    started = new Date(changed.getTime() - 1000);
    expect((await go(JWT, { workloads, mayStart: false })).waitingFor?.reason).toBe(STILL);
  });

  test('waits for a watching Pod as long as the kubelet takes, and restarts nothing', async () => {
    const consumers = [{ workload: AUTH, object: `palette-${JWT}`, reads: 'keyring', reload: 'watch' }];
    store = storeWith(await installation(smallSpec({ consumers })));
    const workloads = cluster(JWT, 'volume');
    const waiting = await go(JWT, { workloads, compromised: true, restart: true });
    expect(waiting.waitingFor?.blockers).toEqual([expect.stringContaining('reaches it within')]);
    clock.advance(301);
    expect(await go(JWT, { workloads, restart: true })).toMatchObject({ done: true, effects: [] });
  });

  test('is refused where a restart would not reach them, once something was written as waiting', async () => {
    const restart = async (): Promise<boolean> => {
      throw new PaletteKeysError('REFUSED', 'it is paused', { hint: 'resume it' });
    };
    const result = await go(JWT, { workloads: { ...cluster(JWT), restart }, compromised: true, restart: true });
    expect(result).toMatchObject({ done: false, refused: true, waitingFor: { blockers: ['resume it'] } });
  });

  test('is rehearsed with its restarts, and nothing is noted', async () => {
    const workloads = cluster(JWT);
    await go(JWT, { workloads, compromised: true });
    clock.advance(300);
    const options = { workloads, restart: true, dryRun: true };
    const noted = `note that all consumers of v2 of ${JWT} are current`;
    const restarted = await go(JWT, options);
    expect(restarted.planned).toEqual([expect.stringContaining('restart Deployment/'), noted]);
    expect((await go(JWT, { ...options, restart: false })).waitingFor?.reason).toBe(STILL);
    started = clock.now();
    const { planned, wrote } = await go(JWT, options);
    expect([planned, wrote, confirmations()]).toEqual([[noted], false, []]);
  });
});

test.each([300, 3 * DAY])('an identity is refused only once its emergency is over, %d s later', async (seconds) => {
  const kind = 'message-bus-operator';
  const workloads = cluster(kind);
  await go(kind, { workloads, compromised: true });
  clock.advance(seconds);
  expect((await go(kind, { workloads })).waitingFor?.reason).toBe(STILL);
  expect(await go(kind, { workloads, restart: true })).toMatchObject({ done: true, effects: [`restarted ${AUTH}`] });
  expect(statesOf(store, kind)).toBe(REPLACED);
  clock.advance(1);
  await expect(go(kind, { workloads, restart: true })).rejects.toMatchObject({ code: 'REFUSED' });
});

test('an ordinary rotation that is finished asks for nobody', async () => {
  const workloads = cluster(JWT);
  store = storeWith(await installation());
  await go(JWT, { workloads, restart: true });
  clock.advance(3600);
  await go(JWT, { workloads, restart: true });
  clock.advance(2 * DAY);
  expect(await go(JWT, { workloads, restart: true, mayStart: false })).toMatchObject({ done: true });
  expect(statesOf(store, JWT)).toBe(REPLACED);
});

describe('where nobody sees what runs', () => {
  test('a folder says what to restart, each time, until somebody says that it is done', async () => {
    const note = expect.stringContaining('restart what uses it: until then it works with the compromised key');
    const first = await go(JWT, { compromised: true });
    expect(first).toMatchObject({ done: true, waitingFor: undefined, notes: [note], offersWord: true });
    expect((await go(JWT)).notes).toContainEqual(note);
    clock.advance(1);
    expect((await go(JWT, { assumeConsumersCurrent: true })).notes).not.toContainEqual(note);
    clock.advance(1);
    expect((await go(JWT)).notes).not.toContainEqual(note);
  });

  test('a cluster whose Pods one may not see is waited for, by the word that helps', async () => {
    const pods = async () => {
      throw new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'x' });
    };
    const { waitingFor } = await go(JWT, { workloads: { ...cluster(JWT), pods }, compromised: true });
    expect(waitingFor).toMatchObject({ stuck: true, onWord: true });
    expect(statesOf(store, JWT)).toBe(REPLACED);
  });
});

test('a Secret that somebody has put back is named, before any Pod', async () => {
  const before = objectIn(store.snapshot(), platform(JWT));
  const workloads = cluster(JWT);
  await go(JWT, { workloads, compromised: true });
  edit(store, platform(JWT), () => ({ data: before.data }));
  const { waitingFor } = await go(JWT, { workloads, restart: true });
  expect(waitingFor?.blockers).toEqual([expect.stringContaining('palette-keys init puts it right')]);
  expect(workloads.restarted).toEqual([]);
});
