// Covers: src/adapters/kubernetes/workloads/workloads.ts

/** Evidence from a real API server. Pods are objects there, without a kubelet: what it would report, the test writes. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { KeyStore } from '../../src/ports/key-store.ts';
import type { Workloads } from '../../src/ports/workloads.ts';
import { open, START_MS } from '../adapters/kubernetes/bed.ts';
import { ManualClock } from '../support/clock.ts';
import { sharedCluster } from '../support/cluster/shared.ts';
import { findAssetsOrSkip, type SomeCluster } from '../support/cluster.ts';
import { init, smallSpec } from '../support/installations.ts';
import { rotate } from './bed.ts';

const PLATFORM = 'rotation-platform';
const LEDGER = 'rotation-ledger';
const ROOT = 'palette-root-key';
const AUTH = `Deployment/${PLATFORM}/auth`;

const spec = smallSpec({
  namespace: PLATFORM,
  ledgerNamespace: LEDGER,
  consumers: [
    { workload: AUTH, object: ROOT, reads: 'keyring' },
    { workload: `StatefulSet/${PLATFORM}/store`, object: ROOT, reads: 'keyring', reload: 'watch' },
  ],
});

const volume = { volumes: [{ name: 'keys', secret: { secretName: ROOT } }] };
const mounted = { volumeMounts: [{ name: 'keys', mountPath: '/keys' }] };

describe.skipIf(findAssetsOrSkip() === undefined)('on a real API server', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let store: KeyStore;
  let clock: ManualClock;

  const openAs = async (user: string): Promise<KeyStore> =>
    open({ kubeconfig: await cluster.kubeconfig(user), ledgerNamespace: () => LEDGER, ledgerHints: [LEDGER] });

  beforeAll(async () => {
    cluster = await sharedCluster();
    store = await openAs('admin');
    clock = new ManualClock(new Date());
    // What a test advances is the time of both.
    Object.assign(store.cluster ?? {}, { now: async () => clock.now() });
    for (const name of [PLATFORM, LEDGER]) await cluster.kubectl(['create', 'namespace', name]);
    await init(store, { spec, clock });
  }, START_MS);

  const workloadsOf = ({ cluster: its }: KeyStore): Workloads => {
    if (its === undefined) throw new Error('no cluster');
    return its.workloads;
  };

  async function create(manifest: object): Promise<void> {
    await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(manifest) });
  }

  /** A Pod of a workload, as its controller and the kubelet would have made it. */
  async function addPod(name: string, owner: readonly [string, string], pod: object, container: object): Promise<void> {
    const [kind, of] = owner;
    await create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: PLATFORM,
        labels: { 'pod-template-hash': 'abc' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind, name: of, uid: 'f00', controller: true }],
      },
      spec: { containers: [{ name: 'main', image: 'x', ...container }], ...pod },
    });
  }

  async function setStatus(name: string, startedAt: Date, phase = 'Running'): Promise<void> {
    const state = { running: { startedAt: `${startedAt.toISOString().slice(0, 19)}Z` } };
    const containerStatuses = [
      { name: 'main', image: 'x', imageID: '', ready: true, restartCount: 0, state, containerID: 'a://b' },
    ];
    const patch = JSON.stringify({ status: { phase, containerStatuses } });
    await cluster.kubectl(['patch', 'pod', name, '-n', PLATFORM, '--subresource=status', '--type=merge', '-p', patch]);
  }

  test('a Pod is read with all that it uses, and how', async () => {
    const uses = {
      volumes: [
        { name: 'keys', secret: { secretName: ROOT } },
        { name: 'all', projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'jwks' } }] } },
      ],
    };
    await addPod('reader', ['Job', 'reader-1'], uses, {
      volumeMounts: [
        { name: 'keys', mountPath: '/keys' },
        { name: 'all', mountPath: '/all', subPath: 'x' },
      ],
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'variable', key: 'a' } } }],
      envFrom: [{ configMapRef: { name: 'whole' } }],
    });
    const [found] = await workloadsOf(store).pods([PLATFORM]);
    expect(found).toMatchObject({
      name: 'reader',
      workload: `Job/${PLATFORM}/reader-1`,
      finished: false,
      leaving: false,
    });
    expect(found?.uses.map(({ object: { kind, name }, how }) => `${how} ${kind}/${name}`)).toEqual([
      `volume Secret/${ROOT}`,
      'subPath Secret/projected',
      'subPath ConfigMap/jwks',
      'env Secret/variable',
      'env ConfigMap/whole',
    ]);
    await setStatus('reader', clock.now(), 'Succeeded');
    expect((await workloadsOf(store).pods([PLATFORM]))[0]?.finished).toBe(true);
  });

  test('a root key is promoted once every Pod has it, and old Pods keep the gate closed by name', async () => {
    const workloads = workloadsOf(store);
    await addPod(
      'auth-abc-1',
      ['ReplicaSet', 'auth-abc'],
      {},
      {
        env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: ROOT, key: 'key' } } }],
      },
    );
    await addPod('store-0', ['StatefulSet', 'store'], volume, mounted);
    for (const name of ['auth-abc-1', 'store-0']) await setStatus(name, clock.now());
    const go = () => rotate(store, 'root-key', { clock, workloads, again: true });
    const first = await go();
    expect(first.waitingFor?.blockers).toEqual([
      expect.stringContaining(`Pod ${PLATFORM}/auth-abc-1 of ${AUTH}`),
      expect.stringContaining(`Pod ${PLATFORM}/store-0`),
    ]);
    clock.advance(600);
    // The one that watches has it by now; the one with a variable has not.
    expect((await go()).waitingFor?.blockers).toEqual([expect.stringContaining('auth-abc-1')]);
    await setStatus('auth-abc-1', clock.now());
    const promoted = await go();
    expect(promoted.versions).toMatchObject([{ state: 'trusted' }, { state: 'active' }]);
  });

  test('who may not see Pods knows nothing, and the gate stays closed', async () => {
    const workloads = workloadsOf(await openAs('eve'));
    await expect(workloads.pods([PLATFORM])).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const waiting = await rotate(store, 'cluster-ca', { clock, workloads, again: true });
    expect(waiting.waitingFor).toMatchObject({
      reason: expect.stringContaining('no access to Pods'),
      onWord: true,
    });
  });

  test('a Deployment is restarted as kubectl does it, and is ready when its controller says so', async () => {
    const labels = { app: 'auth' };
    await create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'auth', namespace: PLATFORM },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } },
      },
    });
    const workloads = workloadsOf(store);
    expect(await workloads.restart(AUTH, clock.now())).toBe(true);
    expect(await workloads.restart(`Job/${PLATFORM}/reader-1`, clock.now())).toBe(false);
    const path = String.raw`jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}`;
    const { stdout } = await cluster.kubectl(['get', 'deployment', 'auth', '-n', PLATFORM, '-o', path]);
    expect(stdout).toBe(`${clock.now().toISOString().slice(0, 19)}Z`);
    expect(await workloads.isReady(AUTH)).toBe(false);
    const status = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await cluster.kubectl(['patch', 'deployment', 'auth', '-n', PLATFORM, ...patch]);
    expect(await workloads.isReady(AUTH)).toBe(true);
  });

  test('what a restart would not reach is left as it is, and it is said what to do', async () => {
    const labels = { app: 'agent' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } };
    const common = { selector: { matchLabels: labels }, template };
    const workloads = workloadsOf(store);
    for (const [kind, spec, hint] of [
      ['Deployment', { ...common, paused: true }, 'rollout resume'],
      ['DaemonSet', { ...common, updateStrategy: { type: 'OnDelete' } }, 'delete its Pods'],
    ] as const) {
      await create({ apiVersion: 'apps/v1', kind, metadata: { name: 'agent', namespace: PLATFORM }, spec });
      const refused = workloads.restart(`${kind}/${PLATFORM}/agent`, clock.now());
      await expect(refused).rejects.toMatchObject({ code: 'REFUSED', hint: expect.stringContaining(hint) });
      const path = 'jsonpath={.metadata.generation}';
      expect((await cluster.kubectl(['get', kind, 'agent', '-n', PLATFORM, '-o', path])).stdout).toBe('1');
    }
  });

  test('a consumer without Pods is there, is not, or is hidden from who may not see it', async () => {
    const workloads = workloadsOf(store);
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] } };
    const spec = { schedule: '0 3 * * *', suspend: true, jobTemplate: { spec: { template } } };
    await create({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'report', namespace: PLATFORM }, spec });
    for (const name of [`Deployment/${PLATFORM}/agent`, `DaemonSet/${PLATFORM}/agent`]) {
      expect([name, await workloads.exists(name)]).toEqual([name, true]);
    }
    expect(await workloads.exists(`CronJob/${PLATFORM}/report`)).toBe(true);
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job']) {
      expect([kind, await workloads.exists(`${kind}/${PLATFORM}/misspelt`)]).toEqual([kind, false]);
    }
    expect(await workloads.exists('Deployment/nowhere/agent')).toBe(false);
    const eve = workloadsOf(await openAs('eve'));
    await expect(eve.exists(`CronJob/${PLATFORM}/report`)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await workloads.restart(`CronJob/${PLATFORM}/report`, clock.now())).toBe(false);
  });

  test('a destroyed key is deleted from the cluster, and the rest stays', async () => {
    const kind = 'message-bus-signing-key';
    await rotate(store, kind, { clock, assumeConsumersCurrent: true, again: true });
    const { kid = '' } = (await rotate(store, kind, { clock, mayStart: false })).versions[0] ?? {};
    await rotate(store, kind, { clock, request: { type: 'destroy', kid } });
    const names = await cluster.kubectl(['get', 'secrets', '-n', LEDGER, '-o', 'name']);
    const entries = names.stdout.split('\n').filter((name) => name.includes(kind));
    expect(entries).toEqual([`secret/palette-key-${kind}-v2`]);
    expect((await init(store, { clock })).changes).toBe(false);
  });
});
