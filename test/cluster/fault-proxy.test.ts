import { beforeAll, describe, expect, test } from 'vitest';
import { callApi } from '../support/cluster/api.ts';
import { sharedCluster } from '../support/cluster/shared.ts';
import { findAssetsOrSkip, type SomeCluster } from '../support/cluster.ts';
import { type Fault, type FaultProxyOptions, startFaultProxy } from '../support/fault-proxy.ts';

const assets = findAssetsOrSkip();
const START_MS = 180_000;
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe.skipIf(assets === undefined)('the fault proxy', { timeout: START_MS }, () => {
  let cluster: SomeCluster;

  beforeAll(async () => {
    cluster = await sharedCluster();
  }, START_MS);

  /** POSTs one ConfigMap through a proxy with these options, and asks the API server itself whether it is there. */
  async function create(name: string, options: Omit<FaultProxyOptions, 'target'>) {
    const proxy = await startFaultProxy({ target: cluster, ...options });
    const started = performance.now();
    try {
      const token = cluster.token();
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
      const call = callApi(`${proxy.url}${CONFIG_MAPS}`, proxy.caPem, { method: 'POST', token, body });
      const outcome = await call.catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
      const ms = performance.now() - started;
      const { status } = await callApi(`${cluster.url}${CONFIG_MAPS}/${name}`, cluster.caPem, { token });
      return { outcome, ms, created: status === 200, requests: proxy.requests, connections: proxy.connections };
    } finally {
      await proxy.stop();
    }
  }

  const withFault = (name: string, fault: Fault) => create(name, { fault: () => fault });

  test('without a fault hands on request and answer, and the login', async () => {
    const { outcome, created, requests } = await create('whole', {});
    expect(outcome).toMatchObject({ status: 201 });
    expect(created).toBe(true);
    const seen = { index: 0, method: 'POST', path: CONFIG_MAPS, status: 201, serverStatus: 201, fault: undefined };
    expect(requests).toEqual([seen]);
  });

  test('serves kubectl, whoever logs in', async () => {
    const proxy = await startFaultProxy({ target: cluster });
    try {
      const kubeconfig = await cluster.kubeconfig('eve', { server: proxy });
      const { stdout } = await cluster.kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], {
        kubeconfig,
      });
      expect(stdout).toBe('eve');
    } finally {
      await proxy.stop();
    }
  });

  test('cut before: the connection breaks, the server has not acted', async () => {
    const { outcome, created, requests } = await withFault('cut-before', 'cut-before');
    expect(outcome).toBe('ECONNRESET');
    expect(created).toBe(false);
    expect(requests).toMatchObject([{ status: 0, serverStatus: undefined }]);
  });

  test('cut after: the connection breaks, the server has acted', async () => {
    const { outcome, created, requests } = await withFault('cut-after', 'cut-after');
    expect(outcome).toBe('ECONNRESET');
    expect(created).toBe(true);
    expect(requests).toMatchObject([{ status: 0, serverStatus: 201 }]);
  });

  test('half a body: the head says 201, the rest is missing', async () => {
    const { outcome, created, requests } = await withFault('half-body', 'half-body');
    expect(outcome).toBe('ECONNRESET');
    expect(created).toBe(true);
    expect(requests).toMatchObject([{ status: 201, serverStatus: 201 }]);
  });

  test('429 with Retry-After: the server has not acted', async () => {
    const { outcome, created } = await withFault('throttled', { status: 429, retryAfter: 3 });
    expect(outcome).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
    expect(created).toBe(false);
  });

  test('500: a Kubernetes Status, the server has not acted', async () => {
    const { outcome, created } = await withFault('broken', { status: 500 });
    expect(outcome).toMatchObject({ status: 500, body: expect.stringContaining('"reason":"InternalError"') });
    expect(created).toBe(false);
  });

  test('504 after the server: the server has acted all the same', async () => {
    const { outcome, created } = await withFault('late', { status: 504, afterServer: true });
    expect(outcome).toMatchObject({ status: 504 });
    expect(created).toBe(true);
  });

  test('any status with any body', async () => {
    const { outcome } = await withFault('teapot', { status: 200, body: '<html>', contentType: 'text/html' });
    expect(outcome).toMatchObject({ status: 200, body: '<html>' });
  });

  test('a delay: the same answer, later', async () => {
    const { outcome, ms, created } = await withFault('slow', { delayMs: 400 });
    expect(outcome).toMatchObject({ status: 201 });
    expect(created).toBe(true);
    expect(ms).toBeGreaterThanOrEqual(400);
  });

  test('TLS refused: no request gets through', async () => {
    const { outcome, created, requests, connections } = await create('no-tls', { refuseTls: () => true });
    expect(outcome).toBe('ECONNRESET');
    expect({ created, requests, connections }).toEqual({ created: false, requests: [], connections: 1 });
  });

  test('a certificate that the kubeconfig does not vouch for is not accepted', async () => {
    const proxy = await startFaultProxy({ target: cluster });
    try {
      const kubeconfig = await cluster.kubeconfig('admin', { server: { url: proxy.url, caPem: cluster.caPem } });
      const { code, stderr } = await cluster.kubectl(['get', '--raw', '/version'], { kubeconfig });
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('x509') });
      expect(proxy.requests).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  test('the fault may depend on the request', async () => {
    const paths: string[] = [];
    const { outcome } = await create('chosen', {
      fault: ({ index, method, path }) => {
        paths.push(`${index} ${method} ${path}`);
        return method === 'POST' ? { status: 503 } : undefined;
      },
    });
    expect(outcome).toMatchObject({ status: 503 });
    expect(paths).toEqual([`0 POST ${CONFIG_MAPS}`]);
  });
});
