// Covers: src/adapters/kubernetes/json.ts, src/adapters/kubernetes/namespaces.ts, src/adapters/kubernetes/objects/

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KeyStore, NewObject } from '../../../src/ports/key-store.ts';
import { callApi } from '../../support/cluster/api.ts';
import { type Cluster, findAssetsOrSkip, startCluster } from '../../support/cluster.ts';
import { configMap, open, START_MS, secret, stored } from './bed.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('objects on a real API server', { timeout: START_MS }, () => {
  let cluster: Cluster;
  let store: KeyStore;
  let namespace: string;
  let count = 0;

  beforeAll(async () => {
    cluster = await startCluster({
      users: [{ name: 'eve' }],
      audit: [{ level: 'Request', resources: [{ group: '', resources: ['configmaps'] }] }],
    });
    store = await open({ kubeconfig: await cluster.kubeconfig() });
  }, START_MS);

  afterAll(() => cluster?.stop());

  beforeEach(async () => {
    count += 1;
    namespace = `objects-${count}`;
    await store.addNamespaces([namespace]);
  });

  async function kubectl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(['-n', namespace, ...args]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  const json = async (...args: string[]) => JSON.parse(await kubectl('get', '-o', 'json', ...args));

  test('a Secret is what kubectl sees, and nothing more', async () => {
    await store.create(secret(namespace, 'plain', { immutable: true }));
    const { metadata, ...rest } = await json('secret', 'plain', '--show-managed-fields');
    expect(rest).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      immutable: true,
      data: { key: 'AQIDBAUGBwgJCgsM' },
    });
    const { uid, resourceVersion, creationTimestamp, managedFields, ...ours } = metadata;
    const { ref, labels, annotations } = secret(namespace, 'plain');
    expect(ours).toEqual({ name: ref.name, namespace, labels, annotations });
    expect(managedFields).toMatchObject([{ manager: 'palette-keys', operation: 'Update' }]);
    expect((await stored(store, ref)).version).toBe(`${uid}/${resourceVersion}`);
  });

  test('a replacement leaves alone what others have put there', async () => {
    const object = configMap(namespace, 'shared', 'one');
    await store.create(object);
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u-1' };
    const patch = {
      metadata: { finalizers: ['example.org/keep'], ownerReferences: [owner] },
      binaryData: { 'logo.png': Buffer.from([255, 0]).toString('base64'), text2: Buffer.from('x').toString('base64') },
    };
    await kubectl('patch', 'configmap', 'shared', '--type=merge', '-p', JSON.stringify(patch));
    const before = await json('configmap', 'shared', '--show-managed-fields');
    const found = await stored(store, object.ref);
    expect(found.data).toEqual(object.data);
    const next = {
      ...object,
      data: { text: new TextEncoder().encode('two'), text2: new TextEncoder().encode('ours') },
    };
    expect(await store.replace(next, found.version)).toBe('replaced');
    const after = await json('configmap', 'shared', '--show-managed-fields');
    expect(after).toMatchObject({ data: { text: 'two', text2: 'ours' }, binaryData: { 'logo.png': '/wA=' } });
    expect(after.binaryData).not.toHaveProperty('text2');
    expect(after.metadata).toMatchObject({ finalizers: ['example.org/keep'], ownerReferences: [owner] });
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.metadata.managedFields.map(({ manager }: { manager: string }) => manager)).toContain('kubectl-patch');
    expect((await stored(store, object.ref)).data).toEqual(next.data);
  });

  test('labels, annotations and entries that are no longer wanted go', async () => {
    const object = secret(namespace, 'less', {
      annotations: { a: '1', b: '2' },
      data: { old: new Uint8Array([1]), key: new Uint8Array([2]) },
    });
    await store.create(object);
    const next: NewObject = { ...object, labels: {}, annotations: { b: '3' }, data: { key: new Uint8Array([3]) } };
    await store.replace(next, (await stored(store, object.ref)).version);
    const { metadata, data } = await json('secret', 'less');
    expect({ data, labels: metadata.labels, annotations: metadata.annotations }).toEqual({
      data: { key: 'Aw==' },
      labels: undefined,
      annotations: { b: '3' },
    });
  });

  test.each(['label', 'annotate'])('kubectl %s between read and replace is a conflict', async (verb) => {
    await store.create(secret(namespace, 'raced'));
    const { version } = await stored(store, secret(namespace, 'raced').ref);
    await kubectl(verb, 'secret', 'raced', 'somebody=else');
    expect(await store.replace(secret(namespace, 'raced', { data: {} }), version)).toBe('conflict');
    expect((await stored(store, secret(namespace, 'raced').ref)).data).not.toEqual({});
  });

  test('an object that was deleted and made anew is another one, even with the same bytes', async () => {
    const object = secret(namespace, 'reborn');
    await store.create(object);
    const { version } = await stored(store, object.ref);
    await kubectl('delete', 'secret', 'reborn');
    expect(await store.replace(object, version)).toBe('conflict');
    await store.create(object);
    expect((await stored(store, object.ref)).version).not.toBe(version);
    expect(await store.replace(object, version)).toBe('conflict');
  });

  test('of many writers that read, add and replace until it works, none is lost', async () => {
    const object = configMap(namespace, 'counter', '');
    await store.create(object);
    const stores = await Promise.all(
      Array.from({ length: 5 }, async () => open({ kubeconfig: await cluster.kubeconfig() })),
    );
    const add = async (client: KeyStore, mark: string): Promise<void> => {
      for (;;) {
        const { data, version } = await stored(client, object.ref);
        const text = `${new TextDecoder().decode(data['text'])}${mark}`;
        const next = { ...object, data: { text: new TextEncoder().encode(text) } };
        if ((await client.replace(next, version)) === 'replaced') return;
      }
    };
    const marks = Array.from({ length: 20 }, (_, n) => String.fromCharCode(65 + n));
    await Promise.all(marks.map((mark, n) => add(stores[n % stores.length] ?? store, mark)));
    const { data } = await stored(store, object.ref);
    expect([...new TextDecoder().decode(data['text'])].toSorted()).toEqual(marks);
  });

  test('a replacement is a PUT that names uid and resourceVersion', async () => {
    const object = configMap(namespace, 'precise', 'one');
    await store.create(object);
    const { version } = await stored(store, object.ref);
    await store.replace(configMap(namespace, 'precise', 'two'), version);
    const event = (await cluster.auditEvents()).find(
      ({ verb, objectRef }) => verb === 'update' && objectRef?.name === 'precise' && objectRef.namespace === namespace,
    );
    const sent = event?.['requestObject'] as { readonly metadata: { uid: string; resourceVersion: string } };
    expect(`${sent.metadata.uid}/${sent.metadata.resourceVersion}`).toBe(version);
    expect(event?.requestURI).toContain('fieldManager=palette-keys');
    expect(event?.['userAgent']).toMatch(/^palette-keys\//);
  });

  test('it lists in one namespace only, by label, and reads elsewhere by name only', async () => {
    await store.create(secret(namespace, 'own'));
    await store.list(namespace);
    await store.get(secret(namespace, 'own').ref);
    const lists = (await cluster.auditEvents()).filter(
      ({ verb, userAgent }) => verb === 'list' && String(userAgent).startsWith('palette-keys'),
    );
    expect(lists.length).toBeGreaterThan(0);
    for (const { requestURI } of lists) {
      expect(requestURI).toMatch(
        /^\/api\/v1\/namespaces\/[^/]+\/(secrets|configmaps)\?labelSelector=app\.kubernetes\.io%2Fmanaged-by%3Dpalette-keys&/,
      );
    }
  });

  describe('what the API server does not take', () => {
    test('an immutable object is never replaced, not even its labels', async () => {
      const object = secret(namespace, 'frozen', { immutable: true });
      await store.create(object);
      const { version } = await stored(store, object.ref);
      const replacing = store.replace({ ...object, labels: {} }, version);
      await expect(replacing).rejects.toMatchObject({
        code: 'REJECTED',
        message: expect.stringContaining('is immutable'),
      });
      expect((await stored(store, object.ref)).version).toBe(version);
    });

    test('another type is refused with a way out', async () => {
      await store.create(secret(namespace, 'typed'));
      const { version } = await stored(store, secret(namespace, 'typed').ref);
      const data = { 'tls.crt': new Uint8Array([1]), 'tls.key': new Uint8Array([2]) };
      const replacing = store.replace(secret(namespace, 'typed', { type: 'kubernetes.io/tls', data }), version);
      await expect(replacing).rejects.toMatchObject({
        code: 'REJECTED',
        message: expect.stringContaining('is of type Opaque, which cannot be changed to kubernetes.io/tls'),
        hint: expect.stringContaining(`kubectl delete secret typed -n ${namespace}`),
      });
    });

    test.each<[string, Partial<NewObject> & { readonly name?: string }, string]>([
      ['a name that is none', { name: 'No_Name' }, 'metadata.name'],
      ['a label that is none', { labels: { 'a b': 'c' } }, 'metadata.labels'],
      ['an entry whose name is none', { data: { 'a/b': new Uint8Array([1]) } }, 'data[a/b]'],
      [
        'a TLS Secret without a key',
        { type: 'kubernetes.io/tls', data: { 'tls.crt': new Uint8Array([1]) } },
        'tls.key',
      ],
      ['more than a mebibyte', { data: { key: new Uint8Array(1024 * 1024 + 1).fill(65) } }, 'Too long'],
    ])('%s: REJECTED, and it says where', async (_, { name = 'wrong', ...change }, where) => {
      const creating = store.create(secret(namespace, name, change));
      await expect(creating).rejects.toMatchObject({ code: 'REJECTED', message: expect.stringContaining(where) });
    });

    test('far more than a mebibyte', async () => {
      const creating = store.create(secret(namespace, 'huge', { data: { key: new Uint8Array(4 * 1024 * 1024) } }));
      await expect(creating).rejects.toMatchObject({ code: 'REJECTED' });
    });

    test('a policy that quotes the data does not make us quote it', async () => {
      const key = 'c2VjcmV0LWtleS1tYXRlcmlhbA';
      const policy = {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'talkative' },
        spec: {
          matchConstraints: {
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] }],
          },
          validations: [
            {
              expression: "object.metadata.name != 'quoted'",
              messageExpression: "'no ' + string(object.data.key) + ' today'",
            },
          ],
        },
      };
      const binding = {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: 'talkative' },
        spec: { policyName: 'talkative', validationActions: ['Deny'] },
      };
      for (const each of [policy, binding]) {
        expect(await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(each) })).toMatchObject({
          code: 0,
        });
      }
      const object = secret(namespace, 'quoted', { data: { key: new TextEncoder().encode(key) } });
      const dryRun = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'quoted' },
        data: { key: Buffer.from(key).toString('base64') },
      });
      const post = () =>
        callApi(`${cluster.url}/api/v1/namespaces/${namespace}/secrets?dryRun=All`, cluster.caPem, {
          method: 'POST',
          token: cluster.token(),
          body: dryRun,
        });
      // What the API server says does quote it.
      await expect
        .poll(async () => (await post()).body, { timeout: 30_000 })
        .toContain(`no ${Buffer.from(key).toString('base64')} today`);
      const error = await store.create(object).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: 'REJECTED', message: expect.stringContaining('no … today') });
      expect(String(error)).not.toContain(Buffer.from(key).toString('base64').slice(0, 8));
      expect(String(error)).not.toContain(key);
    });
  });

  describe('what is being deleted', () => {
    test('an object that a finalizer holds is neither replaced nor taken for free', async () => {
      const object = secret(namespace, 'dying');
      await store.create(object);
      await kubectl('patch', 'secret', 'dying', '--type=merge', '-p', '{"metadata":{"finalizers":["example.org/x"]}}');
      await kubectl('delete', 'secret', 'dying', '--wait=false');
      const { version } = await stored(store, object.ref);
      const expected = { code: 'CONFLICT', message: expect.stringContaining('is being deleted') };
      await expect(store.replace(object, version)).rejects.toMatchObject(expected);
      await expect(store.create(object)).rejects.toMatchObject(expected);
    });

    test('nothing is created in a namespace that goes, and it is not made anew', async () => {
      await kubectl('delete', 'namespace', namespace, '--wait=false');
      const expected = {
        code: 'CONFLICT',
        message: expect.stringContaining(`namespace ${namespace} is being deleted`),
      };
      await expect(store.create(secret(namespace, 'late'))).rejects.toMatchObject(expected);
      await expect(store.addNamespaces([namespace])).rejects.toMatchObject(expected);
      expect(await store.missingNamespaces([namespace])).toEqual([]);
    });
  });

  test('a namespace that is not there is an empty list, and an error to write to', async () => {
    expect(await store.list('nowhere')).toEqual([]);
    expect(await store.get(secret('nowhere', 'x').ref)).toBeUndefined();
    await expect(store.create(secret('nowhere', 'x'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('there is no namespace nowhere'),
      hint: expect.stringContaining('--create-namespaces'),
    });
  });

  test('a Secret of another type, and one without data, are read as they are', async () => {
    await kubectl(
      'create',
      'secret',
      'docker-registry',
      'registry',
      '--docker-username=u',
      '--docker-password=p',
      '--docker-server=s',
    );
    await kubectl('create', 'secret', 'generic', 'empty');
    expect(await stored(store, secret(namespace, 'registry').ref)).toMatchObject({
      type: 'kubernetes.io/dockerconfigjson',
      labels: {},
    });
    expect(await stored(store, secret(namespace, 'empty').ref)).toMatchObject({
      type: 'Opaque',
      data: {},
      immutable: false,
    });
  });
});
