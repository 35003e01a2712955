// Covers: src/adapters/kubernetes/lease/, src/adapters/kubernetes/time.ts

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemProcess } from '../../../../src/adapters/directory/lock/process-identity.ts';
import type { KubernetesOptions } from '../../../../src/adapters/kubernetes/options.ts';
import type { Lock, LockHolder } from '../../../../src/ports/key-store.ts';
import { sharedCluster } from '../../../support/cluster/shared.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../../support/cluster.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../../../support/fault-proxy.ts';
import { HOLDER, NoTime, open, START_MS, whenAborted } from '../bed.ts';

const assets = findAssetsOrSkip();
const OTHER: LockHolder = { command: 'palette-keys rotate', user: 'other', since: '2026-02-03T04:05:06Z' };

/** A clock of which a test says when the next renewal is due. */
class ManualTime extends NoTime {
  #due: (() => void)[] = [];
  #later = 0;

  override now(): number {
    return super.now() + this.#later;
  }

  override idle(_ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#due.push(resolve);
      whenAborted(signal, reject);
    });
  }

  renewNow(secondsLater = 0): void {
    this.#later += secondsLater * 1000;
    const due = this.#due;
    this.#due = [];
    for (const wake of due) wake();
  }
}

describe.skipIf(assets === undefined)('the lock on a real API server', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let proxy: FaultProxy;
  let fault: (request: ProxiedRequest) => Fault | undefined;
  let kubeconfig: string;
  let namespace: string;
  let count = 0;
  const locks: Lock[] = [];

  beforeAll(async () => {
    cluster = await sharedCluster();
    proxy = await startFaultProxy({ target: cluster, fault: (request) => fault(request) });
    kubeconfig = await cluster.kubeconfig();
  }, START_MS);

  afterAll(async () => {
    await proxy?.stop();
  });

  beforeEach(() => {
    count += 1;
    namespace = `lease-${count}`;
    fault = () => undefined;
  });

  afterEach(async () => {
    await Promise.all(locks.splice(0).map((lock) => lock.release()));
  });

  async function lock(holder = HOLDER, options: Partial<KubernetesOptions> = {}): Promise<Lock> {
    const store = await open({ kubeconfig, ledgerNamespace: () => namespace, ...options });
    const taken = await store.lock(holder);
    locks.push(taken);
    return taken;
  }

  async function lease() {
    const { stdout } = await cluster.kubectl(['get', 'lease', 'palette-keys', '-n', namespace, '-o', 'json']);
    return JSON.parse(stdout);
  }

  /** A lease that somebody else left, renewed so many seconds ago. */
  async function leave(seconds: number, annotations = {}, spec = {}): Promise<void> {
    await cluster.kubectl(['create', 'namespace', namespace]);
    const renewTime = new Date(Date.now() - seconds * 1000).toISOString().replace('Z', '000Z');
    const input = JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'palette-keys', namespace, annotations },
      spec: { holderIdentity: 'somebody@elsewhere', leaseDurationSeconds: 30, renewTime, leaseTransitions: 4, ...spec },
    });
    expect(await cluster.kubectl(['create', '-f', '-'], { input })).toMatchObject({ code: 0 });
  }

  test('it is a Lease that says who holds it, and the namespace is made for it', async () => {
    await lock();
    const { metadata, spec } = await lease();
    expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'palette-keys' });
    expect(spec).toMatchObject({
      holderIdentity: `tester@test-host ${process.pid} palette-keys init`,
      leaseDurationSeconds: 30,
      leaseTransitions: 0,
    });
    expect(spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(Math.abs(Date.parse(spec.renewTime) - Date.now())).toBeLessThan(15_000);
  });

  test('the second one is told who has it, with which command, and since when', async () => {
    await lock();
    await expect(lock(OTHER)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      message: expect.stringMatching(
        `'palette-keys init' by tester, process ${process.pid} on test-host, since 2026-01-02T03:04:05Z \\(renewed \\d+ s ago\\)`,
      ),
      hint: expect.stringMatching(/free in \d+ s/),
    });
  });

  test('it is free once it was given back, and names nobody any more', async () => {
    const first = await lock();
    await first.release();
    const { metadata, spec } = await lease();
    expect(spec).not.toHaveProperty('holderIdentity');
    expect(JSON.stringify(metadata.annotations ?? {})).not.toContain('tester');
    await lock(OTHER);
    expect((await lease()).spec).toMatchObject({
      holderIdentity: expect.stringContaining('other@'),
      leaseTransitions: 1,
    });
  });

  test('of ten runs that want it at once, one gets it', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lock()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LOCK_HELD' });
    }
  });

  test('a lock that has lapsed is taken over, by one of ten runs', async () => {
    await leave(40);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lock()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await lease()).spec).toMatchObject({
      holderIdentity: expect.stringContaining('tester@'),
      leaseTransitions: 5,
    });
  });

  test.each([
    ['renewed 20 s ago', 20, {}],
    ['renewed 28 s ago', 28, {}],
    ['by a clock that is ahead', -20, {}],
    ['renewed an hour ago, for a day', 3600, { leaseDurationSeconds: 86_400 }],
  ])('a lock that is held is respected, whoever holds it: %s', async (_, seconds, spec) => {
    await leave(seconds, {}, spec);
    await expect(lock()).rejects.toMatchObject({
      code: 'LOCK_HELD',
      message: expect.stringContaining('somebody@elsewhere'),
    });
  });

  test.each([
    ['nobody', { holderIdentity: undefined }],
    ['somebody who never renewed it', { renewTime: undefined }],
  ])('a lock that is held by %s is free', async (_, spec) => {
    await leave(0, {}, spec);
    await lock();
  });

  test('a clock that is wrong by years, here, changes nothing', async () => {
    await lock();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 365 * 86_400_000 });
    try {
      await expect(lock(OTHER)).rejects.toMatchObject({ code: 'LOCK_HELD' });
      await locks[0]?.release();
      await lock(OTHER);
    } finally {
      vi.useRealTimers();
    }
    expect(Math.abs(Date.parse((await lease()).spec.renewTime) - Date.now())).toBeLessThan(15_000);
  });

  describe('of a process that has died', () => {
    const left = (change: object) => {
      const { pid } = spawnSync('true');
      const mark = { ...systemProcess().origin, host: 'test-host', pid, nonce: 'n', ...OTHER, ...change };
      return leave(1, { 'palette-keys.dev/lock': JSON.stringify(mark) });
    };

    test('on this machine: it is taken over at once', async () => {
      await left({});
      await lock();
    });

    test.each([
      ['on another machine', { host: 'another' }],
      ['in another container', { pidNamespace: 'pid:[1]' }],
      ['that seems to run, as nothing says when it started', { pid: process.pid, start: undefined }],
    ])('%s: that cannot be seen from here, so it is respected', async (_, change) => {
      await left(change);
      await expect(lock()).rejects.toMatchObject({
        code: 'LOCK_HELD',
        message: expect.stringContaining("'palette-keys rotate' by other"),
      });
    });

    test('that never gave it back: the process ends, and the next run goes on', async () => {
      const script = fileURLToPath(new URL('../lease-holder.ts', import.meta.url));
      const child = spawn(process.execPath, [script, kubeconfig, namespace], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await once(child.stdout, 'data');
      expect(String(line)).toBe('locked\n');
      const [code] = await once(child, 'exit');
      expect(code).toBe(0);
      expect((await lease()).spec.holderIdentity).toContain(` ${child.pid} `);
      await lock(OTHER);
    });
  });

  describe('while it is held', () => {
    test('it is renewed', async () => {
      const time = new ManualTime();
      await lock(HOLDER, { time });
      const { spec } = await lease();
      time.renewNow();
      await expect.poll(async () => (await lease()).spec.renewTime).not.toBe(spec.renewTime);
      expect((await lease()).spec).toMatchObject({
        holderIdentity: spec.holderIdentity,
        acquireTime: spec.acquireTime,
      });
      time.renewNow();
      await locks[0]?.release();
      expect((await lease()).spec).not.toHaveProperty('holderIdentity');
    });

    test('its loss to another holder is noticed and said once, and their lock is left alone', async () => {
      const time = new ManualTime();
      const warnings: string[] = [];
      const ours = await lock(HOLDER, { time, onWarning: (message) => warnings.push(message) });
      const theirs = { metadata: { annotations: null }, spec: { holderIdentity: 'thief' } };
      await cluster.kubectl([
        'patch',
        'lease',
        'palette-keys',
        '-n',
        namespace,
        '--type=merge',
        '-p',
        JSON.stringify(theirs),
      ]);
      time.renewNow();
      await expect.poll(() => warnings).toEqual([expect.stringContaining('was taken by thief')]);
      time.renewNow();
      await ours.release();
      expect((await lease()).spec.holderIdentity).toBe('thief');
      expect(warnings).toHaveLength(1);
    });

    test('its deletion is said, and the release does not fail', async () => {
      const time = new ManualTime();
      const warnings: string[] = [];
      const ours = await lock(HOLDER, { time, onWarning: (message) => warnings.push(message) });
      await cluster.kubectl(['delete', 'lease', 'palette-keys', '-n', namespace]);
      time.renewNow();
      await expect.poll(() => warnings).toEqual([expect.stringContaining('was deleted')]);
      await ours.release();
    });

    test('half a minute without a renewal is said once', async () => {
      const time = new ManualTime();
      const warnings: string[] = [];
      const through = await cluster.kubeconfig('admin', { server: proxy });
      await lock(HOLDER, { kubeconfig: through, time, onWarning: (message) => warnings.push(message) });
      fault = () => ({ status: 503 });
      const before = proxy.requests.length;
      for (let n = 1; n <= 5; n += 1) {
        time.renewNow(10);
        await expect.poll(() => proxy.requests.length).toBe(before + 2 * n);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(warnings).toEqual([expect.stringContaining('could not be renewed for 30 s')]);
      fault = () => undefined;
      await locks[0]?.release();
      expect((await lease()).spec).not.toHaveProperty('holderIdentity');
    });

    test('it stays ours although the answer to a renewal is lost', async () => {
      const time = new ManualTime();
      const warnings: string[] = [];
      const through = await cluster.kubeconfig('admin', { server: proxy });
      await lock(HOLDER, { kubeconfig: through, time, onWarning: (message) => warnings.push(message) });
      const { spec } = await lease();
      fault = ({ method }) => (method === 'PUT' ? 'cut-after' : undefined);
      time.renewNow();
      await expect.poll(async () => (await lease()).spec.renewTime).not.toBe(spec.renewTime);
      fault = () => undefined;
      time.renewNow();
      await locks[0]?.release();
      expect((await lease()).spec).not.toHaveProperty('holderIdentity');
      expect(warnings).toEqual([]);
    });
  });

  describe('with faults on the way', () => {
    const FAULTS: Readonly<Record<string, Fault>> = {
      'cut before': 'cut-before',
      'cut after': 'cut-after',
      'half an answer': 'half-body',
      throttled: { status: 429, retryAfter: 1 },
      'internal error': { status: 500 },
      'time-out after the server has acted': { status: 504, afterServer: true },
      'HTML after the server has acted': { status: 200, body: '<html>', contentType: 'text/html', afterServer: true },
    };
    const cases = Object.entries(FAULTS).flatMap(([name, what]) => [0, 1, 2].map((n) => [name, n, what] as const));

    async function through(n: number, what: Fault): Promise<Partial<KubernetesOptions>> {
      const login = await cluster.kubeconfig('admin', { server: proxy });
      const first = proxy.requests.length;
      fault = ({ index }) => (index === first + n ? what : undefined);
      return { kubeconfig: login, time: new NoTime() };
    }

    test.each(cases)(
      '%s at request %i: a new one, and the namespace for it, are made all the same',
      async (_, n, what) => {
        await lock(HOLDER, await through(n, what));
        await expect(lock(OTHER)).rejects.toMatchObject({ code: 'LOCK_HELD' });
      },
    );

    test.each(cases.filter(([, n]) => n < 2))(
      '%s at request %i: a lapsed one is taken over all the same',
      async (_, n, what) => {
        await leave(40);
        await lock(HOLDER, await through(n, what));
        expect((await lease()).spec).toMatchObject({
          leaseTransitions: 5,
          holderIdentity: expect.stringContaining('tester@'),
        });
      },
    );

    test.each(cases.filter(([, n]) => n < 2))(
      '%s at request %i of the release: it is given back, and nobody is warned',
      async (_, n, what) => {
        const warnings: string[] = [];
        const options = { ...(await through(99, what)), onWarning: (message: string) => warnings.push(message) };
        const ours = await lock(HOLDER, options);
        const first = proxy.requests.length;
        fault = ({ index }) => (index === first + n ? what : undefined);
        await ours.release();
        expect((await lease()).spec).not.toHaveProperty('holderIdentity');
        expect(warnings).toEqual([]);
      },
    );

    test('a release that cannot succeed does not throw', async () => {
      const ours = await lock(HOLDER, await through(99, 'cut-before'));
      fault = () => ({ status: 500 });
      await ours.release();
    });

    test('after an interruption it is given back all the same', async () => {
      const controller = new AbortController();
      const ours = await lock(HOLDER, { signal: controller.signal });
      controller.abort(new Error('interrupted'));
      await ours.release();
      expect((await lease()).spec).not.toHaveProperty('holderIdentity');
    });
  });
});
