import { formatTime } from '../ledger/entry.ts';
import { acceptedOf, activeOf, type RingVersion } from '../ledger/ring.ts';
import { textEntry } from '../ledger/text.ts';
import { ringsOfLedger } from '../plan/assess.ts';
import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer, Session } from '../ports/database-users.ts';
import { firstScanAt, hasScan, secondScanFrom } from '../rotation/scans.ts';
import { activeVersion, type EvidenceRequest, versionOf } from '../rotation/situation.ts';
import type { SessionsEvidence, UsersEvidence } from '../rotation/users.ts';
import { showId } from '../tenants/tenant-id.ts';
import type { EvidencePorts, Observation } from './observation.ts';
import type { ScanNote } from './tenant-evidence.ts';
import { authoritiesOf } from './tenant-keyring.ts';

const KIND = 'mongodb-auth';
/** So many clients are named. */
const NAMED = 20;

/** Both logins, and who uses the first one. `since`: when all consumers were current. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function usersEvidence(
  request: Extract<EvidenceRequest, { type: 'users' }>,
  observation: Observation,
  ports: EvidencePorts,
  since?: Date,
): Promise<{ readonly users: UsersEvidence; readonly scanned?: ScanNote }> {
  const reached = await reachUsers(request.n, observation, ports);
  if ('reason' in reached) return { users: { status: 'unknown', reason: reached.reason } };
  const { server, login, activeLogin, namesake } = reached;
  const [answer, active] = [await server.tryLogin(login), await server.tryLogin(activeLogin)];
  // With another server's administrator another server's users would be made and dropped.
  const activeAccepted = active.accepted && (await server.admin?.accepts(activeLogin)) !== false;
  const known = {
    ...({ status: 'known', user: login.username, accepted: answer.accepted } as const),
    ...{ active: activeLogin.username, activeAccepted, namesake },
    listed: answer.accepted ? true : await server.admin?.has(login.username),
    lacks: lacking(answer, active),
    managed: server.admin !== undefined,
  };
  if (!request.sessions || !answer.accepted || server.admin === undefined) {
    return { users: { ...known, sessions: undefined } };
  }
  const { sessions, scanned } = await look(login.username, request.n, server.admin, observation, ports, since);
  return { users: { ...known, sessions }, ...(scanned === undefined ? {} : { scanned }) };
}

/** What there is to ask, and about whom. */
interface Reached {
  readonly server: DatabaseUsers;
  readonly login: Login;
  readonly activeLogin: Login;
  /** Another version in use whose user has the same name. */
  readonly namesake: number | undefined;
}

/** The server, and the logins of a version and of the active one; or why there are none. */
export async function reachUsers(
  n: number,
  { assessment: { ledger, record, snapshot } }: Observation,
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

function loginOf({ material }: RingVersion): Login {
  return { username: textEntry(material.entries, 'username'), password: textEntry(material.entries, 'password') };
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
  { key, assessment: { snapshot } }: Observation,
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
    return { sessions: { status: 'open', blockers: inWords(open) }, ...scanned };
  }
  if (known !== undefined) return { sessions: { status: 'none', first: known, last: at } };
  return { sessions: { status: 'none', first: at, last: at }, scanned: { old, active, scan: { begun: at, location } } };
}

function inWords(sessions: readonly Session[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { client, member } of sessions) {
    const name = `${showId(client)} on ${member}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const words = [...counts].map(([name, count]) => `${count} of ${name}`);
  return words.length > NAMED ? [...words.slice(0, NAMED), `and ${words.length - NAMED} more`] : words;
}
