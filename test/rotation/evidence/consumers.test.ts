// Covers: src/rotation/evidence/consumers.ts, src/rotation/evidence/evidence.ts, src/rotation/perform/restart.ts

/** What runs on a cluster, and how a rotation waits for it, restarts it, and keeps looking at it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { Pod, Use } from '../../../src/ports/workloads.ts';
import type { Proposal } from '../../../src/rotation/rotate-request.ts';
import { DAY, type ManualClock } from '../../support/clock.ts';
import { edit, init, installation, objectIn, recordIn, smallSpec, storeWith } from '../../support/installations.ts';
import type { MemoryStore, Snapshot } from '../../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from '../bed.ts';
import { installedOnce } from '../installed.ts';

const JWT = 'jwt-signing-key';
const LONG_AGO = '2027-01-01T00:00:00Z';
const AUTH = 'Deployment/hubble-system/auth';
let made: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();
/** When the objects were last changed, as the API server says. */
let changed: Date;
/** When the container of the Pod was started. */
let started: string;

beforeEach(() => {
  ({ made, store, clock } = fresh());
  changed = clock.now();
  started = LONG_AGO;
});

const mounts = (name: string): { readonly uses: readonly Use[] } => ({
  uses: [{ object: platform(name), container: 'main', how: 'volume' }],
});

/** Workloads whose Pods start anew where they are restarted, by a node's clock that is so many seconds behind. */
function cluster(pods: () => readonly Pod[], behind = 0) {
  const base = workloadsOf(pods, () => changed);
  const times: Date[] = [];
  return {
    ...base,
    times,
    restart: async (workload: string) => {
      times.push(clock.now());
      started = new Date(clock.now().getTime() - behind * 1000).toISOString();
      return base.restart(workload, clock.now());
    },
  };
}

/** A plan that is agreed to changes the objects. */
const changing = async ({ plan }: Proposal): Promise<void> => {
  if (plan !== undefined) changed = clock.now();
};

const denied = (): never => {
  throw new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'x' });
};

type Options = Parameters<typeof rotate>[2];

const go = (kind: string, options: Options = {}) => rotate(store, kind, { clock, ...options });

/** As `--wait` does it: looks again every half a minute, until it has found nothing to wait for. */
async function looking(kind: string, options: Options, looks: number) {
  let result = await go(kind, options);
  for (let look = 1; look < looks && result.waitingFor !== undefined; look++) {
    clock.advance(30);
    result = await go(kind, { ...options, mayStart: false, before: result });
  }
  return result;
}

describe('restarts while one waits', () => {
  const watching = { consumers: [{ workload: AUTH, object: `palette-${JWT}`, reads: 'keyring', reload: 'watch' }] };

  test('a workload that watches is not restarted for what the kubelet brings by itself', async () => {
    store = storeWith(await installation(smallSpec(watching)));
    const workloads = cluster(() => [pod('auth-1', started, mounts(JWT))]);
    const waiting = await go(JWT, { workloads, restart: true });
    expect(waiting.waitingFor?.blockers).toEqual([expect.stringContaining('reaches it within')]);
    const last = await looking(JWT, { workloads, restart: true, mayStart: false }, 11);
    expect(workloads.times).toEqual([]);
    expect(last.waitingFor).toMatchObject({ until: expect.any(Date), blockers: [] });
  });

  test('a start two minutes after the change is as good for a workload that watches', async () => {
    store = storeWith(await installation(smallSpec(watching)));
    const workloads = cluster(() => [pod('auth-1', started, mounts(JWT))]);
    await go(JWT, { workloads });
    clock.advance(122);
    started = clock.now().toISOString();
    expect((await go(JWT, { workloads })).waitingFor).toMatchObject({ until: expect.any(Date), blockers: [] });
  });

  test('a workload is restarted once for a change, even where the clock of its node is behind', async () => {
    const workloads = cluster(() => [pod('auth-1', started, mounts(JWT))], 60);
    await looking(JWT, { workloads, restart: true }, 20);
    expect(workloads.times).toHaveLength(1);
  });

  test('a workload is restarted anew for the next change', async () => {
    const uses = mounts('auth-tls');
    const workloads = cluster(() => [pod('auth-1', started, uses)]);
    expect(await looking('internal-ca', { workloads, restart: true, agree: changing }, 20)).toMatchObject({
      done: true,
    });
    expect(statesOf(store, 'internal-ca')).toBe('v1 retired, v2 active');
    expect(workloads.times).toHaveLength(2);
  });
});

test('a workload that cannot be restarted does not stop the others, and it is said what to do', async () => {
  const workloads = cluster(() => ['agent-1', 'auth-1'].map((name) => pod(name, started, mounts(JWT))));
  const restart = async (workload: string) => {
    if (workload === AUTH) return workloads.restart(workload);
    throw new PaletteKeysError('REFUSED', `${workload} cannot be restarted`, { hint: 'delete its Pods' });
  };
  const refused = go(JWT, { workloads: { ...workloads, restart }, restart: true });
  // The key was published before, so it has written something: it waits.
  expect((await refused).waitingFor?.blockers).toEqual(['delete its Pods']);
  expect(workloads.restarted).toEqual([AUTH]);
});

test('nothing is restarted for a step that is refused', async () => {
  const agree = async ({ action }: Proposal): Promise<void> => {
    if (!action.startsWith('publish')) throw new Error('not yet');
  };
  await expect(
    go('root-key', { workloads: cluster(() => [pod('other-1', started, { uses: [] })]), agree }),
  ).rejects.toThrow('not yet');
  expect(statesOf(store, 'root-key')).toBe('v1 active, v2 published');
  // Nobody has declared how it reads the key: it would be cut off by the promotion.
  const late = cluster(() => [pod('auth-1', started)]);
  await expect(go('root-key', { workloads: late, restart: true })).rejects.toMatchObject({ code: 'REFUSED' });
  expect(late.times).toEqual([]);
});

describe('a confirmation', () => {
  const workloads = () => cluster(() => [pod('auth-1', started, mounts(JWT))]);
  const confirmations = (): readonly object[] => recordIn(store.snapshot()).keys[JWT].evidence;

  /** Everybody is restarted, and found to be current. */
  async function confirm(): Promise<void> {
    clock.advance(300);
    started = clock.now().toISOString();
    clock.advance(60);
    await go(JWT, { workloads: workloads(), agree: changing });
    expect(confirmations()).toContainEqual(expect.objectContaining({ by: 'pods' }));
  }

  /** Somebody puts the Secret of before back, its Pod is restarted on it, and `init` puts it right. */
  async function putBack(old: Readonly<Record<string, Uint8Array>>): Promise<void> {
    clock.advance(60);
    edit(store, platform(JWT), () => ({ data: old }));
    clock.advance(300);
    started = clock.now().toISOString();
    clock.advance(300);
    await init(store, { clock });
    changed = clock.now();
  }

  const secretOf = () => objectIn(store.snapshot(), platform(JWT)).data;

  test.each(['promote', 'retire'])('of before the old Secret was put back does not %s', async (step) => {
    let old = secretOf();
    await go(JWT, { workloads: workloads(), agree: changing });
    await confirm();
    if (step === 'retire') {
      old = secretOf();
      clock.advance(16 * 60);
      await go(JWT, { workloads: workloads(), agree: changing });
      expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
      await confirm();
    }
    const before = statesOf(store, JWT);
    await putBack(old);
    clock.advance(2 * DAY);
    const waiting = await go(JWT, { workloads: workloads() });
    expect([statesOf(store, JWT), waiting.waitingFor?.blockers]).toEqual([
      before,
      [expect.stringContaining('Pod hubble-system/auth-1')],
    ]);
    await confirm();
    // The soak begins anew: tokens of the old key were signed until then.
    const { waitingFor } = await go(JWT, { workloads: workloads() });
    const seconds = step === 'retire' ? DAY + 300 : 15 * 60;
    expect(waitingFor?.until).toEqual(new Date(clock.now().getTime() + seconds * 1000));
    clock.advance(seconds);
    await go(JWT, { workloads: workloads(), agree: changing });
    expect(statesOf(store, JWT)).not.toBe(before);
  });

  test('keeps its time where nothing has changed since', async () => {
    await go(JWT, { workloads: workloads(), agree: changing });
    await confirm();
    const at = clock.now();
    clock.advance(10 * 60);
    const { waitingFor } = await go(JWT, { workloads: workloads() });
    expect(waitingFor?.until).toEqual(new Date(at.getTime() + 15 * 60_000));
    expect(confirmations()).toHaveLength(1);
  });

  test('keeps the word about a Pod on a dead node, until the object changes', async () => {
    const dead = pod('dead-1', LONG_AGO, { ...mounts(JWT), leaving: true });
    const both = cluster(() => [pod('auth-1', started, mounts(JWT)), dead]);
    await go(JWT, { workloads: both, agree: changing });
    clock.advance(300);
    started = clock.now().toISOString();
    clock.advance(60);
    await go(JWT, { workloads: both, ignoredPods: ['hubble-system/dead-1'] });
    clock.advance(60);
    expect((await go(JWT, { workloads: both })).waitingFor).toMatchObject({ until: expect.any(Date), blockers: [] });
    changed = clock.now();
    clock.advance(300);
    started = clock.now().toISOString();
    const { waitingFor } = await go(JWT, { workloads: both });
    expect(waitingFor?.blockers).toEqual([expect.stringContaining('Pod hubble-system/dead-1')]);
  });

  test('takes a later word about a Pod in, keeps its time, and names whom it leaves out', async () => {
    const dead = pod('dead-1', LONG_AGO, { ...mounts(JWT), leaving: true });
    const other = pod('other-1', undefined, mounts(JWT));
    const late = cluster(() => [pod('auth-1', started, mounts(JWT)), dead, other]);
    await go(JWT, { workloads: workloads(), agree: changing });
    await confirm();
    const at = clock.now();
    clock.advance(60);
    const blocked = await go(JWT, { workloads: late });
    expect([blocked.waitingFor?.blockers, blocked.notes]).toEqual([
      [expect.stringContaining('Pod hubble-system/dead-1')],
      [],
    ]);
    for (const ignoredPods of [['hubble-system/dead-1'], [], ['hubble-system/other-1'], []]) {
      clock.advance(60);
      const { waitingFor, notes } = await go(JWT, { workloads: late, ignoredPods });
      expect(waitingFor).toMatchObject({ until: new Date(at.getTime() + 15 * 60_000), blockers: [] });
      const isKept = !ignoredPods.includes('hubble-system/dead-1');
      expect(notes).toEqual(isKept ? ['left out on an earlier word: hubble-system/dead-1'] : []);
    }
    expect(confirmations()).toEqual([
      expect.objectContaining({ by: 'pods', ignored: ['hubble-system/dead-1', 'hubble-system/other-1'] }),
    ]);
    clock.advance(16 * 60);
    await go(JWT, { workloads: late });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });

  test('does not speak for a consumer that was declared after it', async () => {
    const ingress = pod('ingress-1', LONG_AGO, { uses: [] });
    const both = cluster(() => [pod('auth-1', started, mounts(JWT)), ingress]);
    await go(JWT, { workloads: both, agree: changing });
    await confirm();
    const consumers = [{ workload: 'Deployment/hubble-system/ingress', object: 'palette-jwks', reads: 'keyring' }];
    await init(store, { clock, spec: smallSpec({ consumers }) });
    clock.advance(16 * 60);
    const { waitingFor } = await go(JWT, { workloads: both });
    expect(waitingFor?.blockers).toEqual([expect.stringContaining('Pod hubble-system/ingress-1')]);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
  });

  test("by Pods is no evidence for one who cannot see them; the operator's word is, until the object changes", async () => {
    await go(JWT, { workloads: workloads(), agree: changing });
    await confirm();
    clock.advance(16 * 60);
    expect((await go(JWT)).waitingFor).toMatchObject({ onWord: true });
    const blind = { ...workloads(), pods: async () => denied() };
    store = storeWith(made);
    await go(JWT, { workloads: blind, assumeConsumersCurrent: true, agree: changing });
    clock.advance(10 * 60);
    expect((await go(JWT, { workloads: blind })).waitingFor).toMatchObject({ until: expect.any(Date) });
    changed = clock.now();
    clock.advance(6 * 60);
    expect((await go(JWT, { workloads: blind })).waitingFor).toMatchObject({ onWord: true });
  });
});

describe('whoever cannot see Pods', () => {
  const ROOT = 'root-key';
  const blind = () => ({ ...cluster(() => []), pods: async () => denied() });
  const spec = (reads: string) => smallSpec({ consumers: [{ workload: AUTH, object: `palette-${ROOT}`, reads }] });

  test('does not know who reads the keyring, unless the spec or the operator says so', async () => {
    const waiting = await go(ROOT, { workloads: blind(), noTenantStore: true });
    expect(waiting.waitingFor).toMatchObject({
      reason: expect.stringContaining('it is unknown whether all consumers read the keyring'),
      blockers: [expect.stringContaining('reads: keyring')],
      onWord: true,
    });
    expect(statesOf(store, ROOT)).toBe('v1 active, v2 published');
    const assumed = await go(ROOT, { workloads: blind(), noTenantStore: true, assumeConsumersCurrent: true });
    expect(assumed).toMatchObject({ done: true });
  });

  test('takes the word of the spec of how its consumers read, and not that they have it', async () => {
    store = storeWith(await installation(spec('keyring')));
    const { waitingFor } = await go(ROOT, { workloads: blind(), noTenantStore: true });
    expect(waitingFor).toMatchObject({
      reason: expect.stringContaining('it is unknown whether all consumers have loaded the change'),
      onWord: true,
    });
    store = storeWith(await installation(spec('single')));
    const refused = go(ROOT, { workloads: blind(), noTenantStore: true, assumeConsumersCurrent: true });
    await expect(refused).rejects.toMatchObject({ code: 'REFUSED' });
    expect(statesOf(store, ROOT)).toBe('v1 active');
  });
});

describe('one service', () => {
  test('is rotated alone, and so is what is restarted for it', async () => {
    const services = [{ name: 'auth' }, { name: 'user' }];
    store = storeWith(await installation(smallSpec({ serviceCertificates: { services } })));
    const workloads = cluster(() => services.map(({ name }) => pod(`${name}-1`, LONG_AGO, mounts(`${name}-tls`))));
    const { notes } = await go('service-certificates', { workloads, restart: true, services: ['auth'] });
    expect([workloads.restarted, notes]).toEqual([[AUTH], [expect.stringContaining('Pod hubble-system/auth-1')]]);
  });
});

describe('an object that the spec no longer names', () => {
  const services = [{ name: 'auth' }, { name: 'user' }];
  const user = (change: Partial<Pod> = {}) => pod('user-1', LONG_AGO, { ...mounts('user-tls'), ...change });
  const behind = expect.stringMatching(
    /Pod hubble-system\/user-1.*palette-user-tls, which the spec no longer names: .*; --ignore-pod hubble-system\/user-1 leaves it out$/,
  );

  /** The CA is published; then the service is taken out of the spec, and its Pod goes on. */
  async function release(pods: () => readonly Pod[]) {
    store = storeWith(await installation(smallSpec({ serviceCertificates: { services } })));
    const workloads = cluster(pods);
    await go('internal-ca', { workloads, agree: changing });
    await init(store, { clock, spec: smallSpec({ serviceCertificates: { services: services.slice(0, 1) } }) });
    clock.advance(600);
    return workloads;
  }

  test('keeps the gate closed while a Pod mounts it, and no restart is tried', async () => {
    const workloads = await release(() => [user()]);
    const { waitingFor } = await go('internal-ca', { workloads, restart: true });
    expect([waitingFor?.blockers, workloads.times]).toEqual([[behind], []]);
    expect(statesOf(store, 'internal-ca')).toBe('v1 active, v2 published');
  });

  test('counts by its name where it may not be read, or is gone', async () => {
    const workloads = await release(() => [user()]);
    const get = store.get.bind(store);
    for (const answer of [denied, () => undefined]) {
      const get_ = async (ref: Parameters<typeof get>[0]) => (ref.name === 'palette-user-tls' ? answer() : get(ref));
      store.get = get_;
      expect((await go('internal-ca', { workloads })).waitingFor?.blockers).toEqual([behind]);
    }
  });

  test('counts no longer once its Pods are gone, and what others own never does', async () => {
    const other = mounts('other-tls');
    const workloads = await release(() => [user({ finished: true }), pod('else-1', LONG_AGO, other)]);
    const { data } = objectIn(store.snapshot(), platform('user-tls'));
    await store.create({
      ...{ ref: platform('other-tls'), type: 'kubernetes.io/tls', immutable: false },
      ...{ labels: {}, annotations: {}, data },
    });
    expect(await go('internal-ca', { workloads })).toMatchObject({ done: true });
  });

  test('does not concern a kind that has nothing to do with it', async () => {
    const workloads = await release(() => [user()]);
    const { waitingFor } = await go(JWT, { workloads, agree: changing });
    expect(waitingFor).toMatchObject({ until: expect.any(Date), blockers: [] });
  });
});
