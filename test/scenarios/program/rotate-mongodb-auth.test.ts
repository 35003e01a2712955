/**
 * `palette-keys rotate mongodb-auth`: on FerretDB, which has users and logins but neither roles nor $currentOp; and on a
 * replica set of fakes, which has all of it but is no MongoDB.
 */
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeakFinder } from '../../support/canary.ts';
import { FakeDatabase } from '../../support/mongodb/fake-database.ts';
import { haveMongodbOrSkip, type MongodbServer, startMongodb } from '../../support/mongodb/server.ts';
import { fileWith, type Outcome, run } from '../../support/program.ts';
import { entryOf, install, LEDGER, PLATFORM, readObject, readRecord, SMALL, verifyInstallation } from './store.ts';
import { vouched } from './vouched.ts';

const AUTH = `Secret/${PLATFORM}/palette-mongodb-auth`;
const ADMIN_PASSWORD = 'roots-very-own-secret %/@';

const entryIn = (folder: string, n: number, name: string): string =>
  entryOf(folder, `Secret/${LEDGER}/palette-key-mongodb-auth-v${n}`, name);
const statesIn = (folder: string): readonly string[] =>
  (readRecord(folder).keys['mongodb-auth']?.versions ?? []).map(({ n, state }) => `v${n} ${state}`);

/** Runs the command, and looks for passwords and keyfiles in what it says and in all of the store that is no Secret. */
async function rotate(folder: string, ...args: readonly string[]): Promise<Outcome> {
  const outcome = await vouched(folder, ['mongodb-auth', '--request-timeout', '5s', ...args]);
  const finder = new LeakFinder();
  finder.add('administrator', Buffer.from(ADMIN_PASSWORD));
  for (const { n } of readRecord(folder).keys['mongodb-auth']?.versions ?? []) {
    for (const name of ['password', 'keyfile']) finder.add(`${name} of v${n}`, Buffer.from(entryIn(folder, n, name)));
  }
  const open = ['palette-keys-installation', 'palette-keys-audit'].map((name) =>
    JSON.stringify(readObject(folder, `ConfigMap/${LEDGER}/${name}`).data, (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data).toString() : value,
    ),
  );
  for (const text of [outcome.stdout, outcome.stderr, ...open]) expect(finder.leaksIn(text)).toEqual([]);
  return outcome;
}

describe.skipIf(!haveMongodbOrSkip())('on FerretDB', { timeout: 120_000 }, () => {
  let folder: string;
  let server: MongodbServer;
  let admin: MongoClient;
  let uri: string;
  let adminFile: string;

  beforeAll(async () => {
    folder = await install();
    const tls = (name: string) => entryOf(folder, `Secret/${PLATFORM}/palette-mongodb-tls`, name);
    const certPem = tls('tls.crt');
    const [caPem, keyPem, password] = [tls('ca.crt'), tls('tls.key'), entryOf(folder, AUTH, 'password')];
    server = await startMongodb({ certPem, keyPem, caPem, password });
    const user = { pwd: ADMIN_PASSWORD, roles: [], mechanisms: ['SCRAM-SHA-256'] };
    await server.client.db('admin').command({ createUser: 'root', ...user });
    uri = server.uri;
    const adminUri = `mongodb://root:${encodeURIComponent(ADMIN_PASSWORD)}@localhost:${server.port}/?authSource=admin`;
    admin = new MongoClient(adminUri, { tls: true, ca: caPem, authMechanism: 'SCRAM-SHA-256' });
    adminFile = fileWith(`# root\n${adminUri}\n`, 'admin.txt');
    const added = await run(['tenant', 'add', 'acme', '--dir', folder, '--mongodb-uri', uri]);
    expect(added.stderr).toBe('');
  }, 60_000);

  afterAll(async () => {
    await admin?.close();
    await server?.stop();
  });

  /** With what the ledger has, on the server itself. */
  async function logsIn(n: number): Promise<boolean> {
    const auth = { username: entryIn(folder, n, 'username'), password: entryIn(folder, n, 'password') };
    const options = { tls: true, ca: server.setup.caPem, authMechanism: 'SCRAM-SHA-256', auth } as const;
    const client = new MongoClient(`mongodb://localhost:${server.port}/?authSource=admin`, options);
    try {
      await client.connect();
      return true;
    } catch (error) {
      expect((error as { readonly code?: unknown }).code).toBe(18);
      return false;
    } finally {
      await client.close();
    }
  }

  const verify = () => run(['tenant', 'verify', '--dir', folder, '--mongodb-uri', uri]);

  it('needs a database, and says how to name one', async () => {
    const { code, stderr } = await rotate(folder, '--again', '--yes');
    expect([code, stderr]).toEqual([6, expect.stringContaining('no database is named')]);
    expect(statesIn(folder)).toEqual(['v1 active']);
  });

  it('without an administrator waits for the user, and shows the way by hand', async () => {
    const { code, stderr } = await rotate(folder, '--again', '--yes', '--mongodb-uri', uri);
    expect([code, stderr]).toEqual([6, expect.stringContaining('does not take the login of hubble-b')]);
    expect(stderr).toContain('docs/runbooks/rotate-mongodb-auth.md');
  });

  it('refuses (5) where somebody else has the name, and changes nothing', async () => {
    await admin.db('admin').command({ createUser: 'hubble-b', pwd: 'of somebody', roles: [] });
    const { code, stderr } = await rotate(folder, '--yes', '--mongodb-admin-uri-file', adminFile);
    expect([code, stderr]).toEqual([5, expect.stringMatching(/hubble-b already[\s\S]*dropUser\("hubble-b"\)/)]);
    expect(statesIn(folder)).toEqual(['v1 active', 'v2 published']);
    await admin.db('admin').command({ dropUser: 'hubble-b' });
  });

  it('makes the user, tries it, and switches the Secret; both logins work until the old one is dropped', async () => {
    const { stderr } = await rotate(folder, '--yes', '--mongodb-admin-uri-file', adminFile);
    expect(stderr).toMatch(/make the user hubble-b in MongoDB at localhost[\s\S]*promote v2/);
    // FerretDB does not tell who is logged in: nothing is dropped.
    expect([statesIn(folder), await logsIn(1), await logsIn(2)]).toEqual([['v1 trusted', 'v2 active'], true, true]);
    expect([entryOf(folder, AUTH, 'username'), (await verify()).code]).toEqual(['hubble-b', 0]);
    expect(await verifyInstallation(folder)).toMatchObject({ code: 0 });
  });

  it('retires the version when the user was dropped by hand', async () => {
    const waiting = await rotate(folder, '--yes', '--mongodb-uri', uri);
    expect([waiting.code, waiting.stderr]).toEqual([6, expect.stringContaining('hubble is still on the server')]);
    await admin.db('admin').command({ dropUser: 'hubble' });
    expect(await rotate(folder, '--yes', '--mongodb-uri', uri)).toMatchObject({ code: 0 });
    expect([statesIn(folder), await logsIn(1), await logsIn(2)]).toEqual([['v1 retired', 'v2 active'], false, true]);
    expect(await verifyInstallation(folder)).toMatchObject({ code: 0 });
  });

  it('goes the whole road at once where the password is compromised, and the old one opens nothing any more', async () => {
    const { code, stderr } = await rotate(
      folder,
      ...['--yes', '--again', '--compromised', '--mongodb-admin-uri-file', adminFile],
    );
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/make the user hubble in[\s\S]*drop the user hubble-b in/),
    ]);
    expect([statesIn(folder), await logsIn(2), await logsIn(3), (await verify()).code]).toEqual([
      ['v1 retired', 'v2 retired', 'v3 active'],
      ...[false, true, 0],
    ]);
    const { users } = await admin.db('admin').command({ usersInfo: 1 });
    expect(users.map(({ user }: { readonly user: string }) => user).sort()).toEqual(['hubble', 'root']);
  });
});

describe('on a replica set', { timeout: 120_000 }, () => {
  let folder: string;
  let database: FakeDatabase;
  const adminRoles = ['userAdminAnyDatabase', 'clusterMonitor'].map((role) => ({ role, db: 'admin' }));

  beforeEach(async () => {
    folder = await install({ ...SMALL, rotation: { syncPeriod: '2s' } });
    database = await new FakeDatabase().start(3);
    const roles = [{ role: 'readWrite', db: 'hubbledb' }];
    database.users.set('hubble', { password: entryOf(folder, AUTH, 'password'), roles });
    database.users.set('root', { password: ADMIN_PASSWORD, roles: adminRoles });
  });

  afterEach(() => database.stop());

  const byAdmin = () => ['--yes', '--again', '--mongodb-admin-uri-file', fileWith(database.uri('root'), 'admin.txt')];

  it('goes the whole road by two looks at the sessions of every member', async () => {
    const { code, stdout, stderr } = await rotate(folder, ...byAdmin(), '--wait', '-o', 'json');
    expect([code, stderr]).toEqual([0, expect.stringContaining('a second look has to find the same')]);
    expect(JSON.parse(stdout)).toMatchObject({ done: true, versions: [{ state: 'retired' }, { state: 'active' }] });
    expect([...database.users.keys()]).toEqual(['root', 'hubble-b']);
    expect(database.users.get('hubble-b')?.roles).toEqual([{ role: 'readWrite', db: 'hubbledb' }]);
    expect(await verifyInstallation(folder)).toMatchObject({ code: 0 });
  });

  it('goes it in the database on which services log in, which the connection string of the spec names', async () => {
    const uri = database.uri().replace('/?authSource=admin&', '/hubbledb?');
    folder = await install({ ...SMALL, mongodb: { uri } });
    const hubble = { password: entryOf(folder, AUTH, 'password'), db: 'hubbledb' };
    database.users.set('hubble', { ...hubble, roles: [{ role: 'readWrite', db: 'hubbledb' }] });
    expect(await rotate(folder, ...byAdmin(), '--compromised')).toMatchObject({ code: 0 });
    expect([...database.users].map(([name, { db }]) => [name, db])).toEqual([
      ['root', undefined],
      ['hubble-b', 'hubbledb'],
    ]);
    // As a driver of a service reads it.
    const service = new MongoClient(entryOf(folder, AUTH, 'uri'), { tls: true, authMechanism: 'SCRAM-SHA-256' });
    await service.connect();
    await service.close();
  });

  it('drops nobody who has a session on any member, names it, and goes on when it is closed', async () => {
    const client = new MongoClient(`${database.uri('hubble').replace(database.host(0), database.host(1))}`, {
      ...{ tls: true, directConnection: true, appName: 'auth-service', authMechanism: 'SCRAM-SHA-256' as const },
    });
    await client.connect();
    try {
      const waiting = await rotate(folder, ...byAdmin());
      expect([waiting.code, waiting.stderr]).toEqual([
        6,
        expect.stringMatching(
          /sessions of hubble are open\n {2}- \d+ of auth-service \(10\.0\.0\.7\) on localhost:\d+/,
        ),
      ]);
      expect([statesIn(folder), database.users.has('hubble')]).toEqual([['v1 trusted', 'v2 active'], true]);
    } finally {
      await client.close();
    }
    expect(await rotate(folder, ...byAdmin(), '--wait')).toMatchObject({ code: 0 });
    expect(statesIn(folder)).toEqual(['v1 retired', 'v2 active']);
  });

  it('with an administrator who may not do that changes nothing, and says what is needed', async () => {
    database.users.set('root', { password: ADMIN_PASSWORD, roles: [] });
    const { code, stderr } = await rotate(folder, ...byAdmin());
    expect([code, stderr]).toEqual([1, expect.stringContaining('userAdminAnyDatabase and clusterMonitor')]);
    expect([statesIn(folder), [...database.users.keys()]]).toEqual([
      ['v1 active', 'v2 published'],
      ['hubble', 'root'],
    ]);
  });

  it.each(['createUser', 'dropUser'])('cut off at %s, the same command goes on', async (name) => {
    let left = 1;
    database.cuts = (command) => name in command && left-- > 0;
    const { code } = await rotate(folder, ...byAdmin(), '--wait');
    expect([code, left]).toEqual([1, 0]);
    expect(await rotate(folder, ...byAdmin(), '--wait')).toMatchObject({ code: 0 });
    expect([statesIn(folder), [...database.users.keys()]]).toEqual([
      ['v1 retired', 'v2 active'],
      ['root', 'hubble-b'],
    ]);
  });

  it('that is gone is no proof of anything', async () => {
    const args = byAdmin();
    expect(await rotate(folder, ...args)).toMatchObject({ code: 6 });
    await database.stop();
    expect(await rotate(folder, ...args)).toMatchObject({ code: 1 });
    expect(statesIn(folder)).toEqual(['v1 trusted', 'v2 active']);
  });

  it.each([
    ['mongodb-admin-uri-file', 'mongodb://root:pw@h/?tls=false', 'turns off what protects the connection: tls'],
    ['mongodb-admin-uri-file', 'mongodb://h/', 'names no user'],
    ['mongodb-uri-file', 'mongodb://h/?tlsCAFile=/nowhere', 'the file of tlsCAFile'],
  ])('with --%s that holds %s writes nothing (2)', async (flag, uri, text) => {
    const { code, stderr } = await rotate(folder, '--again', '--yes', `--${flag}`, fileWith(uri, 'uri.txt'));
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
    expect(statesIn(folder)).toEqual(['v1 active']);
  });

  it('where the connection string of the spec cannot be used from here, writes nothing (2)', async () => {
    const uri = 'mongodb://h/?tlsCAFile=/only/where/services/run.pem';
    folder = await install({ ...SMALL, mongodb: { uri } });
    const { code, stderr } = await rotate(folder, '--again', '--yes');
    expect([code, stderr]).toEqual([2, expect.stringContaining('the file of tlsCAFile')]);
    expect(statesIn(folder)).toEqual(['v1 active']);
  });

  it.each([
    [['root-key', '--mongodb-admin-uri-file', 'x'], 'is for mongodb-auth and mongodb-tls'],
    [['mongodb-auth', '--mongodb-admin-uri-file', '/nowhere'], 'there is no file /nowhere'],
  ])('%j is a usage error', async (args, text) => {
    const { code, stderr } = await run(['rotate', ...args, '--dir', folder]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  });
});
