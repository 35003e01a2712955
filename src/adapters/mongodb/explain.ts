import { MongoBulkWriteError, MongoError, MongoServerSelectionError } from 'mongodb';
import { type ErrorCode, PaletteKeysError } from '../../errors.ts';

/** What is said of a failure, by the server's error code (mongo/base/error_codes.yml). */
const BY_CODE: ReadonlyMap<number, Kind> = new Map([
  [18, 'login'],
  [8000, 'login'],
  [13, 'denied'],
  [8, 'denied'],
  [10_107, 'primary'],
  [13_435, 'primary'],
  [11_602, 'primary'],
  [189, 'primary'],
  [91, 'primary'],
  [64, 'majority'],
  [100, 'majority'],
  [14_031, 'full'],
]);

type Kind = keyof typeof TEXTS;

const TEXTS = {
  hostname: [
    'DATABASE_UNTRUSTED',
    'the certificate of the server is not for the name that it was reached by',
    'reach it by a name of palette-mongodb-tls, or add the name to the spec',
  ],
  untrusted: [
    'DATABASE_UNTRUSTED',
    'the internal CA does not vouch for the certificate of the server',
    'give the server palette-mongodb-tls; for a CA of your own put tlsCAFile into the connection string',
  ],
  login: [
    'DATABASE_DENIED',
    'the server does not accept the login',
    'check that the user was made with the password of palette-mongodb-auth, or give --mongodb-uri-file',
  ],
  denied: [
    'DATABASE_DENIED',
    'the user may not do that',
    'it needs the role readWrite on the database (read suffices for list and verify)',
  ],
  primary: [
    'DATABASE_UNAVAILABLE',
    'the replica set has no primary that takes writes',
    'wait until it has elected one, and run the command again',
  ],
  majority: [
    'DATABASE_UNAVAILABLE',
    'a majority of the replica set did not confirm a write in time',
    'look at its members, and run the command again: it completes',
  ],
  full: ['DISK_FULL', 'the disk of the server is full', 'make room there, and run the command again: it completes'],
  gone: [
    'DATABASE_UNAVAILABLE',
    'the server cannot be reached, or went away',
    'check its address and that it runs, then run the command again: it completes',
  ],
  other: ['DATABASE_UNAVAILABLE', 'the server failed', 'look into its log, and run the command again'],
} as const satisfies Record<string, readonly [ErrorCode, string, string]>;

/** A failure of the driver in our words: its own can quote connection strings. `hints`: instead of the usual ones. */
export function explain(error: unknown, location: string, hints: Partial<Record<Kind, string>> = {}): unknown {
  if (!(error instanceof MongoError || isNameServer(error))) return error;
  const all = causesOf(error);
  const kind = all.map(kindOf).find((found) => found !== undefined) ?? (all.some(isNetwork) ? 'gone' : 'other');
  const [code, what, usual] = TEXTS[kind];
  const hint = hints[kind] ?? usual;
  const number = kind === 'other' ? all.find(({ code: found }) => typeof found === 'number')?.code : undefined;
  return new PaletteKeysError(code, `${location}: ${what}${number === undefined ? '' : ` (code ${number})`}`, { hint });
}

/** True where the server does not know the user, or the password is another one. */
export function isLoginRefused(error: unknown): boolean {
  return causesOf(error).some(({ code }) => typeof code === 'number' && BY_CODE.get(code) === 'login');
}

function kindOf({ error, name, code, message }: Cause): Kind | undefined {
  if (typeof code === 'number' && BY_CODE.has(code)) return BY_CODE.get(code);
  if (/no space left|out of disk|disk (is )?full|quota exceeded/i.test(message)) return 'full';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'hostname';
  if (typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(code)) return 'untrusted';
  if (isNameServer(error)) return 'gone';
  return name === 'MongoServerSelectionError' && hasOnlySecondaries(error) ? 'primary' : undefined;
}

/** The driver passes on what node:dns says where it asks for the servers of a `mongodb+srv` connection string. */
function isNameServer(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && /^query(Srv|Txt)$/.test(String(error.syscall));
}

function hasOnlySecondaries(error: unknown): boolean {
  if (!(error instanceof MongoServerSelectionError)) return false;
  const types = [...(error.reason?.servers.values() ?? [])].map(({ type }) => type);
  return types.includes('RSSecondary') && !types.includes('RSPrimary');
}

/** A bulk that was cut off is told by its text alone: the driver keeps no cause. */
function isNetwork({ name, code, message }: Cause): boolean {
  const cutOff =
    name === 'MongoBulkWriteError' && code === undefined && /\bconnection\b|socket|timed out|ECONN/i.test(message);
  return cutOff || /Network|ServerSelection|PoolCleared|TopologyClosed|NotConnected|Timeout/.test(name);
}

/** One error of several; a single write that failed is none of class Error, but has a code and a text too. */
interface Cause {
  readonly error: unknown;
  readonly name: string;
  readonly code: unknown;
  readonly message: string;
}

/** The error, what caused it, what single writes of it failed for, and why each server could not be chosen. */
function causesOf(error: unknown): readonly Cause[] {
  if (typeof error !== 'object' || error === null) return [];
  const { name, code, message, errmsg, cause } = error as Readonly<Record<string, unknown>>;
  const inner: unknown[] = [cause];
  if (error instanceof MongoServerSelectionError) {
    inner.push(...[...(error.reason?.servers.values() ?? [])].map((server) => server.error));
  }
  if (error instanceof MongoBulkWriteError) {
    inner.push(error.result.getWriteConcernError(), ...[error.writeErrors].flat());
  }
  return [{ error, name: String(name), code, message: String(errmsg ?? message) }, ...inner.flatMap(causesOf)];
}
