/** The way to the API server: which one is meant, who one is there, and what becomes of a run where it does not answer well. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Bed, ledgerOf, newPlace, objectsIn, type Place, TINY, verdictOn } from '../scenarios/cluster/bed.ts';
import { LEDGER, PLATFORM, specFile } from '../scenarios/program/store.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import { startWarm } from '../scenarios/program/warm.ts';
import { makeServerCertificate } from '../support/cluster/certificate.ts';
import { freePorts, portOf } from '../support/cluster/wait.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { fileWith, newFolder, type Outcome, run } from '../support/program.ts';

type Said = Pick<Outcome, 'code' | 'stdout' | 'stderr'>;

/** Most runs are in processes that stay, each of which does one at a time: what is tested is what comes after the start. */
const warm = startWarm(2);

/** An error as people and scripts see it. */
function expectError({ code, stdout, stderr }: Said, what: string, exit = 1): void {
  expect(code, stderr).toBe(exit);
  expect(JSON.parse(stdout), stderr).toMatchObject({ apiVersion: 'palette-keys/v1', kind: 'Error', code: what });
  expect(stderr).toMatch(/^palette-keys: error: .*$/m);
  expect(stderr).toMatch(/^palette-keys: hint: .*$/m);
}

export function connectionCases(bedOf: () => Bed): void {
  const proxies: FaultProxy[] = [];

  afterAll(() => Promise.all(proxies.map((proxy) => proxy.stop())));

  const initArgs = ({ config }: Place) => ['init', '--create-namespaces', '-o', 'json', '--config', config];
  const madeIn = async (place: Place) => objectsIn(place, await bedOf().objects());

  async function behind(fault: (request: ProxiedRequest) => Fault | undefined) {
    const proxy = await startFaultProxy({ target: bedOf().cluster, fault });
    proxies.push(proxy);
    return { proxy, kubeconfig: await bedOf().cluster.kubeconfig('admin', { server: proxy }) };
  }

  /** A copy of the administrator's kubeconfig with changes. */
  function kubeconfigWith(cluster: object, user?: object): string {
    const config = parse(readFileSync(bedOf().kubeconfig, 'utf8'));
    Object.assign(config.clusters[0].cluster, cluster);
    if (user !== undefined) config.users[0].user = user;
    return fileWith(JSON.stringify(config), 'config');
  }

  describe.concurrent('the cluster that is meant', () => {
    it('an unknown context is answered with those that there are', async () => {
      const outcome = await warm.run(['status', '--kubeconfig', bedOf().kubeconfig, '--context', 'none', '-o', 'json']);
      expectError(outcome, 'NO_STORE');
      expect(outcome.stderr).toContain('the kubeconfig has no context none');
      expect(outcome.stderr).toContain('there are: test');
    });

    it('a server that another CA vouches for is not believed', async () => {
      const { caPem } = await makeServerCertificate();
      const kubeconfig = kubeconfigWith({ 'certificate-authority-data': Buffer.from(caPem).toString('base64') });
      const outcome = await run(['status', '--kubeconfig', kubeconfig, '-o', 'json'], {
        env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
      });
      expectError(outcome, 'STORE_UNAVAILABLE');
      expect(outcome.stderr).toContain('not vouched for by the CA of the kubeconfig');
    });

    it('a TLS handshake that broke is tried again', async () => {
      const refuseTls = ({ index }: { readonly index: number }) => index < 2;
      const proxy = await startFaultProxy({ target: bedOf().cluster, refuseTls });
      proxies.push(proxy);
      const kubeconfig = await bedOf().cluster.kubeconfig('admin', { server: proxy });
      expectError(await warm.run(['status', '--kubeconfig', kubeconfig, '-o', 'json']), 'NOT_INSTALLED');
      expect(proxy.connections).toBeGreaterThan(2);
    });

    it('a login that is not accepted is told as such', async () => {
      const kubeconfig = kubeconfigWith({}, { token: 'expired' });
      const outcome = await warm.run(['init', '--kubeconfig', kubeconfig, '-o', 'json']);
      expectError(outcome, 'UNAUTHENTICATED');
      expect(outcome.stderr).not.toContain('expired\n');
      expect(outcome.stderr).toContain('kubectl auth whoami');
    });

    it('an exec plugin logs in, told in which version and that nobody can be asked', async () => {
      const info = path.join(newFolder(), 'info');
      const plugin = path.join(newFolder(), 'plugin.sh');
      const version = 'client.authentication.k8s.io/v1';
      const credential = { apiVersion: version, kind: 'ExecCredential', status: { token: bedOf().cluster.token() } };
      const script = `#!/bin/sh\nprintf %s "$KUBERNETES_EXEC_INFO" > '${info}'\necho '${JSON.stringify(credential)}'\n`;
      writeFileSync(plugin, script, { mode: 0o700 });
      const exec = { apiVersion: version, command: plugin, interactiveMode: 'Never' };
      const outcome = await warm.run(['status', '--kubeconfig', kubeconfigWith({}, { exec }), '-o', 'json']);
      expectError(outcome, 'NOT_INSTALLED');
      const told = { apiVersion: version, kind: 'ExecCredential', spec: { interactive: false } };
      expect(JSON.parse(readFileSync(info, 'utf8'))).toEqual(told);
    });

    it('HTTPS_PROXY leads there, save where NO_PROXY names the server, for palette-keys as for kubectl', async () => {
      const proxy = await startConnectProxy(Number(new URL(bedOf().cluster.url).port));
      const server = 'https://kube.test:6443';
      const kubeconfig = kubeconfigWith({ server, 'tls-server-name': 'localhost' });
      const env = { HTTPS_PROXY: proxy.url, KUBECONFIG: kubeconfig };
      const through = await run(['status', '-o', 'json'], { env });
      expectError(through, 'NOT_INSTALLED');
      expect(through.stderr).toContain(server);
      expect(proxy.asked.length).toBeGreaterThan(0);
      expect([...new Set(proxy.asked)]).toEqual(['kube.test:6443']);
      const before = proxy.asked.length;
      const around = await run(['status', '-o', 'json'], { env: { ...env, NO_PROXY: '.test' } });
      expectError(around, 'STORE_UNAVAILABLE');
      expect(around.stderr).toContain('cannot be resolved');
      expect(proxy.asked.length).toBe(before);
      proxy.stop();
    });
  });

  describe.concurrent('a clock', () => {
    it.skipIf(!haveTools('faketime'))('that is more than five minutes ahead makes no certificates', async () => {
      const place = newPlace();
      const outcome = await bedOf().run(initArgs(place), { through: ['faketime', '-m', '-f', '+330s'] });
      expectError(outcome, 'CLOCK_IMPLAUSIBLE');
      expect(outcome.stderr).toMatch(/it is 3[23]\d s ahead of the cluster's/);
      expect(outcome.stderr).toContain('NTP');
      expect((await bedOf().api('GET', `/api/v1/namespaces/${place.namespace}`)).status).toBe(404);
    });

    it.skipIf(!haveTools('faketime'))('that is half a minute ahead is no obstacle', async () => {
      const place = newPlace();
      const { code, stderr } = await bedOf().run(initArgs(place), { through: ['faketime', '-m', '-f', '+30s'] });
      expect(code, stderr).toBe(0);
    });
  });

  describe('namespaces that are missing', () => {
    it('are all named, with the flag that makes them, and none is made', async () => {
      const config = specFile({ ...TINY, serviceCertificates: { services: [{ name: 'ui', namespace: 'ui-system' }] } });
      await bedOf().kubectl(['create', 'namespace', LEDGER]);
      const outcome = await warm.run(['init', '-o', 'json', '--config', config, '--kubeconfig', bedOf().kubeconfig]);
      expectError(outcome, 'NAMESPACE_MISSING');
      expect(outcome.stderr).toContain(`2 namespaces are not there: ${PLATFORM}, ui-system`);
      expect(outcome.stderr).toMatch(/hint: .*--create-namespaces/);
      expect((await bedOf().api('GET', `/api/v1/namespaces/${PLATFORM}`)).status).toBe(404);
      const leases = JSON.parse(
        (await bedOf().api('GET', `/apis/coordination.k8s.io/v1/namespaces/${LEDGER}/leases`)).body,
      );
      expect(leases.items).toEqual([]);
      await bedOf().drop(LEDGER);
    });
  });

  describe.concurrent('a server that does not do as it should', () => {
    const root = ({ method, path }: ProxiedRequest) => method === 'POST' && path.includes('-keys/secrets');
    const record = ({ method, path }: ProxiedRequest) => method === 'POST' && path.includes('-keys/configmaps');
    const projection = ({ method, path }: ProxiedRequest) => method === 'POST' && /\/p\d+\/secrets/.test(path);
    const said = (code: number, reason: string, message: string, details = {}) => ({
      status: code,
      body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }),
    });
    const causes = [{ reason: 'FieldValueInvalid', field: 'metadata.name', message: 'too long for this cluster' }];

    const html = (status: number) => ({ status, body: '<html>', contentType: 'text/html' });
    const always = () => true;

    /** `entries`: of the ledger, which are there when the run ends. */
    it.each([
      {
        title: 'a 401 from the first request on',
        which: always,
        fault: { status: 401 },
        code: 'UNAUTHENTICATED',
        says: /HTTP 401/,
      },
      {
        title: 'a 403 of an admission policy',
        which: root,
        fault: said(403, 'Forbidden', 'exceeded quota'),
        code: 'PERMISSION_DENIED',
        says: /exceeded quota/,
      },
      {
        title: 'a 403 of something in between',
        which: always,
        fault: html(403),
        code: 'STORE_UNAVAILABLE',
        says: /not how an API server answers/,
      },
      {
        title: 'a 404 of something in between',
        which: always,
        fault: html(404),
        code: 'STORE_UNAVAILABLE',
        says: /not how an API server answers/,
      },
      {
        title: 'a 409 about another matter',
        which: record,
        fault: said(409, 'AlreadyExists', 'some other thing'),
        code: 'CONFLICT',
        says: /some other thing/,
        // The record is the second object.
        entries: 1,
      },
      {
        title: 'a 422',
        which: root,
        fault: said(422, 'Invalid', 'no', { causes }),
        code: 'REJECTED',
        says: /metadata\.name: too long for this cluster/,
      },
      {
        title: 'a 422 when the keys are there already',
        which: projection,
        fault: said(422, 'Invalid', 'no', { causes }),
        code: 'REJECTED',
        says: /too long/,
        entries: 9,
      },
      { title: 'a 500 that lasts', which: root, fault: { status: 500 }, code: 'STORE_UNAVAILABLE', says: /HTTP 500/ },
      {
        title: 'a 429 that lasts',
        which: root,
        fault: { status: 429, retryAfter: 1 },
        code: 'STORE_UNAVAILABLE',
        says: /too much to do \(HTTP 429\)/,
      },
    ])(
      '$title: message, exit code, nothing half made; the next run completes',
      async ({ title, which, fault, code, says, entries = 0 }) => {
        const place = newPlace();
        const { kubeconfig } = await behind((request) => (which(request) ? fault : undefined));
        // What lasts is tried again for a while: nobody should have to wait behind that.
        const program = title.includes('lasts') ? bedOf() : warm;
        const outcome = await program.run([...initArgs(place), '--kubeconfig', kubeconfig]);
        expectError(outcome, code);
        expect(outcome.stderr).toMatch(says);
        const made = await madeIn(place);
        expect(ledgerOf(made).size).toBe(entries);
        if (entries === 0) return expect(made.size).toBe(0);
        const again = await warm.run([...initArgs(place), '--kubeconfig', bedOf().kubeconfig]);
        expect(again.code, again.stderr).toBe(0);
        const after = await madeIn(place);
        for (const [name, facts] of ledgerOf(made)) expect(ledgerOf(after).get(name)).toEqual(facts);
        expect(await verdictOn(after)).toBe('everything fits\n');
      },
    );

    it('is waited for, where it is slow, as long as --request-timeout says', async () => {
      const { kubeconfig, proxy } = await behind(() => ({ delayMs: 20_000 }));
      const outcome = await bedOf().run([
        'status',
        '--request-timeout',
        '500ms',
        '-o',
        'json',
        '--kubeconfig',
        kubeconfig,
      ]);
      expectError(outcome, 'TIMED_OUT');
      expect(outcome.stderr).toContain('no answer within 0.5 s');
      expect(outcome.stderr).toContain('--request-timeout');
      expect(proxy.requests.length).toBeGreaterThan(1);
      expect(outcome.ms).toBeLessThan(15_000);
    });

    it('may still act, where it is slow, on what nobody waits for any more: the next run completes', async () => {
      const place = newPlace();
      const slow = (request: ProxiedRequest) =>
        request.method === 'POST' && request.path.includes('-keys/secrets') ? { delayMs: 1500 } : undefined;
      const { kubeconfig } = await behind(slow);
      const first = await bedOf().run([...initArgs(place), '--request-timeout', '1s', '--kubeconfig', kubeconfig]);
      expect([0, 1], first.stderr).toContain(first.code);
      const again = await warm.run([...initArgs(place), '--kubeconfig', bedOf().kubeconfig]);
      expect(again.code, again.stderr).toBe(0);
      expect(await verdictOn(await madeIn(place))).toBe('everything fits\n');
    });

    it.each(['soon', '-1s', '1 s'])('--request-timeout %s is a mistake', async (time) => {
      const args = ['status', `--request-timeout=${time}`, '-o', 'json', '--kubeconfig', bedOf().kubeconfig];
      expectError(await warm.run(args), 'USAGE', 2);
    });

    it('is left alone, where it has too much to do, for as long as it asks for, by every request of a storm, and the run comes to its end', async () => {
      const place = newPlace();
      const times: { readonly key: string; readonly at: number; readonly refused: boolean }[] = [];
      let begun = 0;
      const { kubeconfig, proxy } = await behind(({ index, method, path: at }) => {
        const now = performance.now();
        if (index === 40) begun = now;
        const refused = index >= 40 && now - begun < 2500;
        times.push({ key: `${index < 40 ? index : ''} ${method} ${at}`, at: now, refused });
        return refused
          ? { status: 429, retryAfter: 1, body: 'Too many requests', contentType: 'text/plain' }
          : undefined;
      });
      const { code, stderr } = await bedOf().run([...initArgs(place), '--kubeconfig', kubeconfig]);
      expect(code, stderr).toBe(0);
      const storm = times.filter(({ refused }) => refused);
      expect(storm.length).toBeGreaterThan(0);
      // Three rounds of at most sixteen at a time.
      expect(storm.length).toBeLessThanOrEqual(48);
      for (const { key, at } of storm) {
        const next = times.find((other) => other.key === key && other.at > at);
        // POSTs of one kind share a path: those that were under way with this one do not count.
        if (next !== undefined && key.includes('GET')) expect(next.at - at, key).toBeGreaterThanOrEqual(1000);
      }
      expect(proxy.requests.length).toBeLessThan(200);
      expect(await verdictOn(await madeIn(place))).toBe('everything fits\n');
    });
  });
}

export function noConnectionCases(): void {
  it.each(['init', 'status', 'backup --out keys.age --recipient age1x'])(
    '%s names both ways out where there is no kubeconfig',
    async (command) => {
      const outcome = await warm.run([...command.split(' '), '-o', 'json']);
      expectError(outcome, 'NO_STORE');
      expect(outcome.stderr).toContain('--dir PATH');
      expect(outcome.stderr).toMatch(/--kubeconfig FILE/);
      expect(outcome.stderr).toContain(path.join('.kube', 'config'));
    },
  );

  it('a kubeconfig that was named has to be there', async () => {
    const file = path.join(newFolder(), 'none');
    const outcome = await warm.run(['init', '--kubeconfig', file, '-o', 'json']);
    expectError(outcome, 'NO_STORE');
    expect(outcome.stderr).toContain(`there is no ${file}`);
  });

  it('a server that does not answer is named, with what to check', async () => {
    const [port] = await freePorts(1);
    const text = { clusters: [{ name: 'far', cluster: { server: `https://127.0.0.1:${port}` } }] };
    const contexts = [{ name: 'far', context: { cluster: 'far', user: '' } }];
    const kubeconfig = fileWith(JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...text, contexts }), 'config');
    const outcome = await warm.run(['init', '--kubeconfig', kubeconfig, '--context', 'far', '-o', 'json']);
    expectError(outcome, 'STORE_UNAVAILABLE');
    expect(outcome.stderr).toContain(`context far (https://127.0.0.1:${port})`);
    expect(outcome.stderr).toContain('the connection was refused');
    expect(outcome.stderr).toContain('--dir PATH');
  });
}

/** Opens tunnels to that port on this machine, whatever host it is asked for. */
async function startConnectProxy(port: number) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client.on('error', () => undefined));
    client.once('data', (head) => {
      const [, host = ''] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head.toString('latin1')) ?? [];
      asked.push(host);
      const upstream = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      sockets.add(upstream.on('error', () => client.destroy()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${portOf(server)}`, asked, stop };
}
