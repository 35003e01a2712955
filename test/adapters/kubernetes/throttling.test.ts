// Covers: src/adapters/kubernetes/api/backoff.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sharedCluster } from '../../support/cluster/shared.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../support/cluster.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../../support/fault-proxy.ts';
import { NoTime, open, START_MS, secret } from './bed.ts';

const assets = findAssetsOrSkip();
const throttled = (retryAfter: number): Fault => ({
  status: 429,
  retryAfter,
  body: 'Too many requests, please try again later.\n',
  contentType: 'text/plain',
});

describe.skipIf(assets === undefined)('an API server that has too much to do', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let proxy: FaultProxy;
  let kubeconfig: string;
  let fault: (request: ProxiedRequest) => Fault | undefined = () => undefined;

  beforeAll(async () => {
    cluster = await sharedCluster();
    proxy = await startFaultProxy({ target: cluster, fault: (request) => fault(request) });
    kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
    await (await open({ kubeconfig })).addNamespaces(['throttling']);
  }, START_MS);

  beforeEach(() => {
    fault = () => undefined;
  });

  afterAll(async () => {
    await proxy?.stop();
  });

  const requestsSince = (first: number) => proxy.requests.slice(first).length;

  test.each(['get', 'create'] as const)('%s waits as long as it is asked to, and a little more', async (operation) => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    const first = proxy.requests.length;
    fault = ({ index }) => (index < first + 3 ? throttled(7) : undefined);
    const object = secret('throttling', `throttled-${operation}`);
    const result = operation === 'get' ? await store.get(object.ref) : await store.create(object);
    expect(result).toBe(operation === 'get' ? undefined : 'created');
    expect(time.sleeps).toHaveLength(3);
    for (const slept of time.sleeps) {
      expect(slept).toBeGreaterThanOrEqual(7000);
      expect(slept).toBeLessThan(10_000);
    }
    // A refusal before anything was done needs no look whether it was done.
    expect(requestsSince(first)).toBe(4);
  });

  test('a storm is given up after six tries', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    const first = proxy.requests.length;
    fault = () => throttled(1);
    await expect(store.create(secret('throttling', 'storm'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('too much to do (HTTP 429)'),
    });
    expect(requestsSince(first)).toBe(6);
  });

  test('who is asked to wait longer than a minute gives up at once', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    fault = () => throttled(3600);
    await expect(store.get(secret('throttling', 'later').ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(time.sleeps).toEqual([]);
  });

  test('all waits together stay within a minute', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    fault = () => throttled(25);
    await expect(store.get(secret('throttling', 'slow').ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(time.sleeps).toHaveLength(2);
  });

  test('at most five requests are under way, and a storm over 40 creates loses none', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    let atWork = 0;
    let most = 0;
    const seen = new Map<string, number>();
    fault = ({ method, path }) => {
      atWork = proxy.requests.filter(({ status }) => status === 0).length;
      most = Math.max(most, atWork);
      const key = `${method} ${path}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      return Math.floor((seen.get(key) ?? 0) / 8) % 3 === 0 ? throttled(1) : { delayMs: 20 };
    };
    const objects = Array.from({ length: 40 }, (_, n) => secret('throttling', `storm-${n}`));
    const results = await Promise.all(objects.map((object) => store.create(object)));
    expect(new Set(results)).toEqual(new Set(['created']));
    expect(most).toBeGreaterThan(2);
    expect(most).toBeLessThanOrEqual(5);
    fault = () => undefined;
    expect((await store.list('throttling')).filter(({ ref }) => ref.name.startsWith('storm-'))).toHaveLength(40);
  });

  test('what its Status asks to wait is waited as well', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    await store.cluster?.version();
    const first = proxy.requests.length;

    const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', details: { retryAfterSeconds: 4 }, code: 503 });
    fault = ({ index }) => (index === first ? { status: 503, body } : undefined);
    await store.get(secret('throttling', 'dated').ref);
    expect(time.sleeps).toHaveLength(1);
    expect(time.sleeps[0]).toBeGreaterThanOrEqual(4000);
  });
});
