// Covers: src/adapters/kubernetes/connect/choose.ts, src/adapters/kubernetes/connect/errors.ts
// Covers: src/adapters/kubernetes/connect/in-cluster.ts, src/adapters/kubernetes/connect/kubeconfig.ts
// Covers: src/adapters/kubernetes/connect/proxy.ts, src/adapters/kubernetes/open.ts, src/adapters/kubernetes/options.ts

import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseProxy } from '../../../../src/adapters/kubernetes/connect/proxy.ts';
import type { KubernetesOptions } from '../../../../src/adapters/kubernetes/options.ts';
import { PaletteKeysError } from '../../../../src/errors.ts';
import { findAssetsOrSkip } from '../../../support/cluster.ts';
import { open } from '../bed.ts';
import { kubeconfigText, makeWorkspace, type Workspace } from '../login-bed.ts';

const assets = findAssetsOrSkip();
const TOKEN = 'canary-token-0123456789';

let place: Workspace;

beforeAll(async () => {
  place = await makeWorkspace();
});

afterAll(() => place.dispose());

async function failure(work: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await work.then(
    (result) => new Error(`did not fail, but gave ${String(result)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PaletteKeysError)) throw error;
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(TOKEN);
  return error;
}

const locate = async (options: Partial<KubernetesOptions>) => (await open(options)).location;

/** Clusters `a`, `b` …: each named after itself, so that a location tells which one was chosen. */
function config(names: string, current: string | undefined, host: string): string {
  const all = [...names];
  return JSON.stringify({
    clusters: all.map((name) => ({ name, cluster: { server: `https://${name}.${host}` } })),
    users: all.map((name) => ({ name, user: { token: TOKEN } })),
    contexts: all.map((name) => ({ name, context: { cluster: name, user: name } })),
    ...(current === undefined ? {} : { 'current-context': current }),
  });
}

describe('which cluster is meant', () => {
  test('the current context, another one, and parts of it', async () => {
    const kubeconfig = await place.write('three', config('abc', 'b', 'one'));
    expect(await locate({ kubeconfig })).toBe('context b (https://b.one)');
    expect(await locate({ kubeconfig, context: 'c' })).toBe('context c (https://c.one)');
    expect(await locate({ kubeconfig, cluster: 'a' })).toBe('context b (https://a.one)');
    expect(await locate({ kubeconfig, user: 'c' })).toBe('context b (https://b.one)');
    const none = await place.write('no-current', config('ab', undefined, 'one'));
    expect(await locate({ kubeconfig: none, cluster: 'a', user: 'b' })).toBe('cluster a (https://a.one)');
  });

  test('--kubeconfig counts before KUBECONFIG, that before ~/.kube/config', async () => {
    const flag = await place.write('flag', config('a', 'a', 'flag'));
    const listed = await place.write('listed', config('a', 'a', 'listed'));
    await place.write('home/.kube/config', config('a', 'a', 'home'));
    const env = { HOME: `${place.folder}/home`, KUBECONFIG: listed };
    expect(await locate({ env, kubeconfig: flag })).toContain('a.flag');
    expect(await locate({ env })).toContain('a.listed');
    expect(await locate({ env: { HOME: env.HOME } })).toContain('a.home');
    expect(await locate({ env: { ...env, KUBECONFIG: '' } })).toContain('a.home');
  });

  test('of the files of KUBECONFIG those that are there; the first one to name something decides', async () => {
    const first = await place.write('first', config('ab', undefined, 'first'));
    const second = await place.write('second', config('bc', 'b', 'second'));
    const third = await place.write('third', config('c', 'c', 'third'));
    const env = { KUBECONFIG: ['', first, `${place.folder}/nowhere`, second, third].join(':') };
    expect(await locate({ env })).toBe('context b (https://b.first)');
    expect(await locate({ env, context: 'c' })).toBe('context c (https://c.second)');
  });

  test.skipIf(assets === undefined)('is the one that kubectl means', async () => {
    const first = await place.write('k1', config('ab', undefined, 'first'));
    const second = await place.write('k2', config('bcd', 'd', 'second'));
    const third = await place.write('k3', config('de', 'e', 'third'));
    const env = { KUBECONFIG: [first, second, third].join(':') };
    const { stdout } = spawnSync(assets?.kubectl ?? '', ['config', 'view', '-o', 'json'], { env, encoding: 'utf8' });
    const view = JSON.parse(stdout);
    expect(await locate({ env })).toContain(`context ${view['current-context']} `);
    for (const { name, cluster } of view.clusters) {
      expect(await locate({ env, context: name })).toBe(`context ${name} (${cluster.server})`);
    }
  });

  test('a context without a cluster, and a cluster without a server, disturb no other one', async () => {
    const incomplete = {
      clusters: [
        { name: 'c', cluster: { server: 'https://c.one' } },
        { name: 'empty', cluster: {} },
      ],
      users: [{ name: 'u', user: {} }, { name: 'nothing' }],
      contexts: [
        { name: 'good', context: { cluster: 'c', user: 'u' } },
        { name: 'bad', context: { namespace: 'x' } },
      ],
      'current-context': 'good',
    };
    const kubeconfig = await place.write('incomplete', JSON.stringify(incomplete));
    expect(await locate({ kubeconfig })).toBe('context good (https://c.one)');
    expect((await failure(locate({ kubeconfig, context: 'bad' }))).code).toBe('NO_STORE');
  });

  test('anchors, comments, folded lines and what kubectl leaves empty are read', async () => {
    const text = `# mine
apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster: &here
    server: >-
      https://yaml.one
  name: "c"
- {name: d, cluster: *here}
contexts:
- context: {cluster: d, user: ""}
  name: x
current-context: x
users: null
`;
    expect(await locate({ kubeconfig: await place.write('yaml', text) })).toBe('context x (https://yaml.one)');
  });
});

describe('what is wrong is said, and never quoted', () => {
  test.each([
    [
      'no kubeconfig anywhere',
      { env: { HOME: '/nonexistent' } },
      /no cluster is in reach.*\/nonexistent\/\.kube\/config/,
    ],
    ['no home either', { env: {} }, /no cluster is in reach/],
    ['a file that is not there', { kubeconfig: '/nonexistent/config' }, /\/nonexistent\/config/],
    [
      'a list of files that are not there',
      { env: { KUBECONFIG: '/nonexistent/a:/nonexistent/b' } },
      /nonexistent\/a.*nonexistent\/b/,
    ],
  ])('%s: NO_STORE, with both ways out', async (_, options, expected) => {
    const error = await failure(locate(options));
    expect(error).toMatchObject({ code: 'NO_STORE', exit: 1, message: expect.stringMatching(expected) });
    expect(error.hint).toMatch(/--dir PATH.*--kubeconfig/);
  });

  test.each([
    ['an empty file', '', {}, 'NO_STORE'],
    ['a file with a comment only', '# nothing\n', {}, 'NO_STORE'],
    ['no current context', config('ab', undefined, 'one'), {}, 'NO_STORE'],
    ['a current context that is not there', config('ab', 'x', 'one'), {}, 'NO_STORE'],
    ['a context that is not there', config('ab', 'a', 'one'), { context: 'x' }, 'NO_STORE'],
    ['a cluster that is not there', config('ab', 'a', 'one'), { cluster: 'x' }, 'NO_STORE'],
    ['a user that is not there', config('ab', 'a', 'one'), { user: 'x' }, 'NO_STORE'],
    ['what is not YAML', `users:\n- name: x\n   user: {token: ${TOKEN}\n`, {}, 'KUBECONFIG_INVALID'],
    ['a tab', `users:\n\t- token: ${TOKEN}\n`, {}, 'KUBECONFIG_INVALID'],
    ['a list', `- ${TOKEN}\n`, {}, 'KUBECONFIG_INVALID'],
    ['a text', `${TOKEN}\n`, {}, 'KUBECONFIG_INVALID'],
    [
      'a bomb of aliases',
      `a: &a [${TOKEN}]\n${[...'bcdefghijk'].map((name, n) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[n]}`).join(', ')}]`).join('\n')}\n`,
      {},
      'KUBECONFIG_INVALID',
    ],
    [
      'a token with a line end',
      kubeconfigText({ server: 'https://x' }, { token: `${TOKEN}\n` }),
      {},
      'KUBECONFIG_INVALID',
    ],
  ])('%s', async (_, text, options, code) => {
    const kubeconfig = await place.write('broken', text);
    expect((await failure(locate({ kubeconfig, ...options }))).code).toBe(code);
  });

  test('a name that is not there: those that are', async () => {
    const kubeconfig = await place.write('names', config('abc', 'a', 'one'));
    const error = await failure(locate({ kubeconfig, context: 'x' }));
    expect(error).toMatchObject({ message: expect.stringContaining('no context x'), hint: 'there are: a, b, c' });
  });

  test('a file that cannot be read', async () => {
    const error = await failure(locate({ kubeconfig: place.folder }));
    expect(error).toMatchObject({ code: 'KUBECONFIG_INVALID', message: expect.stringContaining('EISDIR') });
  });
});

describe('whether a proxy is used', () => {
  const PROXY = 'http://proxy.example:3128/';

  test.each([
    ['https://10.1.2.3:6443', '10.0.0.0/8', undefined],
    ['https://11.1.2.3:6443', '10.0.0.0/8', PROXY],
    ['https://10.1.2.3:6443', '10.1.2.3', undefined],
    ['https://10.1.2.3:6443', '10.1.2.3:6443', undefined],
    ['https://10.1.2.3:6443', '10.1.2.3:443', PROXY],
    ['https://10.1.2.3', '10.1.2.3:443', undefined],
    ['https://[fd00::1]:6443', 'fd00::/8', undefined],
    ['https://[fd00::1]:6443', '[fd00::1]:6443', undefined],
    ['https://[fd00::1]:6443', 'fd00::2', PROXY],
    ['https://10.1.2.3', '10.1.2.0/33,nonsense/8,/,10', PROXY],
    ['https://127.0.0.1:6443', '', undefined],
    ['https://127.9.9.9:6443', '', undefined],
    ['https://[::1]:6443', '', undefined],
    ['https://localhost:6443', '', undefined],
    ['https://localhost.example:6443', '', PROXY],
    ['https://api.example.org.:6443', 'example.org', undefined],
    ['https://API.Example.ORG:6443', ' foo , example.org ', undefined],
    ['https://example.org', '.example.org', PROXY],
    ['https://badexample.org', 'example.org', PROXY],
  ])('for %s with NO_PROXY=%s', (server, noProxy, expected) => {
    expect(chooseProxy(new URL(server), undefined, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy })).toBe(expected);
    expect(chooseProxy(new URL(server), undefined, { https_proxy: PROXY, no_proxy: noProxy })).toBe(expected);
  });

  test('http servers have a variable of their own', () => {
    const env = { HTTPS_PROXY: 'http://s:1/', HTTP_PROXY: 'http://p:1/' };
    expect(chooseProxy(new URL('http://x'), undefined, env)).toBe('http://p:1/');
    expect(chooseProxy(new URL('https://x'), undefined, env)).toBe('http://s:1/');
    expect(chooseProxy(new URL('https://x'), undefined, { HTTP_PROXY: 'http://p:1/' })).toBeUndefined();
  });
});
