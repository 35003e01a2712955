import { type ErrorCode, PaletteKeysError } from '../../errors.ts';
import { formatTime } from '../../ledger/entry.ts';
import { exposedIn } from '../../ledger/replacement.ts';
import { acceptedOf, activeOf } from '../../ledger/ring.ts';
import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer, Session } from '../../ports/database-users.ts';
import { ringsOfLedger } from '../../reconcile/plan/compare/compare.ts';
import { authoritiesOf, loginOf } from '../../tenants/keyring.ts';
import { showId } from '../../tenants/plan/tenant-id.ts';
import type { RotationContext } from '../context.ts';
import type { ScanNote } from '../facts/gathered.ts';
import { firstScanAt, hasScan, secondScanFrom } from '../facts/scans.ts';
import { isUserMade, type SessionsEvidence, type UsersEvidence } from '../facts/users.ts';
import { activeVersion, type EvidenceRequest, versionOf } from '../gate.ts';
import { requestedStep } from '../request.ts';
import type { EvidencePorts } from './ports.ts';
import { NAMED } from './tenants.ts';

const KIND = 'mongodb-auth';
/** Why a server cannot be asked; USAGE: the connection string of the spec is of no use from here. */
const UNASKED: readonly ErrorCode[] = ['DATABASE_UNAVAILABLE', 'DATABASE_UNTRUSTED', 'DATABASE_DENIED', 'USAGE'];

type UsersRequest = Extract<EvidenceRequest, { type: 'users' }>;

interface Found {
  readonly users: UsersEvidence;
  readonly scanned?: ScanNote;
}

/** Both logins, and who uses the first one. `since`: when all consumers were current. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function usersEvidence(
  request: UsersRequest,
  context: RotationContext,
  ports: EvidencePorts,
  since?: Date,
): Promise<Found> {
  const leaves = request.givesUp === true ? usernameOf(request.n, context) : undefined;
  if (leaves === undefined) return ask(request, context, ports, since);
  if (context.request.noTenantStore) return { users: { status: 'unknown', reason: '--no-tenant-store', leaves } };
  if (isUserMade(context.key, request.n)) return ask(request, context, ports, since);
  try {
    const found = await ask(request, context, ports, since);
    return found.users.status === 'unknown' ? { users: { ...found.users, leaves } } : found;
  } catch (error) {
    if (!(error instanceof PaletteKeysError) || !UNASKED.includes(error.code)) throw error;
    return { users: { status: 'unknown', reason: error.message, leaves } };
  }
}

function usernameOf(n: number, { comparison: { ledger, record } }: RotationContext): string | undefined {
  const ring = ringsOfLedger(ledger, record).get(KIND) ?? [];
  const version = ring.find((candidate) => candidate.n === n);
  return version === undefined ? undefined : loginOf(version).username;
}

async function ask(
  request: UsersRequest,
  context: RotationContext,
  ports: EvidencePorts,
  since: Date | undefined,
): Promise<Found> {
  const reached = await reachUsers(request.n, context, ports);
  if ('reason' in reached) return { users: { status: 'unknown', reason: reached.reason } };
  const { server, login, activeLogin, namesake } = reached;
  const { key } = context;
  const [answer, active] = [await server.tryLogin(login), await server.tryLogin(activeLogin)];
  // With another server's administrator another server's users would be made and dropped.
  const activeAccepted = active.accepted && (await server.admin?.accepts(activeLogin)) !== false;
  const known = {
    ...({ status: 'known', user: login.username, accepted: answer.accepted } as const),
    ...{ active: activeLogin.username, activeAccepted, namesake },
    hasWayBack: requestedStep(key.versions, { type: 'rollback' }, exposedIn(key)).type === 'promote',
    listed: answer.accepted ? true : await server.admin?.has(login.username),
    lacks: lacking(answer, active),
    managed: server.admin !== undefined,
  };
  if (!request.sessions || !answer.accepted || server.admin === undefined) {
    return { users: { ...known, sessions: undefined } };
  }
  const { sessions, scanned } = await look(login.username, request.n, server.admin, context, ports, since);
  return { users: { ...known, sessions }, ...(scanned === undefined ? {} : { scanned }) };
}

interface Reached extends Pick<Extract<UsersEvidence, { status: 'known' }>, 'namesake'> {
  readonly server: DatabaseUsers;
  readonly login: Login;
  readonly activeLogin: Login;
}

/** The server, and the logins of a version and of the active one; or why there are none. */
export async function reachUsers(
  n: number,
  { comparison: { ledger, record, snapshot } }: RotationContext,
  ports: EvidencePorts,
): Promise<Reached | { readonly reason: string }> {
  const rings = ringsOfLedger(ledger, record);
  const ring = rings.get(KIND) ?? [];
  const version = ring.find((candidate) => candidate.n === n);
  if (version === undefined || ring.every(({ state }) => state !== 'active'))
    return { reason: 'the ledger is not whole: palette-keys status says what is wrong' };
  const server = await ports.databaseUsers(snapshot.spec, authoritiesOf(rings));
  if (server === undefined) return { reason: 'no database is named' };
  const login = loginOf(version);
  const namesake = acceptedOf(ring).find((other) => other.n !== n && loginOf(other).username === login.username)?.n;
  return { server, login, activeLogin: loginOf(activeOf(ring)), namesake };
}

function lacking(answer: LoginAnswer, active: LoginAnswer): readonly string[] {
  if (!answer.accepted) return [];
  const missing = active.accepted ? active.roles.filter((role) => !answer.roles.includes(role)) : [];
  return [...missing.map(showId), ...(answer.reads ? [] : ['reading the tenant keys'])];
}

/** A second look is made when the first one is old enough; what turns up in between makes both begin anew. */
async function look(
  username: string,
  n: number,
  admin: DatabaseAdmin,
  { key, comparison: { snapshot } }: RotationContext,
  ports: EvidencePorts,
  since: Date | undefined,
): Promise<{ readonly sessions: SessionsEvidence; readonly scanned?: ScanNote }> {
  const active = activeVersion(key);
  const old = versionOf(key, n);
  const { location } = admin;
  const now = ports.clock.now();
  const known = firstScanAt(key, old, active, { now, location, since });
  const at = new Date(formatTime(now));
  if (known !== undefined && at < secondScanFrom(known, snapshot.spec)) {
    return { sessions: { status: 'none', first: known, last: known } };
  }
  const open = await admin.sessions(username);
  if (open.length > 0) {
    const scanned = hasScan(key, old) ? { scanned: { old, active, scan: undefined } } : {};
    return { sessions: { status: 'open', blockers: describeSessions(open) }, ...scanned };
  }
  if (known !== undefined) return { sessions: { status: 'none', first: known, last: at } };
  return { sessions: { status: 'none', first: at, last: at }, scanned: { old, active, scan: { begun: at, location } } };
}

function describeSessions(sessions: readonly Session[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { client, member } of sessions) {
    const name = `${showId(client)} on ${member}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const words = [...counts].map(([name, count]) => `${count} of ${name}`);
  return words.length > NAMED ? [...words.slice(0, NAMED), `and ${words.length - NAMED} more`] : words;
}
