// Covers: src/adapters/kubernetes/connect/

import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubernetesOptions } from '../../../../src/adapters/kubernetes/options.ts';
import { PaletteKeysError } from '../../../../src/errors.ts';
import { type Cluster, findAssetsOrSkip, startCluster } from '../../../support/cluster.ts';
import { NoTime, open, START_MS, secret } from '../bed.ts';
import { CLIENT_ID, CLIENT_SECRET, type Issuer, startIssuer } from '../issuer.ts';
import {
  base64,
  type ClientPki,
  credential,
  EXEC_API,
  kubeconfigText,
  makeClientPki,
  makeWorkspace,
  PLUGIN,
  type Workspace,
} from '../login-bed.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('logging in to a real API server', { timeout: START_MS }, () => {
  let cluster: Cluster;
  let place: Workspace;
  let pki: ClientPki;
  let issuer: Issuer;
  let server: { readonly server: string; readonly 'certificate-authority-data': string };

  beforeAll(async () => {
    place = await makeWorkspace();
    pki = await makeClientPki(place.folder);
    issuer = await startIssuer();
    const issuerCa = await place.write('issuer-ca.crt', issuer.caPem);
    cluster = await startCluster({
      users: [{ name: 'eve' }, { name: 'frank' }],
      audit: true,
      apiServerArgs: [
        ...[`--client-ca-file=${pki.caFile}`, `--oidc-issuer-url=${issuer.url}`, `--oidc-ca-file=${issuerCa}`],
        ...[`--oidc-client-id=${CLIENT_ID}`, '--oidc-username-prefix=oidc:'],
      ],
    });
    server = { server: cluster.url, 'certificate-authority-data': base64(cluster.caPem) };
  }, START_MS);

  afterAll(async () => {
    await cluster?.stop();
    await issuer?.stop();
    await place?.dispose();
  });

  let count = 0;
  beforeEach(() => {
    count += 1;
  });

  /** Writes a kubeconfig for one user and opens a store with it. */
  async function login(user: object, options: Partial<KubernetesOptions> = {}, more: object = {}) {
    const kubeconfig = await place.write(`kubeconfig-${count}`, kubeconfigText({ ...server, ...more }, user));
    return open({ kubeconfig, ...options });
  }

  async function whoAmI(user: object, options: Partial<KubernetesOptions> = {}): Promise<string | undefined> {
    return (await login(user, options)).cluster?.user();
  }

  async function failure(work: Promise<unknown>, ...secrets: string[]): Promise<PaletteKeysError> {
    const error = await work.then(
      (result) => new Error(`did not fail, but gave ${JSON.stringify(result)}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof PaletteKeysError)) throw error;
    for (const each of secrets) expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(each);
    return error;
  }

  describe('by a client certificate', () => {
    test('in the kubeconfig', async () => {
      const user = { 'client-certificate-data': base64(pki.cert), 'client-key-data': base64(pki.key) };
      expect(await whoAmI(user)).toBe('carol');
    });

    test('in files beside it', async () => {
      await place.write('pki/c.crt', pki.cert);
      await place.write('pki/c.key', pki.key);
      expect(await whoAmI({ 'client-certificate': 'pki/c.crt', 'client-key': 'pki/c.key' })).toBe('carol');
    });

    test('of two forms the one in the kubeconfig counts, as for kubectl', async () => {
      await place.write('bad.crt', 'no certificate');
      const user = { 'client-certificate-data': base64(pki.cert), 'client-key-data': base64(pki.key) };
      expect(await whoAmI({ ...user, 'client-certificate': 'bad.crt' })).toBe('carol');
    });

    test.each([
      ['a certificate that is none', { 'client-certificate-data': base64('rubbish') }],
      [
        'a key of another certificate',
        { 'client-key-data': base64('-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n') },
      ],
      ['a file that is not there', { 'client-certificate-data': undefined, 'client-certificate': 'nowhere.crt' }],
    ])('%s is an error that says so', async (_, change) => {
      const user = { 'client-certificate-data': base64(pki.cert), 'client-key-data': base64(pki.key), ...change };
      const error = await failure(whoAmI(user, { time: new NoTime() }), pki.key.slice(40, 60));
      expect(error.code).toBe('KUBECONFIG_INVALID');
    });
  });

  describe('by a token', () => {
    test('in the kubeconfig', async () => {
      expect(await whoAmI({ token: cluster.token('eve') })).toBe('eve');
    });

    test('in a file, which may change while the run goes on', async () => {
      await place.write('token', `${cluster.token('eve')}\n`);
      const store = await login({ tokenFile: 'token' });
      expect(await store.cluster?.user()).toBe('eve');
      // The old one is no longer good: its successor is read before anybody is told.
      await place.write('token', 'expired-token');
      const broken = await login({ tokenFile: 'token' });
      await place.write('token', cluster.token('frank'));
      expect(await broken.cluster?.user()).toBe('frank');
    });

    test('in a file that is not there', async () => {
      const error = await failure(whoAmI({ tokenFile: 'no-token' }));
      expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('no-token') });
    });

    test('that has expired, or is not known: the login is named, the token is not', async () => {
      await cluster.kubectl(['create', 'serviceaccount', 'short-lived']);
      const { stdout } = await cluster.kubectl(['create', 'token', 'short-lived', '--duration=10m']);
      expect(stdout).toMatch(/^ey/);
      for (const token of ['never-was-a-token', `${stdout.trim()}x`]) {
        const error = await failure(whoAmI({ token }), token);
        expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('someone') });
        expect(error.message).toContain(cluster.url);
        expect(error.hint).toContain('log in again');
      }
    });

    test('with a line end in it: an error, which does not quote it', async () => {
      const token = `${cluster.token('eve')}\r\nX-Injected: yes`;
      await failure(whoAmI({ token }), cluster.token('eve'));
    });

    test('from nobody at all', async () => {
      const error = await failure((await login({})).get(secret('default', 'x').ref));
      expect(error).toMatchObject({ message: expect.stringContaining('system:anonymous') });
    });
  });

  describe('as somebody else', () => {
    test('works with --as, and with as in the kubeconfig', async () => {
      expect(await whoAmI({ token: cluster.token() }, { as: 'eve' })).toBe('eve');
      expect(await whoAmI({ token: cluster.token(), as: 'frank' })).toBe('frank');
      expect(await whoAmI({ token: cluster.token(), as: 'frank' }, { as: 'eve' })).toBe('eve');
    });

    test('works with several --as-group, and with as-groups, as-uid and as-user-extra in the kubeconfig', async () => {
      const who = async (user: object, options: Partial<KubernetesOptions>) => {
        const name = await (await login({ token: cluster.token(), ...user }, options)).cluster?.user();
        const events = await cluster.auditEvents();
        const event = events.findLast(({ requestURI }) => requestURI.includes('selfsubjectreviews'));
        return { name, ...(event?.['impersonatedUser'] as object) };
      };
      expect(await who({}, { as: 'eve', asGroups: ['alto', 'soprano'] })).toMatchObject({
        name: 'eve',
        groups: ['alto', 'soprano', 'system:authenticated'],
      });
      const given = {
        as: 'frank',
        'as-groups': ['bass'],
        'as-uid': 'u-7',
        'as-user-extra': { 'example.org/Why': ['a', 'b c'] },
      };
      expect(await who(given, {})).toMatchObject({
        name: 'frank',
        uid: 'u-7',
        groups: ['bass', 'system:authenticated'],
        extra: { 'example.org/why': ['a', 'b c'] },
      });
    });

    test('works with a name of any letters, and with none that has a line end', async () => {
      expect(await whoAmI({ token: cluster.token() }, { as: 'Jürgen 🔑 Ωmega' })).toBe('Jürgen 🔑 Ωmega');
      const error = await failure(login({ token: cluster.token() }, { as: 'x\r\nImpersonate-Group: system:masters' }));
      expect(error.code).toBe('USAGE');
    });

    test('a group without a user is a mistake of the command line', async () => {
      const error = await failure(login({ token: cluster.token() }, { asGroups: ['alto'] }));
      expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--as') });
    });

    test('who may not is told what is missing', async () => {
      const error = await failure(whoAmI({ token: cluster.token('eve') }, { as: 'admin' }));
      expect(error).toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringContaining('user "eve" may not impersonate users admin'),
      });
    });
  });

  describe('by a plugin', () => {
    const runs = async () => (await place.read('plugin/runs')).trim().split('\n').length;
    const exec = (change: object = {}, env: object = {}) => ({
      exec: {
        ...{ apiVersion: EXEC_API, command: './plugin/login.sh', args: null, interactiveMode: 'Never' },
        env: Object.entries({ CREDENTIALS: `${place.folder}/plugin`, ...env }).map(([name, value]) => ({
          name,
          value,
        })),
        ...change,
      },
    });

    beforeEach(async () => {
      await place.write('plugin/login.sh', PLUGIN, 0o700);
      await place.write('plugin/runs', '');
      await place.write('plugin/credential', credential({ token: cluster.token('eve') }));
    });

    test('named relative to the kubeconfig; it is run once for many requests', async () => {
      const store = await login(exec());
      const users = await Promise.all(Array.from({ length: 20 }, () => store.cluster?.user()));
      expect(new Set(users)).toEqual(new Set(['eve']));
      expect(await runs()).toBe(1);
    });

    test('named without a path, it is found in PATH', async () => {
      const env = { PATH: `${place.folder}/plugin:${process.env['PATH']}` };
      expect(await whoAmI(exec({ command: 'login.sh' }), { env })).toBe('eve');
    });

    test('it is told what kubectl tells it', async () => {
      const about = {
        'tls-server-name': 'localhost',
        extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
      };
      const store = await login(exec({ provideClusterInfo: true }), {}, about);
      expect(await store.cluster?.user()).toBe('eve');
      expect(JSON.parse(await place.read('plugin/info'))).toEqual({
        apiVersion: EXEC_API,
        kind: 'ExecCredential',
        spec: {
          interactive: false,
          cluster: { ...server, 'tls-server-name': 'localhost', config: { audience: 'a' } },
        },
      });
      expect(await whoAmI(exec())).toBe('eve');
      expect(JSON.parse(await place.read('plugin/info')).spec).toEqual({ interactive: false });
    });

    test('what it gives may be a certificate', async () => {
      await place.write('plugin/credential', credential({ clientCertificateData: pki.cert, clientKeyData: pki.key }));
      expect(await whoAmI(exec())).toBe('carol');
    });

    test('once it has expired it is asked again', async () => {
      const soon = new Date(Date.now() + 1500).toISOString();
      await place.write('plugin/credential', credential({ token: cluster.token('eve'), expirationTimestamp: soon }));
      const store = await login(exec());
      expect(await store.cluster?.user()).toBe('eve');
      await place.write('plugin/credential', credential({ token: cluster.token('frank') }));
      expect(await store.cluster?.user()).toBe('eve');
      await expect.poll(() => store.cluster?.user(), { timeout: 5000 }).toBe('frank');
      expect(await runs()).toBe(2);
    });

    test('once the server no longer takes it, it is asked again, once', async () => {
      await place.write('plugin/credential', credential({ token: 'revoked' }));
      const store = await login(exec());
      const error = await failure(store.cluster?.user() ?? Promise.resolve(), 'revoked');
      expect(error.code).toBe('UNAUTHENTICATED');
      expect(await runs()).toBe(2);
      await place.write('plugin/credential', credential({ token: cluster.token('frank') }));
      const users = await Promise.all(Array.from({ length: 10 }, () => store.cluster?.user()));
      expect(new Set(users)).toEqual(new Set(['frank']));
      expect(await runs()).toBe(3);
    });

    test.each<[string, object, object, string]>([
      ['fails', {}, { PLUGIN_EXIT: '3' }, 'exit code 3'],
      ['is not there', { command: './plugin/none.sh', installHint: 'install it from example.org' }, {}, 'ENOENT'],
      ['speaks another version', { apiVersion: 'client.authentication.k8s.io/v1beta1' }, {}, 'v1beta1'],
      ['wants a terminal', { interactiveMode: 'Always' }, {}, 'needs a terminal'],
    ])('one that %s: an error that names it', async (_, change, env, expected) => {
      const error = await failure(whoAmI(exec(change, env)), cluster.token('eve'));
      expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining(expected) });
      expect(error.message).toContain('plugin/');
      expect(error.hint).toContain(expected === 'ENOENT' ? 'install it from example.org' : 'kubectl');
    });

    test.each([
      '{"kind":"ExecCredential","token":"canary-in-output"',
      'canary-in-output',
      '[]',
      credential({ canary: 'canary-in-output' }),
    ])('what it prints is not quoted: %s', async (printed) => {
      await place.write('plugin/credential', printed);
      const error = await failure(whoAmI(exec()), 'canary-in-output');
      expect(error.code).toBe('UNAUTHENTICATED');
    });

    test('that takes longer than a request may: it is waited for, and an interruption ends it', async () => {
      expect(await whoAmI(exec({}, { PLUGIN_SECONDS: '1.5' }), { requestTimeoutMs: 1000 })).toBe('eve');
      const controller = new AbortController();
      const store = await login(exec({}, { PLUGIN_HANGS: 'yes' }), { signal: controller.signal });
      setTimeout(() => controller.abort(new PaletteKeysError('INTERRUPTED', 'ended by SIGINT', { hint: '' })), 300);
      const started = performance.now();
      await expect(store.cluster?.user()).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect(performance.now() - started).toBeLessThan(15_000);
    });
  });

  describe('by OpenID Connect', () => {
    const provider = (change: object = {}) => ({
      'auth-provider': {
        name: 'oidc',
        config: {
          ...{ 'idp-issuer-url': issuer.url, 'client-id': CLIENT_ID, 'client-secret': CLIENT_SECRET },
          ...{ 'idp-certificate-authority-data': base64(issuer.caPem) },
          ...{ 'id-token': issuer.idToken(3600), 'refresh-token': issuer.refreshToken },
          ...change,
        },
      },
    });

    test('with a token that is good', async () => {
      await expect.poll(() => whoAmI(provider()).catch(String), { timeout: 30_000, interval: 500 }).toBe('oidc:dora');
      expect(issuer.renewals).toEqual([]);
    });

    test('with one that has expired: it is renewed once, and stands in the kubeconfig, where kubectl finds it', async () => {
      const first = issuer.renewals.length;
      const before = issuer.refreshToken;
      const store = await login(provider({ 'id-token': issuer.idToken(-60) }));
      const users = await Promise.all(Array.from({ length: 10 }, () => store.cluster?.user()));
      expect(new Set(users)).toEqual(new Set(['oidc:dora']));
      expect(await store.cluster?.user()).toBe('oidc:dora');
      expect(issuer.renewals.slice(first)).toHaveLength(1);
      const renewal = issuer.renewals.at(-1);
      expect(renewal?.form.get('refresh_token')).toBe(before);
      expect(renewal?.authorization).toBe(`Basic ${base64(`${CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET)}`)}`);
      const kubeconfig = `${place.folder}/kubeconfig-${count}`;
      const { stdout } = await cluster.kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], {
        kubeconfig,
      });
      expect(stdout).toBe('oidc:dora');
      expect(await place.read(`kubeconfig-${count}`)).toContain(issuer.refreshToken);
      // And from there the next run goes on.
      expect(await (await open({ kubeconfig })).cluster?.user()).toBe('oidc:dora');
    });

    test('with nothing to renew it with, or something that was used before', async () => {
      const expired = issuer.idToken(-60);
      const none = await failure(whoAmI(provider({ 'id-token': expired, 'refresh-token': undefined })), expired);
      expect(none).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('OIDC') });
      const used = await failure(
        whoAmI(provider({ 'id-token': expired, 'refresh-token': 'used-token' })),
        expired,
        'used-token',
      );
      expect(used).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('invalid_grant') });
    });

    test('with a provider that kubectl no longer knows is refused', async () => {
      const error = await failure(
        whoAmI({ 'auth-provider': { name: 'gcp', config: { 'access-token': 'canary-token' } } }),
        'canary-token',
      );
      expect(error).toMatchObject({ code: 'KUBECONFIG_INVALID', message: expect.stringContaining('gcp') });
    });
  });

  describe('as a Pod', () => {
    const HERE = 'var/run/secrets/kubernetes.io/serviceaccount';

    test('with its service account, where there is no kubeconfig', async () => {
      await cluster.kubectl(['create', 'serviceaccount', 'pod']);
      const { stdout } = await cluster.kubectl(['create', 'token', 'pod']);
      await place.write(`pod/${HERE}/token`, stdout.trim());
      await place.write(`pod/${HERE}/ca.crt`, cluster.caPem);
      const { hostname, port } = new URL(cluster.url);
      const inPod = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, HOME: place.folder };
      vi.stubEnv('KUBERNETES_SERVICE_HOST', 'not-from-here');
      const store = await open({ env: inPod, podRoot: `${place.folder}/pod` });
      vi.unstubAllEnvs();
      expect(store.location).toContain('in-cluster');
      expect(await store.cluster?.user()).toBe('system:serviceaccount:default:pod');
      const named = await open({
        env: { ...inPod, KUBECONFIG: await cluster.kubeconfig('eve') },
        podRoot: `${place.folder}/pod`,
      });
      expect(await named.cluster?.user()).toBe('eve');
    });

    test('outside of one there is none', async () => {
      const error = await failure(open({ env: { HOME: place.folder }, podRoot: `${place.folder}/pod` }));
      expect(error).toMatchObject({ code: 'NO_STORE', hint: expect.stringMatching(/--dir PATH.*--kubeconfig/) });
    });
  });
});
