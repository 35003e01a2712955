/** `palette-keys tenant` against a server of MongoDB's protocol, with TLS by the internal CA and SCRAM-SHA-256. */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BSON } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { haveMongodbOrSkip } from '../../support/mongodb/server.ts';
import { fileWith, newPath } from '../../support/program.ts';
import { entryOf, install, PLATFORM } from './store.ts';
import { startCutter, startTenantsBed, type TenantsBed } from './tenants-bed.ts';
import { haveTools } from './tools.ts';

const TENANTS = 2000;
const ids = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);

describe.skipIf(!haveMongodbOrSkip() || !haveTools('python3'))('tenant', { timeout: 60_000 }, () => {
  let bed: TenantsBed;
  let keys: ReadonlyMap<string, string>;

  beforeAll(async () => {
    bed = await startTenantsBed();
    const file = fileWith(`${ids.join('\n')}\n`, 'ids.txt');
    const added = await bed.tenant(bed.first, ['add', '--from', file, '-o', 'json']);
    expect([added.code, added.stderr]).toEqual([0, '']);
    expect(JSON.parse(added.stdout)).toMatchObject({ kind: 'TenantList', added: { length: TENANTS }, existing: [] });
    keys = await bed.keys();
  }, 60_000);

  afterAll(() => bed?.server.stop());

  it('makes keys that the reader of the docs opens, every one another, of the length of the spec', () => {
    expect(new Set(keys.values()).size).toBe(TENANTS);
    for (const key of keys.values()) expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect([...keys.keys()].sort()).toEqual([...ids].sort());
  });

  it('add keeps a tenant that is there, so that a retry does no harm', async () => {
    const { code, stdout } = await bed.tenant(bed.first, ['add', 'tenant-1', '-o', 'json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { added: [], existing: ['tenant-1'] }]);
    expect((await bed.keys()).get('tenant-1')).toBe(keys.get('tenant-1'));
  });

  it('verify opens every key, and shows none', async () => {
    const { code, stdout } = await bed.tenant(bed.first, ['verify', '-o', 'json']);
    const { v1 } = bed.kids();
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      {
        kind: 'TenantList',
        counts: { total: TENANTS, byKid: { [v1]: TENANTS }, malformed: 0, unopenable: 0 },
        failures: [],
      },
    ]);
    expect(JSON.parse(stdout)).not.toHaveProperty('tenants');
  });

  it('list names tenants and kids', async () => {
    const { code, stdout } = await bed.tenant(bed.first, ['list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^tenant-7 +64 +${bed.kids().v1} +\\d{4}-`, 'm'));
    expect(stdout).toContain(`${TENANTS} tenants in MongoDB at localhost:${bed.server.port}, hubbledb.tenantKeys`);
  });

  it('list gives every tenant once, in the order of the ids, as the same document in JSON and YAML', async () => {
    const { code, stdout } = await bed.tenant(bed.first, ['list', '-o', 'json']);
    const document = JSON.parse(stdout);
    expect([code, stdout]).toEqual([0, `${JSON.stringify(document, undefined, 2)}\n`]);
    expect(document).toMatchObject({ apiVersion: 'palette-keys/v1', kind: 'TenantList', counts: { total: TENANTS } });
    expect(document.tenants.map(({ tenant }: { tenant: string }) => tenant)).toEqual([...ids].sort());
    expect(parse((await bed.tenant(bed.first, ['list', '-o', 'yaml'])).stdout)).toEqual(document);
    const rows = (await bed.tenant(bed.first, ['list'])).stdout.split('\n').slice(1, TENANTS + 1);
    expect(rows.map((row) => row.split(' ')[0])).toEqual([...ids].sort());
  });

  it('a document under a root key that the store does not know is refused (5), and nothing is rewrapped', async () => {
    await bed.tenant(bed.second, ['add', 'of-the-future']);
    for (const args of [['verify'], ['rewrap', '--yes'], ['rewrap', '--dry-run']]) {
      const { code, stdout } = await bed.tenant(bed.first, args);
      expect([args, code, stdout]).toEqual([
        args,
        5,
        expect.stringContaining('TENANT_KID_UNKNOWN tenant/of-the-future'),
      ]);
    }
    expect((await bed.counts())[bed.kids().v1]).toBe(TENANTS);
    const added = await bed.tenant(bed.first, ['add', 'beside-it']);
    expect([added.code, added.stderr]).toEqual([5, expect.stringContaining('into an empty store')]);
    expect((await bed.keys()).has('beside-it')).toBe(false);
    await bed.tenant(bed.second, ['remove', 'of-the-future', '--no-backup', '--yes']);
  });

  it('rewrap without a terminal asks for --yes, and --dry-run only says what would be done', async () => {
    const refused = await bed.tenant(bed.second, ['rewrap']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('give --yes')]);
    const dry = await bed.tenant(bed.second, ['rewrap', '--dry-run', '-o', 'json']);
    expect([dry.code, JSON.parse(dry.stdout)]).toMatchObject([
      0,
      { kind: 'RewrapResult', due: TENANTS, rewrapped: 0, dryRun: true },
    ]);
    expect(await bed.counts()).toEqual({ [bed.kids().v1]: TENANTS });
  });

  it('loses no key when killed, cut off and shared by four shards, while tenants come and go', async () => {
    const { v2 } = bed.kids();
    const addLate = await bed.lateTenants(['late-1', 'late-2']);
    for (const enough of [1, 600, 1200]) {
      const running = bed.startTenant(bed.second, ['rewrap', '--yes', '-q']);
      while (((await bed.counts())[v2] ?? 0) < enough) await sleep(20);
      running.kill('SIGKILL');
      expect((await running.outcome).signal).toBe('SIGKILL');
    }
    const relay = await startCutter(bed.server.port, [120_000, 60_000]);
    const cut = await bed.tenant(bed.second, ['rewrap', '--yes'], `mongodb://localhost:${relay.port}/hubbledb`);
    await relay.stop();
    expect([0, 1]).toContain(cut.code);
    if (cut.code === 1) expect(cut.stderr).toMatch(/the server cannot be reached, or went away|the server failed/);
    const [, removed, ...shards] = await Promise.all([
      Promise.all(['late-1', 'late-2'].map(addLate)),
      bed.tenant(bed.second, ['remove', 'tenant-0', '--yes', '--backup', newPath('gone.json')]),
      ...[0, 1, 2, 3].map((i) => bed.tenant(bed.second, ['rewrap', '--yes', '--shard', `${i}/4`, '-o', 'json'])),
    ]);
    expect([0, 1]).toContain(removed.code);
    expect(shards.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const last = await bed.tenant(bed.second, ['rewrap', '--yes']);
    expect(last.code).toBe(0);
    const after = await bed.keys();
    expect(await bed.counts()).toEqual({ [v2]: after.size });
    for (const id of ids.slice(1)) expect([id, after.get(id)]).toEqual([id, keys.get(id)]);
    expect([...after.keys()].filter((id) => id.startsWith('late'))).toEqual(['late-1', 'late-2']);
  });

  it('remove writes the documents to a new file of ours alone, that the driver reads; and only then removes', async () => {
    const file = newPath('removed.json');
    const before = (await bed.keys()).get('tenant-2');
    const missing = await bed.tenant(bed.second, ['remove', 'tenant-2', '--yes']);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('--no-backup')]);
    const { code, stdout } = await bed.tenant(bed.second, [
      'remove',
      'tenant-2',
      'nobody',
      '--yes',
      '--backup',
      file,
      '-o',
      'json',
    ]);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { removed: ['tenant-2'], missing: ['nobody'], file }]);
    expect((await bed.keys()).has('tenant-2')).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await bed.tenant(bed.second, ['remove', 'tenant-3', '--yes', '--backup', file]);
    expect([again.code, (await bed.keys()).has('tenant-3')]).toEqual([2, true]);
    const document = BSON.EJSON.parse(readFileSync(file, 'utf8'));
    await bed.server.client.db('hubbledb').collection('tenantKeys').insertOne(document);
    expect((await bed.keys()).get('tenant-2')).toBe(before);
  });

  it.each([
    ['an id with a control character', ['add', 'a\u0007b']],
    ['no id', ['add']],
    ['a shard beyond the last', ['rewrap', '--shard', '4/4']],
    ['an unprotected connection', ['list', '--mongodb-uri', 'mongodb://localhost/?tls=false']],
    [
      'a certificate that nobody checks',
      ['list', '--mongodb-uri', 'mongodb://localhost/?tlsAllowInvalidCertificates=true'],
    ],
  ])('%s is a usage error', async (_, args) => {
    const { code } = await bed.tenant(bed.second, args);
    expect(code).toBe(2);
  });

  it('says what is wrong with the connection, and never shows a password', async () => {
    const stranger = await install();
    const { port } = bed.server;
    const secret = entryOf(stranger, `Secret/${PLATFORM}/palette-mongodb-auth`, 'password');
    const real = entryOf(bed.second, `Secret/${PLATFORM}/palette-mongodb-auth`, 'password');
    const relay = await startCutter(port, [], '127.0.0.2');
    const cases: readonly [folder: string, uri: string, what: RegExp][] = [
      [stranger, bed.server.uri, /the internal CA does not vouch for the certificate/],
      [bed.second, `mongodb://127.0.0.2:${relay.port}/`, /is not for the name that it was reached by/],
      [bed.second, `mongodb://hubble:${secret}@localhost:${port}/`, /does not accept the login/],
      [bed.second, 'mongodb://localhost:1/', /cannot be reached, or went away/],
      [bed.second, `mongodb://hubble:${secret}@localhost:${port}/?nonsense=${secret}`, /cannot be used/],
    ];
    for (const [folder, uri, what] of cases) {
      const { code, stdout, stderr } = await bed.tenant(folder, ['list', '--request-timeout', '2s'], uri);
      expect([uri.replace(secret, '…'), code === 1 || code === 2, what.test(stderr)]).toEqual([
        uri.replace(secret, '…'),
        true,
        true,
      ]);
      for (const password of [secret, real]) expect(stdout + stderr).not.toContain(password);
    }
    await relay.stop();
  });
});
