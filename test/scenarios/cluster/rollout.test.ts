/**
 * Rotations where workloads really run: Deployments and StatefulSets are those of the real controllers, which make and
 * remove Pods; KWOK plays the nodes. Nothing moves the time. A container counts once it was started two minutes after
 * the change, so that each roll takes these two minutes; the cases wait side by side.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../../support/cluster/wait.ts';
import { findAssetsOrSkip } from '../../support/cluster.ts';
import type { Outcome } from '../../support/program.ts';
import { specFile } from '../program/store.ts';
import { type Bed, type Place, recordOf, START_MS, startBed, TINY } from './bed.ts';

const assets = findAssetsOrSkip();
const isComplete = assets?.kubeControllerManager !== undefined && assets.kwok !== undefined;

const minute = 60_000;
const JWT = 'jwt-signing-key';
const JWT_SECRET = 'palette-jwt-signing-key';
const SIGNER = 'signer';

/** KWOK plays the first; of the others nobody reports anything. */
const [ALIVE, BROKEN, LOST] = ['alive', 'broken', 'lost'] as const;

/** The shortest that a spec can say. */
const TIMES = { longestTokenLife: '1s', jwksCache: '1s', clockSkew: '1s' };
const CACHE_MS = 3000;

interface RotateResult {
  readonly done: boolean;
  readonly versions: readonly { readonly n: number; readonly state: string }[];
  readonly waitingFor?: { readonly reason: string; readonly blockers: readonly string[] };
  readonly notes: readonly string[];
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly containerStatuses?: readonly { readonly state: { readonly running?: { readonly startedAt: string } } }[];
  };
}

const variable = { env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: JWT_SECRET, key: 'kid' } } }] };

describe.skipIf(!isComplete).concurrent('workloads that run', { timeout: 8 * minute }, () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await startBed({ controllerManager: true, nodes: [ALIVE] });
    // Without the object the controllers would clear the Pods of a node away.
    for (const name of [BROKEN, LOST])
      await post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  }, START_MS);

  afterAll(() => bed?.stop());

  async function post(path: string, body: object): Promise<void> {
    const answer = await bed.api('POST', path, body);
    if (answer.status !== 201) throw new Error(`POST ${path}: HTTP ${answer.status} ${answer.body}`);
  }

  async function get<T>(path: string): Promise<T> {
    const { status, body } = await bed.api('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: HTTP ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  async function install(namespace: string): Promise<Place> {
    const ledgerNamespace = `${namespace}-keys`;
    const config = specFile({
      ...TINY,
      namespace,
      ledgerNamespace,
      jwt: TIMES,
      serviceCertificates: { services: [{ name: 'auth', namespace }] },
    });
    await bed.runWell(['init', '--create-namespaces', '--config', config, '-q']);
    return { namespace, ledgerNamespace, config };
  }

  /** Without a node its Pods wait for somebody to bind them. */
  async function add(
    kind: 'Deployment' | 'StatefulSet',
    name: string,
    { namespace }: Place,
    { node, volumes, ...container }: { node?: string; volumes?: readonly object[]; [field: string]: unknown },
  ): Promise<void> {
    const labels = { app: name };
    const spec = { nodeName: node, volumes, containers: [{ name: 'main', image: 'x', ...container }] };
    await post(`/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name },
      spec: {
        replicas: 1,
        serviceName: name,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec },
      },
    });
    if (node === undefined) return;
    await bed.kubectl(['rollout', 'status', `${kind.toLowerCase()}/${name}`, '-n', namespace, '--timeout=30s']);
  }

  const podsOf = async ({ namespace }: Place): Promise<readonly Pod[]> =>
    (await get<{ items: readonly Pod[] }>(`/api/v1/namespaces/${namespace}/pods`)).items;

  /** What a scheduler would do with the next Pod that is on no node; returns its name. */
  async function bindNext(place: Place, node: string): Promise<string> {
    let name = '';
    await waitUntil(
      async () => {
        name = (await podsOf(place)).find(({ spec }) => spec.nodeName === undefined)?.metadata.name ?? '';
        return name !== '';
      },
      { what: `a Pod in ${place.namespace} to bind`, timeoutMs: 4 * minute },
    );
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: node } };
    await post(`/api/v1/namespaces/${place.namespace}/pods/${name}/binding`, binding);
    return name;
  }

  /** As a kubelet would before it fell silent: started just now. */
  async function reportStarted({ namespace }: Place, pod: string, ready: boolean): Promise<void> {
    const state = { running: { startedAt: `${new Date().toISOString().slice(0, 19)}Z` } };
    const containerStatuses = [{ name: 'main', image: 'x', imageID: '', ready, restartCount: 0, state }];
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    const status = JSON.stringify({ status: { phase: 'Running', conditions, containerStatuses } });
    await bed.kubectl(['patch', 'pod', pod, '-n', namespace, '--subresource=status', '--type=merge', '-p', status]);
  }

  const rotateArgs = (kind: string, { config }: Place, flags: readonly string[]) => [
    ...['rotate', kind, '--config', config, '--yes', '-o', 'json', ...flags],
  ];

  async function rotate(
    kind: string,
    place: Place,
    ...flags: string[]
  ): Promise<Pick<Outcome, 'code' | 'stderr'> & { readonly result: RotateResult }> {
    const { code, stdout, stderr } = await bed.run(rotateArgs(kind, place, flags), { timeout: 7 * minute });
    expect(stdout, stderr).not.toBe('');
    return { code, stderr, result: JSON.parse(stdout) as RotateResult };
  }

  const statesOf = ({ versions }: RotateResult) => versions.map(({ n, state }) => `v${n} ${state}`);

  /** The states after a run, and another one when caches of the old key set have expired. */
  async function promotedBy(place: Place, ...flags: string[]): Promise<readonly string[]> {
    await rotate(JWT, place, ...flags);
    await sleep(CACHE_MS);
    return statesOf((await rotate(JWT, place)).result);
  }

  const recordIn = async ({ ledgerNamespace }: Place) =>
    recordOf(await bed.objects(), `ConfigMap/${ledgerNamespace}/palette-keys-installation`);

  it('are rolled twice, and the gates of a JWT key open by themselves', async () => {
    const place = await install('jwt-rolled');
    const { namespace } = place;
    await add('Deployment', SIGNER, place, { node: ALIVE, ...variable });
    await add('StatefulSet', 'verifier', place, {
      node: ALIVE,
      volumes: [{ name: 'keys', configMap: { name: 'palette-jwks' } }],
      volumeMounts: [{ name: 'keys', mountPath: '/keys' }],
    });
    await add('Deployment', 'stranger', place, { node: ALIVE });
    const before = await podsOf(place);

    const first = await rotate(JWT, place, '--again');
    expect([first.code, statesOf(first.result)]).toEqual([6, ['v1 active', 'v2 published']]);
    expect(first.result.waitingFor?.blockers).toEqual(
      ['signer', 'verifier'].map((name) => {
        const pod = before.find(({ metadata }) => metadata.name.startsWith(name))?.metadata.name;
        const kind = name === SIGNER ? 'Deployment' : 'StatefulSet';
        return expect.stringContaining(
          `Pod ${namespace}/${pod} of ${kind}/${namespace}/${name}: container main was not`,
        );
      }),
    );

    const { code, result, stderr } = await rotate(JWT, place, '--restart', '--wait');
    expect([code, statesOf(result)], stderr).toEqual([0, ['v1 retired', 'v2 active']]);

    // The Deployment had a new ReplicaSet before the promotion, and another one before the retirement.
    const { items } = await get<{ items: readonly { metadata: { name: string; creationTimestamp: string } }[] }>(
      `/apis/apps/v1/namespaces/${namespace}/replicasets`,
    );
    const rolled = items.filter(({ metadata }) => metadata.name.startsWith(SIGNER));
    const versions = (await recordIn(place)).keys[JWT]?.versions ?? [];
    const entered = versions.flatMap(({ n, history }) =>
      history.map(({ state, at }) => [at, `v${n} ${state}`] as const),
    );
    const happened = [...entered, ...rolled.map(({ metadata }) => [metadata.creationTimestamp, 'rolled'] as const)];
    const inOrder = happened.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, what]) => what);
    expect(inOrder.slice(-6)).toEqual(['v2 published', 'rolled', 'v1 trusted', 'v2 active', 'rolled', 'v1 retired']);

    const after = await podsOf(place);
    const kept = after.filter(({ metadata }) => before.some((pod) => pod.metadata.uid === metadata.uid));
    expect(after).toHaveLength(3);
    expect(kept.map(({ metadata }) => metadata.name)).toEqual([expect.stringMatching(/^stranger-/)]);
  });

  it('get a new certificate by a restart', async () => {
    const place = await install('certificate-rolled');
    const { namespace } = place;
    await add('Deployment', 'auth', place, {
      node: ALIVE,
      volumes: [{ name: 'tls', secret: { secretName: 'palette-auth-tls' } }],
      volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
    });
    const [before] = await podsOf(place);
    const issue = (...flags: string[]) => rotate('service-certificates', place, '--service', 'auth', ...flags);
    const lagging = expect.stringContaining(
      `Pod ${namespace}/${before?.metadata.name} of Deployment/${namespace}/auth: `,
    );

    const issued = await issue('--again');
    expect([issued.code, issued.result.notes]).toEqual([0, [lagging, '--restart starts them anew']]);
    const changed = Date.now();
    const restarted = await issue('--restart');
    expect([restarted.code, restarted.result.notes]).toEqual([
      0,
      [expect.stringMatching(/^already issued a moment ago/)],
    ]);

    const [after, ...others] = await podsOf(place);
    expect(others).toEqual([]);
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    const started = after?.status.containerStatuses?.[0]?.state.running?.startedAt ?? '';
    expect(new Date(started).getTime()).toBeGreaterThan(changed + 2 * minute - 2000);
    expect((await issue()).result.notes).toEqual(restarted.result.notes);
    const path = String.raw`jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}`;
    expect(await bed.kubectl(['get', 'deployment', 'auth', '-n', namespace, '-o', path])).toMatch(/^2\d{3}-.*Z$/);
  });

  it('whose new Pods never become ready keep the old key in use, until they are', async () => {
    const place = await install('not-ready');
    await add('Deployment', SIGNER, place, variable);
    const old = await bindNext(place, ALIVE);
    expect((await rotate(JWT, place, '--again')).code).toBe(6);

    const running = bed.start(rotateArgs(JWT, place, ['--restart']), { timeout: 5 * minute });
    const young = await bindNext(place, BROKEN);
    await reportStarted(place, young, false);
    // Longer than the program takes to look three times.
    await sleep(7000);
    expect(running.child.exitCode).toBeNull();
    running.kill('SIGINT');
    expect((await running.outcome).code).toBe(130);

    const stopped = await rotate(JWT, place);
    expect([stopped.code, statesOf(stopped.result)]).toEqual([6, ['v1 active', 'v2 published']]);
    expect(stopped.result.waitingFor?.blockers).toEqual([expect.stringContaining(`/${old} of `)]);

    await bed.kubectl(['label', 'node', BROKEN, 'palette-keys.test/kubelet=kwok']);
    const isOldGone = async () => !(await podsOf(place)).some(({ metadata }) => metadata.name === old);
    await waitUntil(isOldGone, { what: 'the old Pod to be gone', timeoutMs: 30_000 });
    // Nobody says anything: the controllers have done the rest.
    expect(await promotedBy(place)).toEqual(['v1 trusted', 'v2 active']);
  });

  it('with a Pod on a dead node wait for it by name, until somebody vouches for it', async () => {
    const place = await install('dead-node');
    await add('Deployment', SIGNER, place, variable);
    const lost = await bindNext(place, LOST);
    await reportStarted(place, lost, true);
    expect((await rotate(JWT, place, '--again')).code).toBe(6);

    const restarting = rotate(JWT, place, '--restart');
    await bindNext(place, ALIVE);
    const { code, result } = await restarting;
    expect([code, statesOf(result)]).toEqual([6, ['v1 active', 'v2 published']]);
    expect(result.waitingFor?.blockers).toEqual([expect.stringContaining(`Pod ${place.namespace}/${lost} of `)]);

    // The new Pod is as it should be: nothing is rolled again.
    const pods = (await podsOf(place)).map(({ metadata }) => metadata.name);
    expect((await rotate(JWT, place, '--restart')).code).toBe(6);
    expect((await podsOf(place)).map(({ metadata }) => metadata.name)).toEqual(pods);

    const ignoring = ['--ignore-pod', `${place.namespace}/${lost}`];
    expect(await promotedBy(place, ...ignoring)).toEqual(['v1 trusted', 'v2 active']);
    const audit = (await bed.objects()).get(`ConfigMap/${place.ledgerNamespace}/palette-keys-audit`);
    expect(JSON.stringify(audit?.data)).toContain(ignoring.join(' '));
  });
});
