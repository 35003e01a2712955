// Covers: src/adapters/mongodb/place.ts

/** Users of a replica set with roles and sessions, by servers that speak the protocol alone. */
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMongodbCensus } from '../../../src/adapters/mongodb/census.ts';
import { APP_NAME, authDatabaseOf } from '../../../src/adapters/mongodb/connect.ts';
import { memberOf, withoutLogin } from '../../../src/adapters/mongodb/place.ts';
import { openMongodbTenantStore } from '../../../src/adapters/mongodb/tenant-store.ts';
import { mongodbUsers, type UsersOptions } from '../../../src/adapters/mongodb/users.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { DatabaseAdmin } from '../../../src/ports/database-users.ts';
import { makeServerCertificate } from '../../support/cluster/certificate.ts';
import { FakeDatabase } from '../../support/mongodb/fake-database.ts';
import { type NameServer, NO_SUCH_NAME, REFUSED, startNameServer } from '../../support/mongodb/name-server.ts';

const PLATFORM = { username: 'hubble', password: 'not-to-be-seen-1' };
const NEXT = { username: 'hubble-b', password: 'not-to-be-seen-2' };
const ROLES = [{ role: 'readWrite', db: 'hubbledb' }];
const ADMIN_ROLES = ['userAdminAnyDatabase', 'clusterMonitor'].map((role) => ({ role, db: 'admin' }));
const ADMIN_PASSWORD = 'not-to-be-seen-3 %/@';

let database: FakeDatabase;
const clients: MongoClient[] = [];

beforeEach(async () => {
  database = await new FakeDatabase().start(3);
  database.users.set(PLATFORM.username, { password: PLATFORM.password, roles: ROLES });
  database.users.set('root', { password: ADMIN_PASSWORD, roles: ADMIN_ROLES });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await database.stop();
});

function users(change: Partial<UsersOptions> = {}) {
  const place = { uri: database.uri(), adminUri: database.uri('root'), authSource: 'admin', ca: '', timeoutMs: 2000 };
  return mongodbUsers({ ...place, database: 'hubbledb', collection: 'tenantKeys', ...change });
}

function admin(): DatabaseAdmin {
  const { admin: found } = users();
  if (found === undefined) throw new Error('no administrator');
  return found;
}

/** Logged in, on one member alone. */
async function session(member: number, appName: string): Promise<MongoClient> {
  const client = new MongoClient(memberOf(database.uri('hubble'), database.host(member), 'admin'), {
    ...{ tls: true, appName, authMechanism: 'SCRAM-SHA-256' as const },
  });
  clients.push(client);
  await client.connect();
  return client;
}

async function failureOf(work: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await work.catch((reason: unknown) => reason);
  if (!(error instanceof PaletteKeysError)) throw new Error('no failure in our words', { cause: error });
  expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)} ${error.cause}`).not.toContain(
    'not-to-be-seen',
  );
  return error;
}

describe('a login', () => {
  it('says what the user may do', async () => {
    const reads = { accepted: true, roles: ['readWrite on hubbledb'], reads: true };
    expect(await users().tryLogin(PLATFORM)).toEqual(reads);
    database.users.set('hubble', { password: PLATFORM.password, roles: [] });
    expect(await users().tryLogin(PLATFORM)).toEqual({ accepted: true, roles: [], reads: false });
  });

  it('is refused for another password, and for a user who is not there', async () => {
    expect(await users().tryLogin({ ...PLATFORM, password: 'another' })).toEqual({ accepted: false });
    expect(await users().tryLogin(NEXT)).toEqual({ accepted: false });
  });

  it('never goes by what the connection string has itself', async () => {
    expect(await users({ uri: database.uri('root') }).tryLogin(NEXT)).toEqual({ accepted: false });
  });

  it('counts on a primary alone', async () => {
    const uri = database.uri().replace(database.host(0), database.host(1));
    expect(await failureOf(users({ uri: `${uri}&directConnection=true` }).tryLogin(PLATFORM))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('is no primary'),
    });
  });

  it('that nobody answers is no refusal', async () => {
    await database.stop();
    expect(await failureOf(users({ timeoutMs: 500 }).tryLogin(PLATFORM))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
  });
});

describe('the administrator', () => {
  it('makes a user with the roles and restrictions of another, by majority, and never changes one', async () => {
    const authenticationRestrictions = [{ clientSource: ['10.0.0.0/8'] }];
    database.users.set('hubble', { password: PLATFORM.password, roles: ROLES, authenticationRestrictions });
    expect(await admin().create(NEXT, 'hubble')).toBe('created');
    expect(database.users.get('hubble-b')).toEqual({
      password: NEXT.password,
      roles: ROLES,
      authenticationRestrictions,
    });
    expect(database.asked('createUser')).toMatchObject([
      { mechanisms: ['SCRAM-SHA-256'], writeConcern: { w: 'majority' }, $db: 'admin' },
    ]);
    expect(await admin().create({ ...NEXT, password: 'other' }, 'hubble')).toBe('exists');
    expect(await users().tryLogin(NEXT)).toMatchObject({ accepted: true, reads: true });
  });

  it('does not make one whose roles nobody knows', async () => {
    expect(await failureOf(admin().create(NEXT, 'nobody'))).toMatchObject({ code: 'REFUSED' });
    expect(database.users.has('hubble-b')).toBe(false);
  });

  it('drops a user, whether or not it is there', async () => {
    for (let time = 0; time < 2; time += 1) await admin().drop('hubble');
    expect([...database.users.keys()]).toEqual(['root']);
    expect(await users().tryLogin(PLATFORM)).toEqual({ accepted: false });
  });

  it('knows whether there is a user, whatever its password, and whose login its own server takes', async () => {
    expect([await admin().has('hubble'), await admin().has('hubble-b')]).toEqual([true, false]);
    const other = await new FakeDatabase().start();
    other.users.set('hubble', { password: 'of staging', roles: ROLES });
    other.users.set('root', { password: ADMIN_PASSWORD, roles: ADMIN_ROLES });
    const { admin: ofOther, tryLogin } = users({ adminUri: other.uri('root') });
    expect([(await tryLogin(PLATFORM)).accepted, await ofOther?.accepts(PLATFORM)]).toEqual([true, false]);
    expect(await admin().accepts(PLATFORM)).toBe(true);
    await other.stop();
  });

  it('finds sessions on every member, those of the user and not those of this program', async () => {
    const own = await session(0, APP_NAME);
    expect(await admin().sessions('hubble')).toEqual([]);
    await own.close();
    // Whoever calls itself as this program does is another run, or a service.
    const alike = await session(1, 'palette-keys');
    expect(await admin().sessions('hubble')).not.toEqual([]);
    await alike.close();
    database.forget();
    await session(2, 'auth');
    const found = await admin().sessions('hubble');
    expect(new Set(found.map(({ client, member }) => `${client} on ${member}`))).toEqual(
      new Set([`auth (10.0.0.7) on ${database.host(2)}`]),
    );
    expect(await admin().sessions('hubble-b')).toEqual([]);
    expect(database.asked('aggregate')).toHaveLength(6);
    expect(database.asked('aggregate')[0]).toMatchObject({
      aggregate: 1,
      pipeline: [{ $currentOp: { allUsers: true, idleConnections: true, idleSessions: true } }, {}],
      readConcern: { level: 'local' },
    });
  });

  it('does not take a member that cannot be asked for one without sessions', async () => {
    await database.members[2]?.stop();
    expect(await failureOf(admin().sessions('hubble'))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining(database.host(2)),
    });
  });

  it('has one member read its certificate again, where that has the command', async () => {
    const member = database.host(1);
    expect(await admin().members()).toEqual([0, 1, 2].map((n) => database.host(n)));
    expect(await admin().rotateCertificates(member)).toBe(false);
    const certificate = await makeServerCertificate();
    database.files = () => certificate;
    expect(await failureOf(admin().rotateCertificates(member))).toMatchObject({
      code: 'DATABASE_DENIED',
      hint: expect.stringContaining('hostManager'),
    });
    database.users.set('root', { password: ADMIN_PASSWORD, roles: [{ role: 'hostManager', db: 'admin' }] });
    expect(await admin().rotateCertificates(member)).toBe(true);
    expect(
      database.members.map(({ commands }) => commands.filter((each) => 'rotateCertificates' in each).length),
    ).toEqual([...[0, 3, 0]]);
  });

  it('whose name servers refuse is told so in our words, wherever they are asked', async () => {
    const { stop } = await startNameServer(undefined, REFUSED);
    const options = { adminUri: 'mongodb+srv://root:not-to-be-seen@db.example.test/d', timeoutMs: 500 };
    try {
      const { admin: found } = users(options);
      const works = [found?.rotateCertificates(database.host(1)), found?.sessions('hubble'), found?.has('hubble')];
      for (const work of works) {
        expect(await failureOf(work ?? Promise.resolve())).toMatchObject({
          code: 'DATABASE_UNAVAILABLE',
          message: expect.stringContaining('db.example.test'),
        });
      }
    } finally {
      stop();
    }
  });

  it('of a single server has that as its only member', async () => {
    await database.stop();
    database = await new FakeDatabase().start();
    database.users.set('root', { password: ADMIN_PASSWORD, roles: ADMIN_ROLES });
    expect(await admin().members()).toEqual([database.host(0)]);
  });

  it('without rights is told which ones are needed', async () => {
    database.users.set('root', { password: ADMIN_PASSWORD, roles: [] });
    const works = [
      () => admin().create(NEXT, 'hubble'),
      () => admin().sessions('hubble'),
      () => admin().drop('hubble'),
    ];
    for (const work of works) {
      const { code, hint } = await failureOf(work());
      expect([code, hint]).toEqual([
        'DATABASE_DENIED',
        expect.stringContaining('userAdminAnyDatabase and clusterMonitor'),
      ]);
    }
  });

  it('with a wrong password is told where it stands', async () => {
    const place = database.uri('root');
    database.users.set('root', { password: 'changed', roles: ADMIN_ROLES });
    const failure = await failureOf(users({ adminUri: place }).admin?.drop('hubble') ?? Promise.resolve());
    expect(failure).toMatchObject({
      code: 'DATABASE_DENIED',
      hint: expect.stringContaining('--mongodb-admin-uri-file'),
    });
  });

  it('has to be named', async () => {
    const failure = await failureOf(Promise.resolve().then(() => users({ adminUri: database.uri() })));
    expect(failure).toMatchObject({ code: 'USAGE', message: expect.stringContaining('names no user') });
  });

  it('of a sharded cluster is not asked about sessions', async () => {
    await database.stop();
    database = await new FakeDatabase().start();
    database.hello = { msg: 'isdbgrid' };
    database.users.set('root', { password: ADMIN_PASSWORD, roles: ADMIN_ROLES });
    expect(await failureOf(admin().sessions('hubble'))).toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('sharded'),
    });
  });
});

describe('users in another database than admin', () => {
  const DB = 'hubbledb';
  const inPath = () => database.uri().replace('/?authSource=admin&', `/${DB}?`);

  it.each([
    ['that the spec says', () => ({ authSource: DB })],
    ['that the driver finds in the path', () => ({ uri: inPath(), authSource: undefined })],
  ])('%s are tried, made, found and dropped there', async (_, place) => {
    database.users.set(PLATFORM.username, { password: PLATFORM.password, roles: ROLES, db: DB });
    const { admin: manager, tryLogin } = users(place());
    if (manager === undefined) throw new Error('no administrator');
    expect(await tryLogin(PLATFORM)).toMatchObject({ accepted: true });
    expect(await manager.accepts(PLATFORM)).toBe(place().authSource === DB);
    expect(await manager.create(NEXT, 'hubble')).toBe('created');
    expect(database.asked('createUser')).toMatchObject([{ $db: DB }]);
    expect([await tryLogin(NEXT), await manager.has('hubble-b')]).toMatchObject([{ accepted: true }, true]);
    const client = new MongoClient(memberOf(database.uri('hubble'), database.host(1), DB), {
      ...{ tls: true, appName: 'auth', authMechanism: 'SCRAM-SHA-256' as const },
    });
    clients.push(client);
    await client.connect();
    expect((await manager.sessions('hubble')).length).toBeGreaterThan(0);
    await manager.drop('hubble');
    expect([...database.users.keys()]).toEqual(['root', 'hubble-b']);
  });
});

describe('a forwarded port of a database that services find by mongodb+srv', () => {
  const FORWARDED = { authSource: undefined, login: PLATFORM, ca: undefined, timeoutMs: 2000 };
  const PLACE = { database: 'hubbledb', collection: 'tenantKeys' };
  let names: NameServer | undefined;
  afterEach(() => {
    names?.stop();
    names = undefined;
  });

  /** A user there alone, and where the port is, whose own path and options say nothing of that. */
  const userOn = (db: string, more = ''): string => {
    database.users.set(PLATFORM.username, { password: PLATFORM.password, roles: ROLES, db });
    return database.uri().replace('/?authSource=admin&', `/elsewhere?${more}`);
  };

  it.each([
    ['authSource=users', 'mongodb+srv://db.example.test/hubbledb', 'users'],
    ['replicaSet=rs', 'mongodb+srv://db.example.test/hubbledb?w=1&tlsCAFile=/of/a/Pod', 'hubbledb'],
    [undefined, 'mongodb+srv://db.example.test/hubbledb', 'hubbledb'],
    [undefined, 'mongodb+srv://db.example.test', 'admin'],
  ])('lets the platform in where its name servers say %s, and the spec %s', async (record, srvUri, db) => {
    const uri = userOn(db);
    names = await startNameServer(record);
    const store = await openMongodbTenantStore({ ...FORWARDED, uri, srvUri, ...PLACE });
    await store.close();
    const { tryLogin, admin: manager } = users({ uri, authSource: undefined, srvUri });
    expect(await tryLogin(PLATFORM)).toMatchObject({ accepted: true });
    expect([await manager?.accepts(PLATFORM), await manager?.has('hubble')]).toEqual([true, true]);
    expect(await manager?.create(NEXT, 'hubble')).toBe('created');
    expect(database.asked('createUser')).toMatchObject([{ $db: db }]);
  });

  it('goes by the authSource of its own connection string, and asks nobody then', async () => {
    const uri = userOn('users', 'authSource=users&');
    names = await startNameServer('authSource=other');
    const srvUri = 'mongodb+srv://db.example.test/hubbledb';
    const store = await openMongodbTenantStore({ ...FORWARDED, uri, srvUri, ...PLACE });
    await store.close();
    const { tryLogin, admin: manager } = users({ uri, authSource: undefined, srvUri });
    expect([await tryLogin(PLATFORM), await manager?.accepts(PLATFORM)]).toMatchObject([{ accepted: true }, true]);
    expect(names.questions).toBe(0);
  });

  it('with a login of its own asks nobody', async () => {
    names = await startNameServer(undefined, REFUSED);
    const srvUri = 'mongodb+srv://db.example.test/hubbledb';
    const store = await openMongodbTenantStore({ ...FORWARDED, uri: database.uri('root'), srvUri, ...PLACE });
    await store.close();
    expect(names.questions).toBe(0);
  });

  it.each([
    ['do not know the servers', NO_SUCH_NAME],
    ['refuse', REFUSED],
  ])('says what to write into it where name servers %s', async (_, rcode) => {
    const uri = userOn('admin');
    names = await startNameServer(undefined, rcode);
    const srvUri = 'mongodb+srv://db.example.test/admin';
    const works = [
      () => openMongodbTenantStore({ ...FORWARDED, uri, srvUri, ...PLACE }),
      () => openMongodbCensus({ ...FORWARDED, uri, srvUri, ...PLACE }),
      () => users({ uri, authSource: undefined, srvUri }).tryLogin(PLATFORM),
      () => users({ uri, authSource: undefined, srvUri }).admin?.drop('hubble') ?? Promise.resolve(),
    ];
    for (const work of works) {
      expect(await failureOf(work())).toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringContaining('db.example.test'),
        hint: expect.stringContaining('authSource=DATABASE'),
      });
    }
    expect(database.users.has('hubble')).toBe(true);
  });
});

describe('a connection string', () => {
  it.each([
    ['mongodb://u:p@h:1,i:2/d?authSource=x&authMechanism=PLAIN&w=1', 'mongodb://h:1,i:2/d?w=1'],
    ['mongodb://h/d?authSource=x', 'mongodb://h/d?authSource=x'],
    ['mongodb://h/d?authSource=$external&AuthMechanism=MONGODB-X509', 'mongodb://h/d'],
    ['mongodb+srv://u:p@h/?authSource=%24external&authMechanism=MONGODB-X509&tls=true', 'mongodb+srv://h/?tls=true'],
    ['mongodb://h', 'mongodb://h/'],
  ])('%s without its login is %s', (uri, expected) => {
    expect(withoutLogin(uri)).toBe(expected);
    expect(withoutLogin(uri, 'my users')).toMatch(/[?&]authSource=my%20users$/);
    expect(withoutLogin(uri, 'my users').match(/authSource/gi)).toHaveLength(1);
  });

  it('of one member keeps the login, and leaves the replica set', () => {
    const member = memberOf('mongodb+srv://u:p%40@h/d?replicaSet=rs&tls=true&srvMaxHosts=2', 'i:2', '$external');
    expect(member).toBe('mongodb://u:p%40@i:2/d?tls=true&authSource=%24external&directConnection=true');
  });

  describe('says where its user is', () => {
    const at = (uri: string) => authDatabaseOf({ uri, login: PLATFORM, ca: undefined, timeoutMs: 1000 });

    it.each([
      ['mongodb://h', 'admin'],
      ['mongodb://h/d', 'd'],
      ['mongodb://h/d?AuthSource=my%20users', 'my users'],
      ['mongodb://u:p@h/d', 'd'],
      ['mongodb://h/?authMechanism=MONGODB-X509', '$external'],
      ['mongodb+srv://db.example.test/d?authSource=x', 'x'],
    ])('where it reads %s', async (uri, expected) => {
      expect(await at(uri)).toBe(expected);
    });

    it.each([
      ['authSource=admin&replicaSet=rs', 'admin'],
      ['replicaSet=rs', 'd'],
      [undefined, 'd'],
    ])('where the name servers say %s', async (record, expected) => {
      const { stop } = await startNameServer(record);
      try {
        expect(await at('mongodb+srv://db.example.test/d')).toBe(expected);
      } finally {
        stop();
      }
    });
  });
});
