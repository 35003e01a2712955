import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, findAssetsOrSkip, startCluster } from '../support/cluster.ts';

const assets = findAssetsOrSkip();
const START_MS = 180_000;
const KEY = Buffer.alloc(32, 7).toString('base64');
const AUDIT = [{ level: 'Request', resources: [{ group: '', resources: ['configmaps'] }] }] as const;
const ENCRYPTION = JSON.stringify({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [
    { resources: ['secrets'], providers: [{ aesgcm: { keys: [{ name: 'k1', secret: KEY }] } }, { identity: {} }] },
  ],
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Of this test file; other files may have clusters of their own at the same time. */
function clusterFolders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`palette-keys-cluster-${process.pid}-`));
}

describe.skipIf(assets === undefined)('a test cluster', { timeout: START_MS }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ users: [{ name: 'eve', groups: ['outsiders'] }], audit: AUDIT });
  }, START_MS);

  afterAll(() => cluster?.stop());

  test('is of the version that go.mod names', async () => {
    const { stdout } = await cluster.kubectl(['version', '-o', 'json']);
    const { clientVersion, serverVersion } = JSON.parse(stdout);
    expect(serverVersion).toMatchObject({ major: '1', gitVersion: clientVersion.gitVersion });
    expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/);
  });

  test('keeps a Secret in etcd, in the clear', async () => {
    const made = await cluster.kubectl(['create', 'secret', 'generic', 'plain', '--from-literal=word=canary-in-etcd']);
    expect(made).toMatchObject({ code: 0, stdout: 'secret/plain created\n' });
    const [entry, ...others] = await cluster.etcdGet('/registry/secrets/default/plain');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ key: '/registry/secrets/default/plain', version: 1 });
    expect(entry?.value.includes('canary-in-etcd')).toBe(true);
  });

  test('hands what lies in etcd out whole, however much it is', async () => {
    const create = async (index: number) => {
      const data = { filler: Buffer.alloc(700_000, index).toString('base64') };
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `large-${index}` }, data };
      return cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(secret) });
    };
    for (let index = 0; index < 8; index += 1) expect(await create(index)).toMatchObject({ code: 0 });
    expect(await cluster.etcdGet('/registry/secrets/default/large-')).toHaveLength(8);
  });

  test('forbids what no role allows', async () => {
    const { code, stderr } = await cluster.kubectl(['get', 'secrets'], { user: 'eve' });
    expect(code).toBe(1);
    expect(stderr).toContain('User "eve" cannot list resource "secrets"');
  });

  test('lets a user do what a role allows', async () => {
    await cluster.kubectl(['create', 'role', 'reader', '--verb=get,list', '--resource=configmaps']);
    await cluster.kubectl(['create', 'rolebinding', 'outsiders', '--role=reader', '--group=outsiders']);
    const read = () => cluster.kubectl(['get', 'configmaps'], { user: 'eve' });
    await expect.poll(read, { timeout: 10_000 }).toMatchObject({ code: 0 });
  });

  test('gives out service account tokens that log in', async () => {
    await cluster.kubectl(['create', 'serviceaccount', 'robot']);
    const { stdout } = await cluster.kubectl(['create', 'token', 'robot']);
    const kubeconfig = await cluster.kubeconfig('admin', { token: stdout.trim() });
    const who = await cluster.kubectl(['auth', 'whoami'], { kubeconfig });
    expect(who.stdout).toContain('system:serviceaccount:default:robot');
  });

  test('honours a ValidatingAdmissionPolicy', async () => {
    const input = readFileSync(new URL('bed-policy.yaml', import.meta.url), 'utf8');
    expect(await cluster.kubectl(['create', '-f', '-'], { input })).toMatchObject({ code: 0 });
    const create = () => cluster.kubectl(['create', 'secret', 'generic', 'forbidden-name', '--dry-run=server']);
    await expect.poll(async () => (await create()).stderr, { timeout: 30_000 }).toContain('not under this name');
  });

  test('honours pod security admission', async () => {
    await cluster.kubectl(['create', 'namespace', 'strict']);
    await cluster.kubectl(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted']);
    const { code, stderr } = await cluster.kubectl(['run', 'pod', '--image=none', '-n', 'strict']);
    expect(code).toBe(1);
    expect(stderr).toContain('violates PodSecurity "restricted:latest"');
  });

  test('records who asked for what', async () => {
    await cluster.kubectl(['get', 'secret', 'plain'], { user: 'eve' });
    const events = await cluster.auditEvents();
    expect(events).toContainEqual(
      expect.objectContaining({
        verb: 'get',
        user: expect.objectContaining({ username: 'eve' }),
        objectRef: expect.objectContaining({ resource: 'secrets', namespace: 'default', name: 'plain' }),
        responseStatus: expect.objectContaining({ code: 403 }),
      }),
    );
  });

  test('records as much as a rule asks for', async () => {
    await cluster.kubectl(['create', 'configmap', 'recorded', '--from-literal=word=canary-in-audit']);
    await cluster.kubectl(['create', 'secret', 'generic', 'unrecorded', '--from-literal=word=canary-in-audit']);
    const telling = (await cluster.auditEvents()).filter((event) => JSON.stringify(event).includes('canary-in-audit'));
    expect(telling.map((event) => event.objectRef?.name)).toEqual(['recorded']);
  });

  test('writes kubeconfigs that only their owner can read', async () => {
    expect(statSync(await cluster.kubeconfig('eve')).mode & 0o777).toBe(0o600);
    await expect(cluster.kubeconfig('nobody')).rejects.toThrow('no user nobody; it has admin, eve');
  });

  test('comes back at the same address with encryption switched on', async () => {
    const secret = ['create', 'secret', 'generic', 'sealed', '--from-literal=word=canary-in-etcd'];
    await cluster.restartApiServer({ encryptionConfig: ENCRYPTION });
    expect(await cluster.kubectl(secret)).toMatchObject({ code: 0 });
    const [entry] = await cluster.etcdGet('/registry/secrets/default/sealed');
    expect(entry?.value.toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:k1:/);
    expect(entry?.value.includes('canary')).toBe(false);
    expect(await cluster.kubectl(['get', 'secret', 'plain', 'sealed'])).toMatchObject({ code: 0 });
  });
});

describe.skipIf(assets === undefined)('the life of a test cluster', { timeout: START_MS }, () => {
  test('with controllers, namespaces are emptied and removed; stopped, nothing is left', async () => {
    const cluster = await startCluster({ controllerManager: true });
    const { pids, folder } = cluster;
    try {
      await cluster.kubectl(['create', 'namespace', 'short-lived']);
      await cluster.kubectl(['create', 'secret', 'generic', 'inside', '-n', 'short-lived']);
      expect(await cluster.kubectl(['delete', 'namespace', 'short-lived'])).toMatchObject({ code: 0 });
      expect(await cluster.etcdGet('/registry/secrets/short-lived/')).toEqual([]);
    } finally {
      await cluster.stop();
    }
    expect(pids).toHaveLength(3);
    expect(pids.filter(runs)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test('when the test process is killed, the cluster ends with it', async () => {
    const script = fileURLToPath(new URL('bed-victim.ts', import.meta.url));
    const victim = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(victim.stdout, 'data');
    const { pids, folder } = JSON.parse(String(line));
    expect(pids.filter(runs)).toHaveLength(2);
    victim.kill('SIGKILL');
    await expect.poll(() => pids.filter(runs), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  });

  test('ends at once where it cannot start, which says why and leaves nothing', async () => {
    const before = clusterFolders();
    const failing = startCluster({ apiServerArgs: ['--no-such-flag'] });
    await expect(failing).rejects.toThrow(/kube-apiserver did not start[\s\S]*unknown flag: --no-such-flag/);
    expect(clusterFolders()).toEqual(before);
  });
});
