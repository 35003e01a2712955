// Covers: src/adapters/kubernetes/api/explain-refusal.ts, src/adapters/kubernetes/cluster.ts

import { beforeAll, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { AccessNeed } from '../../../src/ports/cluster.ts';
import type { KeyStore } from '../../../src/ports/key-store.ts';
import { sharedCluster } from '../../support/cluster/shared.ts';
import { waitUntil } from '../../support/cluster/wait.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../support/cluster.ts';
import { configMap, HOLDER, open, START_MS, secret, stored } from './bed.ts';

const assets = findAssetsOrSkip();
const NAMESPACE = 'default';
const REF = secret(NAMESPACE, 'guarded').ref;

function need(verb: AccessNeed['verb'], resource: AccessNeed['resource'], name?: string): AccessNeed {
  const group = resource === 'leases' ? 'coordination.k8s.io' : '';
  return { verb, group, resource, name, namespace: resource === 'namespaces' ? undefined : NAMESPACE };
}

describe.skipIf(assets === undefined)('access to a real API server', { timeout: START_MS }, () => {
  let cluster: SomeCluster;
  let admin: KeyStore;

  beforeAll(async () => {
    cluster = await sharedCluster();
    admin = await as('admin');
    await admin.create(secret(NAMESPACE, 'guarded'));
    await admin.create(secret(NAMESPACE, 'unnamed'));
    const grant = async (role: string, subject: string, ...rules: string[]) => {
      await cluster.kubectl(['create', 'role', role, ...rules]);
      await cluster.kubectl(['create', 'rolebinding', role, `--role=${role}`, subject]);
    };
    await grant('reader', '--group=robins', '--verb=get', '--resource=secrets', '--resource-name=guarded');
    await grant('writer', '--user=pat', '--verb=get,create', '--resource=secrets');
    const robin = await as('robin');
    const allowed = () => robin.get(REF).then(() => true);
    await waitUntil(allowed, { what: 'the roles to be effective', timeoutMs: 10_000 });
  }, START_MS);

  const as = async (user: string) => open({ kubeconfig: await cluster.kubeconfig(user) });

  async function denial(work: Promise<unknown>): Promise<PaletteKeysError> {
    const error = await work.then(
      (result) => new Error(`allowed: ${JSON.stringify(result)}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof PaletteKeysError)) throw error;
    expect(error.code).toBe('PERMISSION_DENIED');
    return error;
  }

  test.each<[string, (store: KeyStore) => Promise<unknown>, string | RegExp]>([
    ['get', (store) => store.get(REF), 'user "eve" may not get secrets guarded in namespace default'],
    ['get of nothing', (store) => store.get({ ...REF, name: 'none' }), 'may not get secrets none in namespace default'],
    ['list', (store) => store.list(NAMESPACE), /may not list (secrets|configmaps) in namespace default/],
    ['list of nothing', (store) => store.list('nowhere'), /may not list (secrets|configmaps) in namespace nowhere/],
    ['create', (store) => store.create(secret(NAMESPACE, 'new')), 'may not create secrets new in namespace default'],
    ['replace', (store) => store.replace(secret(NAMESPACE, 'guarded'), 'x/1'), 'may not get secrets guarded'],
    ['a namespace', (store) => store.addNamespaces(['eves']), 'may not create namespaces eves in the cluster'],
    ['the lock', (store) => store.lock(HOLDER), 'may not get leases palette-keys in namespace ledger'],
  ])('who may nothing is told so: %s', async (_, operation, expected) => {
    const error = await denial(operation(await as('eve')));
    expect(error.message).toMatch(expected);
    expect(error.message).toContain(`context test (${cluster.url})`);
    expect(error.hint).toContain('kubectl auth can-i --list');
  });

  test('who may read and create, but not update, is told so at the update', async () => {
    const { version } = await stored(admin, REF);
    const error = await denial((await as('pat')).replace(secret(NAMESPACE, 'guarded', { data: {} }), version));
    expect(error.message).toContain('user "pat" may not update secrets guarded in namespace default');
    expect((await stored(admin, REF)).version).toBe(version);
  });

  test('a right to one name is enough for it', async () => {
    const robin = await as('robin');
    expect(await robin.get(REF)).toMatchObject({ ref: REF });
    await denial(robin.get({ ...REF, name: 'unnamed' }));
  });

  test('who may not look at namespaces is not told that they are missing', async () => {
    expect(await (await as('eve')).missingNamespaces(['default', 'nowhere'])).toEqual([]);
    expect(await admin.missingNamespaces(['default', 'nowhere'])).toEqual(['nowhere']);
  });

  test('a refusal by admission is told from one by RBAC', async () => {
    await cluster.kubectl(['create', 'namespace', 'tight']);
    await cluster.kubectl(['create', 'quota', 'none', '--hard=count/secrets=0', '-n', 'tight']);
    // Without controllers, the quota's state is up to us.
    const status = JSON.stringify({ status: { hard: { 'count/secrets': '0' }, used: { 'count/secrets': '0' } } });
    const patch = ['patch', 'quota', 'none', '-n', 'tight', '--subresource=status', '--type=merge', '-p', status];
    expect(await cluster.kubectl(patch)).toMatchObject({ code: 0 });
    const dryRun = () => cluster.kubectl(['create', 'secret', 'generic', 'x', '-n', 'tight', '--dry-run=server']);
    await expect.poll(async () => (await dryRun()).stderr, { timeout: 20_000 }).toContain('exceeded quota');
    const creating = () =>
      admin.create(secret('tight', 'over', { data: { key: new TextEncoder().encode('never-quoted') } }));
    const error = await denial(creating());
    expect(error.message).toContain('exceeded quota: none');
    expect(error.hint).toContain('quota');
  });

  test('a quota that many creates count against at once loses none of them', async () => {
    await cluster.kubectl(['create', 'namespace', 'counted']);
    await cluster.kubectl(['create', 'quota', 'many', '--hard=count/configmaps=500', '-n', 'counted']);
    const status = JSON.stringify({
      status: { hard: { 'count/configmaps': '500' }, used: { 'count/configmaps': '0' } },
    });
    const patch = ['patch', 'quota', 'many', '-n', 'counted', '--subresource=status', '--type=merge', '-p', status];
    expect(await cluster.kubectl(patch)).toMatchObject({ code: 0 });
    const others = await Promise.all(Array.from({ length: 4 }, () => as('admin')));
    const creating = Array.from({ length: 60 }, (_, n) =>
      (others[n % 4] ?? admin).create(configMap('counted', `counted-${n}`)),
    );
    expect(new Set(await Promise.all(creating))).toEqual(new Set(['created']));
  });

  describe('what only a cluster can tell', () => {
    test('its version', async () => {
      const { stdout } = await cluster.kubectl(['version', '-o', 'json']);
      expect(await admin.cluster?.version()).toBe(JSON.parse(stdout).serverVersion.gitVersion);
    });

    test('its clock', async () => {
      const now = await admin.cluster?.now();
      expect(Math.abs((now?.getTime() ?? 0) - Date.now())).toBeLessThan(15_000);
    });

    test('the user, as it sees them', async () => {
      expect(await (await as('eve')).cluster?.user()).toBe('eve');
      await cluster.kubectl(['create', 'serviceaccount', 'robot']);
      const { stdout } = await cluster.kubectl(['create', 'token', 'robot']);
      const robot = await open({ kubeconfig: await cluster.kubeconfig('admin', { token: stdout.trim() }) });
      expect(await robot.cluster?.user()).toBe('system:serviceaccount:default:robot');
    });

    test('which rights are missing, in the order in which they were asked for, using none of them', async () => {
      const needs = [
        need('get', 'secrets', 'guarded'),
        need('get', 'secrets', 'unnamed'),
        need('list', 'secrets'),
        need('create', 'secrets'),
        need('update', 'leases', 'palette-keys'),
        need('get', 'namespaces', 'default'),
      ];
      expect(await admin.cluster?.denied(needs)).toEqual([]);
      expect(await (await as('eve')).cluster?.denied(needs)).toEqual(needs);
      expect(await (await as('robin')).cluster?.denied(needs)).toEqual(needs.slice(1));
      expect(await (await as('pat')).cluster?.denied(needs)).toEqual([needs[2], ...needs.slice(4)]);
      expect(await admin.cluster?.denied([])).toEqual([]);
    });

    test('hundreds of rights are asked for at once', async () => {
      const needs = Array.from({ length: 300 }, (_, n) => need('get', 'secrets', `name-${n}`));
      expect(await (await as('robin')).cluster?.denied(needs)).toEqual(needs);
    });

    test('an Event stands in the namespace of its object, where kubectl shows it', async () => {
      await admin.cluster?.event(REF, 'KeyRotated', 'a new version is active');
      const { stdout } = await cluster.kubectl(['get', 'events', '-o', 'json']);
      expect(JSON.parse(stdout).items).toMatchObject([
        {
          involvedObject: { kind: 'Secret', namespace: NAMESPACE, name: 'guarded' },
          ...{ type: 'Normal', reason: 'KeyRotated', action: 'KeyRotated', message: 'a new version is active' },
          ...{ reportingComponent: 'palette-keys', reportingInstance: 'test-host' },
        },
      ]);
      const shown = await cluster.kubectl(['events', '--for=secret/guarded']);
      expect(shown.stdout).toContain('a new version is active');
    });

    test('an Event that cannot be recorded disturbs nobody', async () => {
      await (await as('eve')).cluster?.event(REF, 'KeyRotated', 'nobody sees it');
      await admin.cluster?.event({ ...REF, namespace: 'nowhere' }, 'KeyRotated', 'nor this');
      await admin.cluster?.event(REF, 'KeyRotated', 'x'.repeat(5000));
      const { stdout } = await cluster.kubectl(['get', 'events', '-o', 'name']);
      expect(stdout.trim().split('\n')).toHaveLength(2);
    });
  });
});
