import { randomBytes } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { type Db, MongoClient, type MongoClientOptions, ReadConcern } from 'mongodb';
import { PaletteKeysError, usageError } from '../../errors.ts';
import { primaryOf } from './primary.ts';
import { authSourceOfRecord, lookUpServers } from './srv.ts';

export interface Connection {
  /** With or without credentials. */
  readonly uri: string;
  /** Where the connection string has none and names no certificate. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  /** The database on which `login` logs in, unless the connection string has `authSource`; undefined: as the driver finds it. */
  readonly authSource?: string | undefined;
  /** Of services, without credentials: `mongodb+srv`, whose DNS record may name that database where `authSource` is undefined. */
  readonly srvUri?: string | undefined;
  /** PEM: who vouches for the server, unless the connection string has `tlsCAFile`; undefined: the public CAs. */
  readonly ca: string | undefined;
  /** For one answer of the server, in milliseconds; 0 is no limit. */
  readonly timeoutMs: number | undefined;
  /** For everything together, in milliseconds, where a look has to be short. */
  readonly withinMs?: number;
}

/** What this run of the program calls itself to the server: no other client, nor another run, has that name. */
export const APP_NAME = `palette-keys ${randomBytes(4).toString('hex')}`;

const SELECTION_MS = 15_000;
const ANSWER_MS = 60_000;
/** Connections at a time: rewrapping has a cursor and a few batches under way. */
const POOL = 8;

const INSECURE = ['tlsinsecure', 'tlsallowinvalidcertificates', 'tlsallowinvalidhostnames', 'sslvalidate'];

/** Of a file that the connection string names, in bytes. */
const MAX_FILE = 1_000_000;
const NO_FILE = 'it is no regular file, or larger than 1 MB';

/** Options that name a file. */
const FILES = ['tlsCAFile', 'tlsCertificateKeyFile', 'tlsCRLFile'];

/** A client that has not connected yet. Throws USAGE, without quoting the connection string. */
export function makeClient({ uri, login, authSource, ca, timeoutMs, withinMs }: Connection): MongoClient {
  const selectionMs = withinMs ?? (timeoutMs || SELECTION_MS);
  const options = readOptions(uri);
  const insecure = [
    ...INSECURE.filter((name) => options.has(name)),
    ...['tls', 'ssl'].filter((name) => options.get(name)?.toLowerCase() === 'false'),
  ];
  if (insecure.length > 0) {
    throw usageError(
      `the connection string turns off what protects the connection: ${insecure.join(', ')}`,
      'leave it out; another CA is named by tlsCAFile',
    );
  }
  for (const name of FILES) checkFile(name, options.get(name.toLowerCase()));
  const anonymous = login === undefined && !hasLogin(uri);
  const scram: MongoClientOptions = anonymous || options.has('authmechanism') ? {} : { authMechanism: 'SCRAM-SHA-256' };
  try {
    return new MongoClient(uri, {
      ...scram,
      ...(login === undefined || hasLogin(uri)
        ? {}
        : { auth: login, ...(options.has('authsource') || authSource === undefined ? {} : { authSource }) }),
      ...(options.has('tlscafile') || ca === undefined ? {} : { ca }),
      tls: true,
      // Always said: unsaid, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would take any server.
      rejectUnauthorized: true,
      appName: APP_NAME,
      maxPoolSize: POOL,
      serverSelectionTimeoutMS: selectionMs,
      connectTimeoutMS: selectionMs,
      socketTimeoutMS: timeoutMs ?? ANSWER_MS,
      readPreference: 'primary',
      // Many that a server takes are none of JavaScript, where making one throws.
      bsonRegExp: true,
      ignoreUndefined: false,
    });
  } catch {
    throw usageError(
      'the connection string of MongoDB cannot be used',
      'look for a misspelt option or an unescaped character (%40 for @) in it',
    );
  }
}

/** What can be said of a connection string without connecting. Throws USAGE, without quoting it. */
export function checkConnection(uri: string): void {
  makeClient({ uri, ca: undefined, timeoutMs: undefined });
}

export function checkAdminConnection(uri: string): void {
  checkConnection(uri);
  if (hasLogin(uri)) return;
  throw usageError(
    "the administrator's connection string names no user",
    'write mongodb://USER:PASSWORD@HOST/?authSource=admin into the file of --mongodb-admin-uri-file',
  );
}

/**
 * Connects; reads from the primary by majority, writes by majority. Throws DATABASE_UNAVAILABLE where the server takes
 * no writes: what a secondary says may be of yesterday.
 */
export async function connectTo(client: MongoClient, database: string): Promise<Db> {
  await client.connect();
  if ((await primaryOf(client)) === undefined) {
    throw new PaletteKeysError(
      'DATABASE_UNAVAILABLE',
      `${client.options.hosts.join()} is no primary, and may lag behind`,
      {
        hint: 'name the primary in the connection string, or all members without directConnection',
      },
    );
  }
  return client.db(database, {
    readPreference: 'primary',
    readConcern: new ReadConcern('majority'),
    writeConcern: { w: 'majority' },
  });
}

/** The database on which somebody logs in; `mongodb+srv` may ask a name server. Throws USAGE, and as node:dns does. */
export async function authDatabaseOf(connection: Connection): Promise<string> {
  const { uri } = connection;
  const known = makeClient(connection).options.credentials?.source ?? 'admin';
  const isSaid = readOptions(uri).has('authsource') || !uri.startsWith('mongodb+srv:') || known === '$external';
  return isSaid ? known : ((await authSourceOfRecord(uri)) ?? known);
}

/**
 * Where services log in: `authSource`, else what `uri` says of others than its own user, else by `srvUri`. Throws
 * USAGE, and DATABASE_UNAVAILABLE where no name server knows.
 */
export async function authSourceOf({ uri, login, authSource, srvUri }: Connection): Promise<string | undefined> {
  if (authSource !== undefined || srvUri === undefined) return authSource;
  const said = hasLogin(uri) ? undefined : readOptions(uri).get('authsource');
  if (said !== undefined) return said;
  try {
    // Who does not know the servers does not know either that there is no TXT record.
    await lookUpServers(srvUri);
    // Its options are for where services run: they may name files there.
    const [place = ''] = srvUri.split('?');
    return await authDatabaseOf({ uri: place, login, ca: undefined, timeoutMs: undefined });
  } catch (error) {
    if (error instanceof PaletteKeysError) throw error;
    throw new PaletteKeysError(
      'DATABASE_UNAVAILABLE',
      `no name server says on which database of ${hostsOf(srvUri)} the platform's services log in`,
      { hint: 'add authSource=DATABASE to the connection string of --mongodb-uri or --mongodb-uri-file' },
    );
  }
}

/** A connection that knows on which database its `login` logs in. Throws as `authSourceOf` does. */
export async function withAuthSource<T extends Connection>(connection: T): Promise<T> {
  const { uri, login } = connection;
  if (login === undefined || hasLogin(uri)) return connection;
  return { ...connection, authSource: await authSourceOf(connection) };
}

/** True where a connection string says itself who logs in: by a name, or by the certificate of the connection. */
export function hasLogin(uri: string): boolean {
  return (
    /^mongodb(\+srv)?:\/\/[^/?]*@/.test(uri) || readOptions(uri).get('authmechanism')?.toLowerCase() === 'mongodb-x509'
  );
}

export function hostsOf(uri: string): string {
  return uri
    .replace(/^mongodb(\+srv)?:\/\//, '')
    .replace(/[/?].*$/s, '')
    .replace(/^.*@/s, '');
}

function readOptions(uri: string): ReadonlyMap<string, string> {
  if (!/^mongodb(\+srv)?:\/\/[^/?]/.test(uri))
    throw usageError('that is no connection string of MongoDB', 'it begins with mongodb:// or mongodb+srv://');
  const query = new URLSearchParams(uri.slice(uri.indexOf('?') + 1 || uri.length));
  return new Map([...query].map(([name, value]) => [name.toLowerCase(), value]));
}

/** The driver looks into it as late as it connects, and says what it finds in words of node:fs. */
function checkFile(option: string, file: string | undefined): void {
  if (file === undefined) return;
  try {
    accessSync(file, constants.R_OK);
    const status = statSync(file);
    if (status.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    // The driver reads it as often as it connects, and all of it.
    if (!status.isFile() || status.size > MAX_FILE) throw Object.assign(new Error('no file'), { code: NO_FILE });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(
      `the file of ${option} in the connection string cannot be read${code === undefined ? '' : ` (${code})`}`,
      'it is looked for on this machine; --mongodb-uri-file FILE gives a connection string for here',
    );
  }
}
