import { PaletteKeysError } from '../errors.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { formatTime } from '../ledger/entry.ts';
import { activeOf, type RingVersion } from '../ledger/ring.ts';
import { textEntry } from '../ledger/text.ts';
import { ringsOfLedger } from '../plan/assess.ts';
import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer, Session } from '../ports/database-users.ts';
import { dueWork } from '../rotation/gates/mongodb-auth.ts';
import { firstScanOf, secondScanFrom } from '../rotation/scans.ts';
import {
  activeVersion,
  type Evidence,
  type EvidenceRequest,
  type Situation,
  versionOf,
} from '../rotation/situation.ts';
import type { SessionsEvidence, UsersEvidence } from '../rotation/users.ts';
import { showId } from '../tenants/tenant-id.ts';
import type { EvidencePorts, Observation } from './observation.ts';
import type { AdvanceInput, AdvancePorts, Log } from './rotation-run.ts';
import type { ScanNote } from './tenant-evidence.ts';
import { authoritiesOf } from './tenant-keyring.ts';

/** How one gets to the users of the database server; undefined where nobody says where it is. `ca`: PEM, the internal CAs. */
export type UsersOfDatabase = (spec: InstallationSpec, ca: string) => Promise<DatabaseUsers> | undefined;

const KIND = 'mongodb-auth';
/** So many clients are named. */
const NAMED = 20;

/** Both logins, and who uses the first one. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function usersEvidence(
  request: Extract<EvidenceRequest, { type: 'users' }>,
  observation: Observation,
  ports: EvidencePorts,
): Promise<{ readonly users: UsersEvidence; readonly scanned?: ScanNote }> {
  const reached = await reach(request.n, observation, ports);
  if ('reason' in reached) return { users: { status: 'unknown', reason: reached.reason } };
  const { server, login, activeLogin } = reached;
  const [answer, active] = [await server.tryLogin(login), await server.tryLogin(activeLogin)];
  const known = {
    ...({ status: 'known', user: login.username, accepted: answer.accepted, activeAccepted: active.accepted } as const),
    lacks: lacking(answer, active),
    managed: server.admin !== undefined,
  };
  if (!request.sessions || !answer.accepted || server.admin === undefined) {
    return { users: { ...known, sessions: undefined } };
  }
  const { sessions, scanned } = await look(login.username, request.n, server.admin, observation, ports);
  return { users: { ...known, sessions }, ...(scanned === undefined ? {} : { scanned }) };
}

/** Makes or drops the user where that alone is left before the step, once a run. Returns whether it did. Throws REFUSED. */
export async function changeUsers(
  situation: Situation,
  evidence: Evidence,
  { input, observation }: { readonly input: AdvanceInput; readonly observation: Observation },
  log: Log,
  ports: AdvancePorts,
): Promise<boolean> {
  const { step, kind } = situation;
  if (kind !== KIND || !('n' in step) || input.rehearses) return false;
  const work = dueWork(situation, evidence, ports.clock.now());
  const deed = `${work} v${step.n}`;
  // What it has not brought about it would not a second time.
  if (work === undefined || log.usersChanged.has(deed)) return false;
  const reached = await reach(step.n, observation, ports);
  if ('reason' in reached) return false;
  const { server, login, activeLogin } = reached;
  const { admin } = server;
  if (admin === undefined) return false;
  const { username } = login;
  log.usersChanged.add(deed);
  const action = `${work === 'create' ? 'make' : 'drop'} the user ${username} in ${admin.location}`;
  await input.agree({ kind, action, plan: undefined, irrevocable: undefined });
  ports.signal.throwIfAborted();
  if (work === 'drop') await admin.drop(username);
  else if ((await admin.create(login, activeLogin.username)) === 'exists') {
    // Another run of ours may have been quicker.
    const { accepted } = await server.tryLogin(login);
    if (!accepted) throw leftOver(username);
  }
  return true;
}

/** An older rotation has left it, or somebody else has made it: its password is not ours, and stays as it is. */
function leftOver(username: string): PaletteKeysError {
  return new PaletteKeysError('REFUSED', `there is a user ${username} already, with another password`, {
    hint: `if nothing uses it, drop it (mongosh: db.getSiblingDB("admin").dropUser("${username}")), and run the command again`,
  });
}

async function reach(
  n: number,
  { assessment: { ledger, record, snapshot } }: Observation,
  ports: EvidencePorts,
): Promise<
  { readonly server: DatabaseUsers; readonly login: Login; readonly activeLogin: Login } | { readonly reason: string }
> {
  const rings = ringsOfLedger(ledger, record);
  const ring = rings.get(KIND) ?? [];
  const version = ring.find((candidate) => candidate.n === n);
  if (version === undefined || ring.every(({ state }) => state !== 'active'))
    return { reason: 'the ledger is not whole: palette-keys status says what is wrong' };
  const server = await ports.databaseUsers(snapshot.spec, authoritiesOf(rings));
  if (server === undefined) return { reason: 'no database is named' };
  return { server, login: loginOf(version), activeLogin: loginOf(activeOf(ring)) };
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
): Promise<{ readonly sessions: SessionsEvidence; readonly scanned?: ScanNote }> {
  const active = activeVersion(key);
  const old = versionOf(key, n);
  const known = firstScanOf(key, old, active);
  const at = new Date(formatTime(ports.clock.now()));
  if (known !== undefined && at < secondScanFrom(known, snapshot.spec)) {
    return { sessions: { status: 'none', first: known, last: known } };
  }
  const open = await admin.sessions(username);
  if (open.length > 0) {
    const scanned = known === undefined ? {} : { scanned: { old, active, unneededAt: undefined } };
    return { sessions: { status: 'open', blockers: inWords(open) }, ...scanned };
  }
  if (known !== undefined) return { sessions: { status: 'none', first: known, last: at } };
  return { sessions: { status: 'none', first: at, last: at }, scanned: { old, active, unneededAt: formatTime(at) } };
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
