// Covers: src/adapters/kubernetes/api/call.ts, src/adapters/kubernetes/api/client.ts
// Covers: src/adapters/kubernetes/api/explain-no-answer.ts, src/adapters/kubernetes/connect/http.ts
// Covers: src/adapters/kubernetes/connect/proxy.ts, src/adapters/kubernetes/connect/tls.ts
// Covers: src/adapters/kubernetes/connect/transport.ts

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubernetesOptions } from '../../../src/adapters/kubernetes/options.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import { makeServerCertificate } from '../../support/cluster/certificate.ts';
import { sharedCluster } from '../../support/cluster/shared.ts';
import { freePorts, portOf } from '../../support/cluster/wait.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../support/cluster.ts';
import { NoTime, open, START_MS } from './bed.ts';
import { base64, kubeconfigText, makeWorkspace, type Workspace } from './login-bed.ts';
import { startConnectProxy, startSocksProxy, type TestProxy } from './proxies.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('the way to a real API server', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let place: Workspace;
  let port: number;
  let ca: string;
  let count = 0;
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    place = await makeWorkspace();
    cluster = await sharedCluster();
    port = Number(new URL(cluster.url).port);
    ca = base64(cluster.caPem);
  }, START_MS);

  afterAll(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await place?.dispose();
  });

  beforeEach(() => {
    count += 1;
  });

  async function kubeconfig(about: object): Promise<string> {
    const user = { token: cluster.token('eve') };
    return place.write(`kubeconfig-${count}`, kubeconfigText({ 'certificate-authority-data': ca, ...about }, user));
  }

  async function whoAmI(about: object, options: Partial<KubernetesOptions> = {}) {
    return (await open({ kubeconfig: await kubeconfig(about), ...options })).cluster?.user();
  }

  async function failure(work: Promise<unknown>, ...secrets: string[]): Promise<PaletteKeysError> {
    const error = await work.then(
      (result) => new Error(`did not fail, but gave ${JSON.stringify(result)}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof PaletteKeysError)) throw error;
    const all = inspect(error, { depth: 10, showHidden: true });
    for (const each of [cluster.token('eve'), ...secrets]) expect(all).not.toContain(each);
    return error;
  }

  /** Listens, and says nothing. */
  async function silentServer(): Promise<number> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return portOf(server);
  }

  async function started(proxy: Promise<TestProxy>): Promise<TestProxy> {
    const running = await proxy;
    stops.push(running.stop);
    return running;
  }

  describe('that leads nowhere', () => {
    test('nobody listens: told within seconds, with the address and what to do', async () => {
      const [free] = await freePorts(1);
      const begin = performance.now();
      const error = await failure(whoAmI({ server: `https://127.0.0.1:${free}` }));
      expect(performance.now() - begin).toBeLessThan(15_000);
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(`context test (https://127.0.0.1:${free})`),
        hint: expect.stringMatching(/--context.*--dir/),
      });
      expect(error.message).toContain('the connection was refused (ECONNREFUSED)');
    });

    test('the name does not exist', async () => {
      const error = await failure(whoAmI({ server: 'https://no-such-host.invalid:6443' }, { time: new NoTime() }));
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('cannot be resolved'),
      });
    });

    test('nobody answers: told after the time-out', async () => {
      const begin = performance.now();
      const server = `https://127.0.0.1:${await silentServer()}`;
      const error = await failure(whoAmI({ server }, { requestTimeoutMs: 500, time: new NoTime() }));
      expect(error).toMatchObject({ code: 'TIMED_OUT', message: expect.stringContaining('no answer within 0.5 s') });
      expect(error.hint).toContain('--request-timeout');
      expect(performance.now() - begin).toBeLessThan(15_000);
    });

    test('a time-out of 0 is none', async () => {
      expect(await whoAmI({ server: cluster.url }, { requestTimeoutMs: 0 })).toBe('eve');
    });

    test('something else answers', async () => {
      const plain = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.6\r\n'));
      await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
      stops.push(async () => plain.close());
      for (const scheme of ['http', 'https']) {
        const server = `${scheme}://127.0.0.1:${portOf(plain)}`;
        const error = await failure(whoAmI({ server }, { time: new NoTime() }));
        expect(error.code).toBe('STORE_UNAVAILABLE');
      }
    });

    test.each(['ftp://x', 'https://', 'https://user:canary-word@host', ':::'])(
      '%s is not an address',
      async (server) => {
        const error = await failure(whoAmI({ server }), 'canary-word');
        expect(error).toMatchObject({ code: 'KUBECONFIG_INVALID', message: expect.stringContaining('address') });
      },
    );
  });

  describe('whose certificate', () => {
    test('is of another CA: not trusted, and not tried again', async () => {
      const other = await makeServerCertificate();
      const time = new NoTime();
      const error = await failure(
        whoAmI({ server: cluster.url, 'certificate-authority-data': base64(other.caPem) }, { time }),
      );
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        hint: expect.stringContaining('certificate-authority-data'),
      });
      expect(error.message).toContain('not vouched for by the CA');
      expect(time.sleeps).toEqual([]);
    });

    test('is of no CA that the system knows', async () => {
      const error = await failure(whoAmI({ server: cluster.url, 'certificate-authority-data': undefined }));
      expect(error.message).toContain('not vouched for');
    });

    test('is not trusted because of NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      try {
        await failure(whoAmI({ server: cluster.url, 'certificate-authority-data': undefined }));
      } finally {
        vi.unstubAllEnvs();
      }
    });

    test('is for another name: refused, unless tls-server-name says which', async () => {
      const { port: proxyPort } = await started(startConnectProxy(port));
      const about = { server: `https://cluster.test:${port}`, 'proxy-url': `http://127.0.0.1:${proxyPort}` };
      const error = await failure(whoAmI(about));
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('for another name') });
      expect(await whoAmI({ ...about, 'tls-server-name': 'localhost' })).toBe('eve');
    });

    test('need not be checked, if the kubeconfig says so, and then there is a warning', async () => {
      const warnings: string[] = [];
      const about = { server: cluster.url, 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true };
      expect(await whoAmI(about, { onWarning: (message) => warnings.push(message) })).toBe('eve');
      expect(warnings).toEqual([expect.stringContaining('insecure-skip-tls-verify')]);
      const both = await failure(whoAmI({ ...about, 'certificate-authority-data': ca }));
      expect(both.code).toBe('KUBECONFIG_INVALID');
    });

    test.each([
      [
        'is no certificate',
        { 'certificate-authority-data': base64('-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----') },
      ],
      ['is not there', { 'certificate-authority-data': undefined, 'certificate-authority': 'nowhere.crt' }],
    ])('is to be checked with a CA that %s', async (_, change) => {
      const error = await failure(whoAmI({ server: cluster.url, ...change }));
      expect(error.code).toBe('KUBECONFIG_INVALID');
    });
  });

  test('the CA may be in a file; what stands in the kubeconfig counts first, as for kubectl', async () => {
    await place.write('ca.crt', cluster.caPem);
    await place.write('other-ca.crt', (await makeServerCertificate()).caPem);
    expect(
      await whoAmI({ server: cluster.url, 'certificate-authority-data': undefined, 'certificate-authority': 'ca.crt' }),
    ).toBe('eve');
    expect(await whoAmI({ server: cluster.url, 'certificate-authority': 'other-ca.crt' })).toBe('eve');
  });

  test('an address may have a path, as behind Rancher', async () => {
    const { caPem, certPem, keyPem } = await makeServerCertificate();
    const paths: string[] = [];
    const rancher = createHttpsServer({ cert: certPem, key: keyPem }, (request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"gitVersion":"v9.9.9"}');
    });
    await new Promise<void>((resolve) => rancher.listen(0, '127.0.0.1', resolve));
    stops.push(async () => rancher.close());
    for (const slash of ['', '/']) {
      const server = `https://127.0.0.1:${portOf(rancher as unknown as Server)}/k8s/clusters/c-1${slash}`;
      const store = await open({
        kubeconfig: await kubeconfig({ server, 'certificate-authority-data': base64(caPem) }),
      });
      expect(await store.cluster?.version()).toBe('v9.9.9');
    }
    expect(paths).toEqual(['/k8s/clusters/c-1/version', '/k8s/clusters/c-1/version']);
  });

  test('http serves too, as `kubectl proxy` offers it', async () => {
    const login = await cluster.kubeconfig('eve');
    const child = spawn(cluster.assets.kubectl, [`--kubeconfig=${login}`, 'proxy', '--port=0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = await once(child.stdout, 'data');
      const address = /127\.0\.0\.1:\d+/.exec(String(line))?.[0];
      for (const server of [`http://${address}`, `${address}`]) {
        expect(await whoAmI({ server, 'certificate-authority-data': undefined })).toBe('eve');
      }
    } finally {
      child.kill();
    }
  });

  describe('through a proxy', () => {
    const about = () => ({ server: `https://cluster.test:${port}`, 'tls-server-name': 'localhost' });

    test.each(['HTTPS_PROXY', 'https_proxy'])('that %s names; connections are kept', async (name) => {
      const proxy = await started(startConnectProxy(port));
      const env = { [name]: `http://127.0.0.1:${proxy.port}` };
      const store = await open({ kubeconfig: await kubeconfig(about()), env });
      for (let n = 0; n < 5; n += 1) expect(await store.cluster?.user()).toBe('eve');
      expect(proxy.asked).toEqual([`cluster.test:${port}`]);
      await Promise.all(Array.from({ length: 60 }, () => store.cluster?.user()));
      expect(proxy.asked.length).toBeLessThanOrEqual(16);
    });

    test('whose address has no scheme', async () => {
      const proxy = await started(startConnectProxy(port));
      expect(await whoAmI(about(), { env: { HTTPS_PROXY: `127.0.0.1:${proxy.port}` } })).toBe('eve');
    });

    test('with a user and a password, which nobody else gets to see', async () => {
      const proxy = await started(startConnectProxy(port));
      const env = { HTTPS_PROXY: `http://us%40er:canary-word@127.0.0.1:${proxy.port}` };
      expect(await whoAmI(about(), { env })).toBe('eve');
      expect(proxy.logins).toEqual([`Basic ${base64('us@er:canary-word')}`]);
      const refusing = await started(startConnectProxy(port, { answer: 407 }));
      const denied = { HTTPS_PROXY: `http://user:canary-word@127.0.0.1:${refusing.port}` };
      const error = await failure(whoAmI(about(), { env: denied }), 'canary-word');
      expect(error).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('the proxy wants a user'),
      });
    });

    test('that proxy-url of the kubeconfig names, whatever the environment says', async () => {
      const proxy = await started(startConnectProxy(port));
      const other = await started(startConnectProxy(port));
      const env = { HTTPS_PROXY: `http://127.0.0.1:${other.port}`, NO_PROXY: '*' };
      expect(await whoAmI({ ...about(), 'proxy-url': `http://127.0.0.1:${proxy.port}` }, { env })).toBe('eve');
      expect(proxy.asked).toHaveLength(1);
      expect(other.asked).toEqual([]);
    });

    test('that speaks SOCKS5, where nobody listens', async () => {
      const [free] = await freePorts(1);
      const about5 = { ...about(), 'proxy-url': `socks5://127.0.0.1:${free}` };
      const error = await failure(whoAmI(about5, { time: new NoTime() }));
      expect(error.message).toContain('the proxy does not let us through (PROXY_FAILED)');
    });

    test.each([undefined, 'user:canary-word'])(
      'that speaks SOCKS5, which resolves the name (login %s)',
      async (login) => {
        const proxy = await started(startSocksProxy(port, login));
        const at = login === undefined ? '' : `${login}@`;
        const store = await open({
          kubeconfig: await kubeconfig({ ...about(), 'proxy-url': `socks5://${at}127.0.0.1:${proxy.port}` }),
        });
        for (let n = 0; n < 3; n += 1) expect(await store.cluster?.user()).toBe('eve');
        expect(proxy.asked).toEqual([`cluster.test:${port}`]);
        if (login !== undefined) {
          const wrong = await open({
            kubeconfig: await kubeconfig({ ...about(), 'proxy-url': `socks5://x:y-canary@127.0.0.1:${proxy.port}` }),
            time: new NoTime(),
          });
          await failure(wrong.cluster?.user() ?? Promise.resolve(), 'y-canary');
        }
      },
    );

    test.each([
      ['cluster.test', true],
      ['.test', true],
      ['*.test', true],
      ['test', true],
      ['other.test,  CLUSTER.TEST ', true],
      ['*', true],
      ['.cluster.test', false],
      ['uster.test', false],
      ['cluster.test:1', false],
      ['', false],
    ])('unless NO_PROXY exempts the server: %s', async (noProxy, exempt) => {
      const proxy = await started(startConnectProxy(port));
      const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: noProxy };
      const asking = whoAmI(about(), { env, time: new NoTime() });
      if (exempt) expect((await failure(asking)).message).toContain('cannot be resolved');
      else expect(await asking).toBe('eve');
      expect(proxy.asked).toHaveLength(exempt ? 0 : 1);
    });

    test('never to this machine itself, as for kubectl', async () => {
      const proxy = await started(startConnectProxy(port));
      const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
      expect(await whoAmI({ server: cluster.url }, { env })).toBe('eve');
      expect(await whoAmI({ server: `https://localhost:${port}` }, { env })).toBe('eve');
      expect(proxy.asked).toEqual([]);
    });

    test.each([
      ['that does not let us through', 403, 'STORE_UNAVAILABLE', 'the proxy does not let us through'],
      ['that hangs up', 'hang-up', 'STORE_UNAVAILABLE', 'the connection broke'],
      ['that says nothing', 'silence', 'TIMED_OUT', 'no answer within 0.7 s'],
    ] as const)('%s', async (_, answer, code, expected) => {
      const proxy = await started(startConnectProxy(port, { answer }));
      const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
      const error = await failure(whoAmI(about(), { env, requestTimeoutMs: 700, time: new NoTime() }));
      expect(error).toMatchObject({ code, message: expect.stringContaining(expected) });
    });

    test.each(['gopher://x', 'http://'])('whose address is none: %s', async (address) => {
      const error = await failure(whoAmI(about(), { env: { HTTPS_PROXY: address } }));
      expect(error).toMatchObject({ code: 'KUBECONFIG_INVALID', message: expect.stringContaining('HTTPS_PROXY') });
    });
  });

  test.each(['a silent server', 'a silent proxy'])('a process that has given up on %s ends', async (what) => {
    const silent = await silentServer();
    const server = what === 'a silent server' ? `https://127.0.0.1:${silent}` : 'https://cluster.test';
    const script = fileURLToPath(new URL('gives-up.ts', import.meta.url));
    const env = { PATH: process.env['PATH'], HTTPS_PROXY: `http://127.0.0.1:${silent}` };
    const begin = performance.now();
    const child = spawn(process.execPath, [script, await kubeconfig({ server })], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    expect(String(line)).toBe('INTERRUPTED\n');
    const told = performance.now();
    await once(child, 'exit');
    expect(performance.now() - told).toBeLessThan(10_000);
    expect(performance.now() - begin).toBeLessThan(25_000);
  });
});
