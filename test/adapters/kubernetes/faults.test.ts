// Covers: src/adapters/kubernetes/api/

import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { KeyStore } from '../../../src/ports/key-store.ts';
import { sharedCluster } from '../../support/cluster/shared.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../support/cluster.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../../support/fault-proxy.ts';
import { configMap, NoTime, open, START_MS, secret, stored } from './bed.ts';

const assets = findAssetsOrSkip();
const NAMESPACE = 'faults';
const CANARY = new TextEncoder().encode('canary-canary-canary');

/** What may happen to one request, and passes: the outcome is that of an undisturbed run. */
const PASSING: Readonly<Record<string, Fault>> = {
  'the connection breaks before the server hears of it': 'cut-before',
  'the connection breaks after the server has acted': 'cut-after',
  'half an answer': 'half-body',
  'too many requests, as text': { status: 429, retryAfter: 1, body: 'Too many requests', contentType: 'text/plain' },
  'an internal error': { status: 500 },
  'an internal error after the server has acted': { status: 500, afterServer: true },
  'a bad gateway, in HTML': { status: 502, body: '<html>', contentType: 'text/html' },
  'a bad gateway after the server has acted': {
    status: 502,
    body: '<html>',
    contentType: 'text/html',
    afterServer: true,
  },
  'not available': { status: 503, retryAfter: 1 },
  'a gateway time-out': { status: 504 },
  'a gateway time-out after the server has acted': { status: 504, afterServer: true },
  'a success in HTML': { status: 200, body: '<html>login</html>', contentType: 'text/html' },
  'a success in HTML after the server has acted': {
    status: 200,
    body: '<html>',
    contentType: 'text/html',
    afterServer: true,
  },
  'a success that is not JSON': { status: 200, body: '{"kind":' },
  'a success that is something else': { status: 200, body: '{"kind":"Status","apiVersion":"v1","status":"Success"}' },
  'an empty success': { status: 200, body: '' },
  'silence, longer than one waits': { delayMs: 1500 },
};

/** What comes from something else than the API server, and stays: an error, and never an answer of the store. */
const LASTING: Readonly<Record<string, Fault>> = {
  "a proxy's 404": { status: 404, body: '<html>not found</html>', contentType: 'text/html' },
  'a 404 about nothing in particular': { status: 404 },
  'a 404 of the mux': { status: 404, body: '404 page not found\n', contentType: 'text/plain; charset=utf-8' },
  "a proxy's 403": { status: 403, body: '<html>', contentType: 'text/html' },
  'a 403': { status: 403 },
  'a 401': { status: 401 },
  'a redirect': { status: 302, body: '', contentType: 'text/html' },
  'a 409 about nothing in particular': { status: 409 },
};

describe.skipIf(assets === undefined)('faults between store and API server', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let proxy: FaultProxy;
  let direct: KeyStore;
  let fault: (request: ProxiedRequest) => Fault | undefined;
  let kubeconfig: string;
  let count = 0;

  beforeAll(async () => {
    cluster = await sharedCluster();
    proxy = await startFaultProxy({ target: cluster, fault: (request) => fault(request) });
    kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
    direct = await open({ kubeconfig: await cluster.kubeconfig() });
    await direct.addNamespaces([NAMESPACE]);
  }, START_MS);

  afterAll(async () => {
    await proxy?.stop();
  });

  beforeEach(() => {
    count += 1;
    fault = () => undefined;
  });

  /** A store whose n-th request (from 0) meets the fault, or every one from then on. */
  async function faulty(what: Fault, n: number, lasting = false): Promise<KeyStore> {
    const store = await open({ kubeconfig, time: new NoTime(), requestTimeoutMs: 800 });
    const first = proxy.requests.length;
    fault = ({ index }) => (index === first + n || (lasting && index > first + n) ? what : undefined);
    return store;
  }

  const object = (byte = 1) =>
    secret(NAMESPACE, `fault-${count}`, { data: { key: new Uint8Array(32).fill(byte), canary: CANARY } });

  async function failure(work: Promise<unknown>): Promise<PaletteKeysError> {
    const error = await work.then(
      (result) => new Error(`did not fail, but gave ${JSON.stringify(result)}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof PaletteKeysError)) throw error;
    const all = inspect(error, { depth: 10, showHidden: true });
    for (const secret of [cluster.token(), ...forms(CANARY), ...forms(new Uint8Array(32).fill(1))]) {
      expect(all).not.toContain(secret);
    }
    return error;
  }

  describe.each(Object.entries(PASSING))('%s', (_, what) => {
    test('at the POST: created once, with our bytes', async () => {
      const store = await faulty(what, 0);
      expect(await store.create(object())).toBe('created');
      expect((await stored(direct, object().ref)).data).toEqual(object().data);
    });

    test('at the POST, the name being taken: it stays with what has it', async () => {
      await direct.create(object(2));
      const store = await faulty(what, 0);
      expect(await store.create(object(1))).toBe('exists');
      expect((await stored(direct, object().ref)).data).toEqual(object(2).data);
    });

    test.each([0, 1])('at request %i of a replace: replaced once', async (n) => {
      await direct.create(object(1));
      const { version } = await stored(direct, object().ref);
      const store = await faulty(what, n);
      expect(await store.replace(object(2), version)).toBe('replaced');
      const after = await stored(direct, object().ref);
      expect(after.data).toEqual(object(2).data);
      expect(await store.replace(object(3), version)).toBe('conflict');
      expect((await stored(direct, object().ref)).version).toBe(after.version);
    });

    test('at the PUT, another writer having been faster: a conflict, and theirs stays', async () => {
      await direct.create(object(1));
      const { version } = await stored(direct, object().ref);
      const store = await faulty(what, 1);
      const inner = fault;
      fault = (request) => (request.method === 'PUT' ? (inner(request) ?? undefined) : inner(request));
      const raced = store.replace(object(2), version);
      // The GET of the replace is through before the other writer comes; the PUT may be first or second.
      const other = await direct.replace(object(3), version);
      const results = [await raced, other];
      expect(results.filter((result) => result === 'replaced')).toHaveLength(1);
      expect((await stored(direct, object().ref)).data).toEqual(object(other === 'replaced' ? 3 : 2).data);
    });

    test('at a GET: what is there is found, what is not is not', async () => {
      await direct.create(object());
      expect(await (await faulty(what, 0)).get(object().ref)).toMatchObject({ data: object().data });
      expect(await (await faulty(what, 0)).get({ ...object().ref, name: 'never-made' })).toBeUndefined();
    });

    test.each([0, 1])('at request %i of a list: the list is whole', async (n) => {
      const found = await direct.list(NAMESPACE);
      expect(await (await faulty(what, n)).list(NAMESPACE)).toEqual(found);
    });

    test('at the POST of a namespace, and at a look for it', async () => {
      const name = `fault-${count}`;
      await (await faulty(what, 0)).addNamespaces([name]);
      expect(await (await faulty(what, 0)).missingNamespaces([name, 'never-made'])).toEqual(['never-made']);
    });
  });

  describe.each(Object.entries(LASTING))('%s, to every request', (_, what) => {
    test('is an error of each operation, and never means that something is missing, there or done', async () => {
      await direct.create(object(1));
      const before = await stored(direct, object().ref);
      const codes = ['STORE_UNAVAILABLE', 'PERMISSION_DENIED', 'UNAUTHENTICATED', 'CONFLICT'];
      const store = await faulty(what, 0, true);
      const fresh = { ...object().ref, name: `fresh-${count}` };
      const operations = {
        get: () => store.get(object().ref),
        list: () => store.list(NAMESPACE),
        create: () => store.create({ ...object(), ref: fresh }),
        createTaken: () => store.create(object(2)),
        replace: () => store.replace(object(2), before.version),
        addNamespaces: () => store.addNamespaces([`fresh-${count}`]),
        ledgerNamespaces: async () =>
          (await open({ kubeconfig, time: new NoTime(), ledgerHints: [NAMESPACE] })).ledgerNamespaces(),
        lock: () => store.lock({ command: 'palette-keys init', user: 'tester', since: '2026-01-01T00:00:00Z' }),
        version: () => store.cluster?.version() ?? Promise.resolve(),
      };
      for (const [name, operation] of Object.entries(operations)) {
        const error = await failure(operation());
        expect.soft(codes, `${name}: ${error.code} ${error.message}`).toContain(error.code);
        expect.soft(error.message).toContain(proxy.url);
      }
      expect(await direct.get(fresh)).toBeUndefined();
      expect(await stored(direct, object().ref)).toEqual(before);
    });
  });

  test('what lasts is given up: six tries within a minute', async () => {
    const time = new NoTime();
    const store = await open({ kubeconfig, time });
    await store.get(object().ref);
    const first = proxy.requests.length;
    fault = () => ({ status: 500 });
    const error = await failure(store.get(object().ref));
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('said the fault proxy'),
    });
    expect(proxy.requests.length - first).toBe(6);
    expect(time.sleeps).toHaveLength(5);
    expect(time.sleeps.toSorted((a, b) => a - b)).toEqual(time.sleeps);
  });

  test('a write that may have been carried out is not repeated before it was looked for', async () => {
    const store = await faulty('cut-after', 0);
    const first = proxy.requests.length;
    expect(await store.create(object())).toBe('created');
    expect(proxy.requests.slice(first).map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  test('while the server cannot be read either, nobody claims that it was written or not', async () => {
    const store = await faulty({ status: 504, afterServer: true }, 0, true);
    expect(await failure(store.create(object()))).toMatchObject({ code: 'TIMED_OUT' });
    fault = () => undefined;
    expect(await store.create(object())).toBe('exists');
    expect((await stored(store, object().ref)).data).toEqual(object().data);
  });

  test('a POST that the server sees late does not count twice', async () => {
    // The first POST arrives when the second one has long been answered.
    const store = await open({ kubeconfig, time: new NoTime(), requestTimeoutMs: 400 });
    const first = proxy.requests.length;
    fault = ({ index }) => (index === first ? { delayMs: 700 } : undefined);
    expect(await store.create(object())).toBe('created');
    await expect.poll(() => proxy.requests[first]?.serverStatus, { timeout: 5000 }).toBe(409);
    expect((await stored(direct, object().ref)).data).toEqual(object().data);
  });

  test('a POST that overtakes its successor is known again as ours', async () => {
    const store = await open({ kubeconfig, time: new NoTime(), requestTimeoutMs: 1000 });
    const first = proxy.requests.length;
    // The first one arrives after the look whether it is there, and before the second one.
    fault = ({ index }) => ({ [first]: { delayMs: 1400 }, [first + 2]: { delayMs: 800 } })[index];
    expect(await store.create(object())).toBe('created');
    const posts = proxy.requests.slice(first).filter(({ method }) => method === 'POST');
    expect(posts.map(({ serverStatus }) => serverStatus)).toEqual([201, 409]);
  });

  test('a PUT that overtakes its successor is known again as ours', async () => {
    await direct.create(object(1));
    const { version } = await stored(direct, object().ref);
    const store = await open({ kubeconfig, time: new NoTime(), requestTimeoutMs: 1000 });
    const first = proxy.requests.length;
    fault = ({ index }) => ({ [first + 1]: { delayMs: 1400 }, [first + 3]: { delayMs: 800 } })[index];
    expect(await store.replace(object(2), version)).toBe('replaced');
    const puts = proxy.requests.slice(first).filter(({ method }) => method === 'PUT');
    expect(puts.map(({ serverStatus }) => serverStatus)).toEqual([200, 409]);
    expect((await stored(direct, object().ref)).data).toEqual(object(2).data);
  });

  test('a list of which a page is disturbed is whole all the same', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `page-${String(n).padStart(2, '0')}`);
    await direct.addNamespaces(['pages']);
    await Promise.all(names.map((name) => direct.create(configMap('pages', name))));
    const store = await open({ kubeconfig, time: new NoTime() });
    fault = ({ path }) =>
      path.includes('continue=') && proxy.requests.at(-1)?.path !== path ? 'half-body' : undefined;
    const found = await store.list('pages');
    expect(found.map(({ ref }) => ref.name)).toEqual(names);
  });

  test('a list whose continuation has expired begins anew', async () => {
    const store = await open({ kubeconfig, time: new NoTime() });
    let gone = 0;
    fault = ({ path }) => (path.includes('continue=') && gone++ === 0 ? { status: 410 } : undefined);
    expect(await store.list('pages')).toHaveLength(60);
    expect(gone).toBe(2);
    fault = ({ path }) => (path.includes('continue=') ? { status: 410 } : undefined);
    await failure(store.list('pages'));
  });

  test('an interruption ends what is being read or waited for at once', async () => {
    const controller = new AbortController();
    const store = await open({ kubeconfig, signal: controller.signal });
    fault = () => ({ status: 503, retryAfter: 30 });
    const started = performance.now();
    const waiting = store.get(object().ref);
    const silent = await open({ kubeconfig, signal: controller.signal });
    fault = () => ({ delayMs: 20_000 });
    const reading = silent.get(object().ref);
    setTimeout(() => controller.abort(new PaletteKeysError('INTERRUPTED', 'ended by SIGINT', { hint: '' })), 300);
    await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(performance.now() - started).toBeLessThan(15_000);
    await expect(store.create(object())).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  test('an interruption lets a write that is under way end', async () => {
    const controller = new AbortController();
    const store = await open({ kubeconfig, signal: controller.signal });
    fault = () => ({ delayMs: 600 });
    const writing = store.create(object());
    setTimeout(() => controller.abort(new Error('interrupted')), 200);
    expect(await writing).toBe('created');
  });
});

function forms(value: Uint8Array): readonly string[] {
  const bytes = Buffer.from(value);
  return [bytes.toString('latin1'), bytes.toString('base64'), bytes.toString('hex')];
}
