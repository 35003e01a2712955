import { parseDuration } from '../../installation/duration.ts';
import { secondOf } from '../../inventory/kinds/mongodb-keyfile.ts';
import { activeSinceOf, type VersionRecord } from '../../ledger/record.ts';
import { secondScanFrom } from '../facts/scans.ts';
import type { SessionsEvidence, UsersEvidence } from '../facts/users.ts';
import {
  activeVersion,
  closed,
  type Decision,
  type Evidence,
  type EvidenceRequest,
  type Gate,
  type GateInput,
  OPEN,
  refused,
  versionOf,
} from '../gate.ts';
import { isSuperseded } from '../machine.ts';
import { afterCurrent } from './consumers.ts';

/** What has to be done to a user of the server before the step can be taken. */
export type UserWork = 'create' | 'drop';

type Known = Extract<UsersEvidence, { status: 'known' }>;

const WAYS = [
  '--mongodb-admin-uri-file FILE: it is done with that login',
  'or by hand: docs/runbooks/rotate-mongodb-auth.md',
];

const FOREIGN = [
  'it has another password or no SCRAM-SHA-256, or may not log in from here: if nothing uses it, drop it by hand',
  'without --mongodb-admin-uri-file the refused login is enough: the user then stays',
];

/**
 * Two users, so that nobody is cut off: the new one is there and was tried before anybody is told its password, and the old
 * one goes when nobody has used it for a while. Whatever step is taken, the server is asked first.
 */
export const mongodbAuth: Gate = {
  conditions: {
    publish: 'the database can be asked, and no member may still show a key that the keyfile would lose',
    promote:
      'every consumer and member has the new keyfile, and a login with the new user reads the tenant keys, on a server that takes the active login',
    retire:
      'every consumer has the new user, two looks, a sync period apart, find no session of the old one, and it is dropped',
  },
  soak: (type, { rotation }, compromised) =>
    type === 'retire' && !compromised ? parseDuration(rotation.syncPeriod) : 0,
  needs: (input) => {
    const { step } = input;
    if (step.type === 'reinstate' || step.type === 'destroy') return [];
    // What could neither be promoted nor given up is not published.
    const n = step.type === 'publish' ? activeVersion(input).n : step.n;
    const givesUp = isGivenUp(input) ? ({ givesUp: true } as const) : {};
    return [...consumers(input), { type: 'users', n, sessions: isWatched(input), ...givesUp }];
  },
  decide: (input, evidence, now) => judge(input, evidence, now).decision,
};

/** The work on the server that is due now: all else that the step needs is there. */
export function dueWork(input: GateInput, evidence: Evidence, now: Date): UserWork | undefined {
  return judge(input, evidence, now).work;
}

interface Verdict {
  readonly decision: Decision;
  readonly work?: UserWork;
}

function judge(input: GateInput, evidence: Evidence, now: Date): Verdict {
  const { step } = input;
  if (step.type === 'reinstate' || step.type === 'destroy') return { decision: OPEN };
  const left = leftOut(input);
  if (!left.open) return { decision: left };
  const current = consumers(input).length === 0 ? OPEN : afterCurrent(evidence.consumers, now);
  if (!current.open) return { decision: step.type === 'publish' ? stillShown(current, evidence) : current };
  const { users } = evidence;
  if (users?.status === 'unknown' && users.leaves !== undefined) return { decision: OPEN };
  if (users?.status !== 'known') {
    const why = users?.reason ?? 'nobody has looked';
    const ways = [
      'mongodb.uri in the spec, --mongodb-uri-file FILE or --mongodb-admin-uri-file FILE: it is asked',
      ...onWord(input),
    ];
    const reason = `nobody knows which users the database server has (${why})`;
    return { decision: { open: false, reason, blockers: ways, stuck: true } };
  }
  if (step.type === 'publish') return { decision: OPEN };
  return step.type === 'promote' ? usable(users, input) : gone(users, input);
}

function isGivenUp({ step, versions }: GateInput): boolean {
  return step.type === 'retire' && versionOf({ versions }, step.n).state === 'published';
}

/** Nobody has used what is only published: there is no session to end. */
function onWord(input: GateInput): readonly string[] {
  return isGivenUp(input)
    ? ['--no-tenant-store: it is not asked; if it has the user of that version, drop that by hand']
    : [];
}

/**
 * A keyfile holds two keys, and a member shows the first one that it was started with. So none is dropped that a member may
 * still show, and none is put first that a member may not accept. Giving up what nobody has used drops nothing of the kind.
 */
function consumers(input: GateInput): readonly EvidenceRequest[] {
  const { step, versions } = input;
  const ofKind = { type: 'consumers', acknowledged: false, reloads: true } as const;
  if (step.type === 'publish') {
    return versions.some(isSuperseded) ? [{ ...ofKind, entry: activeVersion(input) }] : [];
  }
  if (step.type === 'promote') {
    const version = versionOf(input, step.n);
    if (version.state === 'published') return [{ ...ofKind, entry: version, acknowledged: true }];
    return hasChangedPlaces(input, version) ? [] : [{ ...ofKind, entry: changedLast(versions) }];
  }
  if (step.type !== 'retire' || isGivenUp(input)) return [];
  return [{ ...ofKind, entry: activeVersion(input) }];
}

/** True where members have the keys of the active version and of this one, and no other since: they were promoted in turn. */
function hasChangedPlaces({ step, versions }: GateInput, version: VersionRecord): boolean {
  if (step.type !== 'promote' || step.back !== true || activeSinceOf(version) === undefined) return false;
  const active = activeVersion({ versions });
  const others = versions.filter(({ n }) => n !== version.n && n !== active.n);
  const isBetween = others.some(({ history }) =>
    history.some(({ state, at }) => state === 'published' && at >= active.since),
  );
  return version.since === active.since && !isBetween;
}

function changedLast(versions: GateInput['versions']): VersionRecord {
  const [first, ...others] = versions;
  if (first === undefined) throw new Error('a kind without versions');
  return others.reduce((last, version) => (version.since >= last.since ? version : last), first);
}

/** Members cannot be given the key of a version while another one is the second. */
function leftOut({ step, versions }: GateInput): Decision {
  if (step.type !== 'promote') return OPEN;
  const second = secondOf(versions.map((version) => ({ ...version, activeSince: activeSinceOf(version) })));
  if (second === undefined || second.n === step.n) return OPEN;
  const reason = `the keyfile holds the key of v${second.n} besides the active one, and not that of v${step.n}`;
  const blockers = [`--retire ${second.kid}: it then holds that of v${step.n}`];
  return { open: false, reason, blockers, stuck: true };
}

function stillShown(current: Extract<Decision, { open: false }>, { consumers: found }: Evidence): Decision {
  const ways = found?.status === 'behind' ? ['--restart starts them anew, one by one'] : [];
  const reason = `members may still show the key that the next one displaces: ${current.reason}`;
  return { ...current, reason, blockers: [...current.blockers, ...ways] };
}

/** A server that refuses the active login is not the one that services use, or somebody has changed that user there. */
function activeRefused({ active, hasWayBack }: Known): Decision {
  const back = hasWayBack ? ', or go back: --rollback' : '';
  return closed(`the server does not take the login of the active user ${active}`, [
    'where it is not the server that services use: --mongodb-uri-file FILE names that',
    `where somebody has changed ${active} there: give it the password of palette-mongodb-auth${back}`,
    'it has to take a login by SCRAM-SHA-256 from here',
  ]);
}

/**
 * Going back is the way out where the active user is spoilt: what was the active user once has the roles that it needs.
 * Otherwise nobody could compare them, and the server may be any other with a user of that name.
 */
function usable(known: Known, input: GateInput): Verdict {
  const { step } = input;
  const goesBack = step.type === 'promote' && step.back === true;
  const { user, accepted, activeAccepted, lacks, managed, namesake } = known;
  if (!activeAccepted && !(goesBack && accepted)) return { decision: activeRefused(known) };
  if (!accepted && namesake !== undefined) {
    const reason = `the user ${user} is that of v${namesake}, with the password of v${namesake}`;
    return { decision: refused(reason, otherName(input)) };
  }
  if (!accepted && managed) return { decision: closed(`the user ${user} is to be made first`), work: 'create' };
  if (!accepted) return { decision: closed(`the server does not take the login of ${user}`, WAYS) };
  if (lacks.length === 0) return { decision: OPEN };
  return { decision: closed(`the user ${user} may not do what the active one may`, lacks) };
}

/** A version that is published stands in the way of the next one. */
function otherName({ step, versions }: GateInput): string {
  const isPublished = step.type === 'promote' && versionOf({ versions }, step.n).state === 'published';
  return isPublished
    ? '--rollback gives it up; then palette-keys rotate mongodb-auth --again makes a user of another name'
    : 'palette-keys rotate mongodb-auth --again makes a user of another name';
}

/** Whoever holds a password that was stolen must not be able to keep it alive by a session. */
function isWatched(input: GateInput): boolean {
  const { step, compromised } = input;
  return step.type === 'retire' && versionOf(input, step.n).state === 'trusted' && !compromised;
}

/**
 * A version is retired when its user is gone from the server: a password that opens nothing harms nobody. A refused login
 * says so only where nobody may list users: it is refused to a user with another mechanism, or from another address, too.
 * A user whose name another version has goes with that one.
 */
function gone(known: Known, input: GateInput): Verdict {
  const { user, accepted, activeAccepted, listed, managed, namesake, sessions } = known;
  if (!activeAccepted) return { decision: activeRefused(known) };
  if (namesake !== undefined || (!accepted && listed !== true)) return { decision: OPEN };
  if (!accepted) return { decision: closed(`the server has a user ${user}, and does not take its login`, FOREIGN) };
  if (!managed) return { decision: closed(`the user ${user} is still on the server`, WAYS) };
  const unused = isWatched(input) ? unusedFor(user, sessions, input.spec) : OPEN;
  if (!unused.open) return { decision: unused };
  return { decision: closed(`the user ${user} is to be dropped first`), work: 'drop' };
}

function unusedFor(user: string, sessions: SessionsEvidence | undefined, spec: GateInput['spec']): Decision {
  if (sessions === undefined) return closed(`nobody has looked whether sessions of ${user} are open`);
  if (sessions.status === 'open') return closed(`sessions of ${user} are open`, sessions.blockers);
  const until = secondScanFrom(sessions.first, spec);
  if (sessions.last >= until) return OPEN;
  const reason = `no session of ${user} is open; a second look has to find the same`;
  return { open: false, reason, until, blockers: [] };
}
