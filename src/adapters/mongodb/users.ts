import { type Db, type Document, type MongoClient, MongoServerError } from 'mongodb';
import { PaletteKeysError } from '../../errors.ts';
import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer, Session } from '../../ports/database-users.ts';
import {
  APP_NAME,
  authDatabaseOf,
  authSourceOf,
  checkAdminConnection,
  connectTo,
  hostsOf,
  makeClient,
} from './connect.ts';
import { explain, isLoginRefused } from './explain.ts';
import { memberOf, withoutLogin } from './place.ts';

export interface UsersOptions {
  /** Where the server is; a login in it does not count. */
  readonly uri: string;
  /** With the login of somebody who manages users. */
  readonly adminUri: string | undefined;
  /** The database on which services log in; undefined: as the driver finds it. */
  readonly authSource: string | undefined;
  /** Where that is undefined: their `mongodb+srv` connection string, whose DNS record may name the database. */
  readonly srvUri?: string | undefined;
  /** PEM: who vouches for the server, unless the connection string has `tlsCAFile`. */
  readonly ca: string;
  readonly timeoutMs: number | undefined;
  /** Where the tenant keys are. */
  readonly database: string;
  readonly collection: string;
}

const USER_EXISTS = 51_003;
const USER_NOT_FOUND = 11;
const NOT_AUTHORIZED = 13;
const COMMAND_NOT_FOUND = 59;
const MAJORITY_MS = 30_000;

const HINTS = {
  login: 'check user and password in the file of --mongodb-admin-uri-file',
  denied:
    'the user of --mongodb-admin-uri-file needs userAdminAnyDatabase and clusterMonitor; for certificates hostManager',
};

/** Connects anew for every question. Throws USAGE where the administrator's connection string cannot be used. */
export function mongodbUsers(options: UsersOptions): DatabaseUsers {
  const { adminUri } = options;
  if (adminUri !== undefined) checkAdminConnection(adminUri);
  return {
    tryLogin: (login) => tryLogin(login, options),
    admin: adminUri === undefined ? undefined : adminOf(adminUri, options),
  };
}

async function tryLogin(login: Login, options: UsersOptions): Promise<LoginAnswer> {
  const { ca, timeoutMs, database, collection } = options;
  const uri = withoutLogin(options.uri, await authSourceOf({ ...options, login }));
  const client = makeClient({ uri, login, ca, timeoutMs });
  const location = `MongoDB at ${hostsOf(uri)}`;
  try {
    let tenants: Db;
    try {
      tenants = await connectTo(client, database);
    } catch (error) {
      if (isLoginRefused(error)) return { accepted: false };
      throw error;
    }
    const { authInfo } = await client.db('admin').command({ connectionStatus: 1 });
    const roles: readonly Document[] = authInfo?.authenticatedUserRoles ?? [];
    const reads = await allowed(() => tenants.collection(collection).findOne({}, { projection: { _id: 1 } }));
    return { accepted: true, roles: roles.map(({ role, db }) => `${role} on ${db}`), reads };
  } catch (error) {
    throw explain(error, location);
  } finally {
    await client.close().catch(() => undefined);
  }
}

async function allowed(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_AUTHORIZED) return false;
    throw error;
  }
}

function adminOf(adminUri: string, options: UsersOptions): DatabaseAdmin {
  const location = `MongoDB at ${hostsOf(adminUri)}`;
  const { ca, timeoutMs } = options;
  const databaseOf = async (username: string) => {
    const login = { username, password: '' };
    const uri = withoutLogin(options.uri, await authSourceOf({ ...options, login }));
    return authDatabaseOf({ uri, login, ca, timeoutMs });
  };
  const writeConcern = { w: 'majority', wtimeout: MAJORITY_MS } as const;
  const as = <T>(work: (client: MongoClient) => Promise<T>, uri = adminUri): Promise<T> => asAdmin(uri, options, work);
  const onMember = async <T>(member: string, work: (client: MongoClient) => Promise<T>): Promise<T> => {
    const ownDatabase = await authDatabaseOf({ uri: adminUri, ca, timeoutMs }).catch((error: unknown) => {
      throw explain(error, location, HINTS);
    });
    return as(work, memberOf(adminUri, member, ownDatabase));
  };
  return {
    location,
    create: ({ username, password }, like) =>
      as(async (client) => {
        const db = await databaseOf(username);
        const model = await userLike(like, db, client);
        const { roles = [], authenticationRestrictions = [] } = model;
        const restricted = authenticationRestrictions.length === 0 ? {} : { authenticationRestrictions };
        const user = { pwd: password, roles, mechanisms: ['SCRAM-SHA-256'], ...restricted };
        const created = await unless(USER_EXISTS, () =>
          client.db(db).command({ createUser: username, ...user, writeConcern }),
        );
        return created ? 'created' : 'exists';
      }),
    accepts: async (login) => {
      const authSource = await authSourceOf({ ...options, login });
      return (await tryLogin(login, { ...options, authSource, uri: adminUri })).accepted;
    },
    has: (username) => as(async (client) => (await infoOf(username, await databaseOf(username), client)) !== undefined),
    drop: (username) =>
      as(async (client) => {
        const db = await databaseOf(username);
        await unless(USER_NOT_FOUND, () => client.db(db).command({ dropUser: username, writeConcern }));
      }),
    sessions: async (username) => {
      const found: (readonly Session[])[] = [];
      const { db, members } = await as(async (client) => ({
        db: await databaseOf(username),
        members: await membersOf(client),
      }));
      for (const member of members) {
        found.push(await onMember(member, (client) => sessionsOf({ username, db }, member, client)));
      }
      return found.flat();
    },
    members: () => as(membersOf),
    rotateCertificates: (member) => {
      const command = { rotateCertificates: 1, message: 'asked for by palette-keys' };
      const ask = (client: MongoClient) => unless(COMMAND_NOT_FOUND, () => client.db('admin').command(command));
      return onMember(member, ask);
    },
  };
}

async function asAdmin<T>(
  uri: string,
  { adminUri, ca, timeoutMs }: UsersOptions,
  work: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = makeClient({ uri, ca, timeoutMs });
  try {
    // One member is asked whatever it is; of users a primary alone has the last word.
    await (uri === adminUri ? connectTo(client, 'admin') : client.connect());
    return await work(client);
  } catch (error) {
    throw explain(error, `MongoDB at ${hostsOf(uri)}`, HINTS);
  } finally {
    await client.close().catch(() => undefined);
  }
}

async function userLike(name: string, db: string, client: MongoClient): Promise<Document> {
  const user = await infoOf(name, db, client);
  if (user !== undefined) return user;
  throw new PaletteKeysError('REFUSED', `the server has no user ${name} whose roles the new one could get`, {
    hint: 'make the new user by hand: docs/runbooks/rotate-mongodb-auth.md',
  });
}

async function infoOf(name: string, db: string, client: MongoClient): Promise<Document | undefined> {
  const { users } = await client
    .db(db)
    .command({ usersInfo: { user: name, db }, showAuthenticationRestrictions: true });
  return users?.[0];
}

/** False where the server answers with that code. */
async function unless(code: number, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === code) return false;
    throw error;
  }
}

/** A single server is its only member. */
async function membersOf(client: MongoClient): Promise<readonly string[]> {
  const { hosts = [], passives = [], msg } = await client.db('admin').command({ hello: 1 });
  if (msg !== 'isdbgrid') return hosts.length === 0 ? client.options.hosts.map(String) : [...hosts, ...passives];
  throw new PaletteKeysError('REFUSED', 'that is a sharded cluster: no server of it knows all others', {
    hint: 'leave --mongodb-admin-uri-file out, and do it by hand: docs/runbooks/rotate-mongodb-auth.md',
  });
}

/** $currentOp knows no read concern but `local`. What runs is not fetched: it may hold documents. */
async function sessionsOf(
  { username, db }: { readonly username: string; readonly db: string },
  member: string,
  client: MongoClient,
): Promise<readonly Session[]> {
  const pipeline = [
    { $currentOp: { allUsers: true, idleConnections: true, idleSessions: true } },
    { $project: { effectiveUsers: 1, runBy: 1, appName: 1, client: 1 } },
  ];
  const operations = await client
    .db('admin')
    .aggregate(pipeline, { readConcern: { level: 'local' } })
    .toArray();
  return operations.flatMap(({ effectiveUsers = [], runBy = [], appName, client: address }) => {
    const users: readonly Document[] = [...effectiveUsers, ...runBy];
    if (appName === APP_NAME || !users.some((each) => each['user'] === username && each['db'] === db)) return [];
    const from = typeof address === 'string' ? address.replace(/:\d+$/, '') : 'somewhere';
    return [{ client: typeof appName === 'string' ? `${appName} (${from})` : from, member }];
  });
}
