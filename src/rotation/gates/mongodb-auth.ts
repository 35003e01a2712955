import { parseDuration } from '../../installation/duration.ts';
import { secondOf } from '../../inventory/kinds/mongodb-keyfile.ts';
import { activeSinceOf, type VersionRecord } from '../../ledger/record.ts';
import { isLeftover } from '../machine.ts';
import { secondScanFrom } from '../scans.ts';
import {
  activeVersion,
  closed,
  type Decision,
  type Evidence,
  type EvidenceRequest,
  type Gate,
  OPEN,
  refused,
  type Situation,
  versionOf,
} from '../situation.ts';
import type { SessionsEvidence, UsersEvidence } from '../users.ts';
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
  guardsReturns: true,
  needs: (situation) => {
    const { step } = situation;
    if (step.type === 'reinstate' || step.type === 'destroy') return [];
    // What could neither be promoted nor given up is not published.
    const n = step.type === 'publish' ? activeVersion(situation).n : step.n;
    const givesUp = isGivenUp(situation) ? ({ givesUp: true } as const) : {};
    return [...consumers(situation), { type: 'users', n, sessions: isWatched(situation), ...givesUp }];
  },
  decide: (situation, evidence, now) => judge(situation, evidence, now).decision,
};

/** The work on the server that is due now: all else that the step needs is there. */
export function dueWork(situation: Situation, evidence: Evidence, now: Date): UserWork | undefined {
  return judge(situation, evidence, now).work;
}

interface Verdict {
  readonly decision: Decision;
  readonly work?: UserWork;
}

function judge(situation: Situation, evidence: Evidence, now: Date): Verdict {
  const { step } = situation;
  if (step.type === 'reinstate' || step.type === 'destroy') return { decision: OPEN };
  const left = leftOut(situation);
  if (!left.open) return { decision: left };
  const current = consumers(situation).length === 0 ? OPEN : afterCurrent(evidence.consumers, now);
  if (!current.open) return { decision: step.type === 'publish' ? stillShown(current, evidence) : current };
  const { users } = evidence;
  if (users?.status === 'unknown' && users.leaves !== undefined) return { decision: OPEN };
  if (users?.status !== 'known') {
    const why = users?.reason ?? 'nobody has looked';
    const ways = [
      'mongodb.uri in the spec, --mongodb-uri-file FILE or --mongodb-admin-uri-file FILE: it is asked',
      ...onWord(situation),
    ];
    const reason = `nobody knows which users the database server has (${why})`;
    return { decision: { open: false, reason, blockers: ways, stuck: true } };
  }
  if (step.type === 'publish') return { decision: OPEN };
  return step.type === 'promote' ? usable(users, situation) : gone(users, situation);
}

function isGivenUp({ step, versions }: Situation): boolean {
  return step.type === 'retire' && versionOf({ versions }, step.n).state === 'published';
}

/** Nobody has used what is only published: there is no session to end. */
function onWord(situation: Situation): readonly string[] {
  return isGivenUp(situation)
    ? ['--no-tenant-store: it is not asked; if it has the user of that version, drop that by hand']
    : [];
}

/**
 * A keyfile holds two keys, and a member shows the first one that it was started with. So none is dropped that a member may
 * still show, and none is put first that a member may not accept. Giving up what nobody has used drops nothing of the kind.
 */
function consumers(situation: Situation): readonly EvidenceRequest[] {
  const { step, versions } = situation;
  const ofKind = { type: 'consumers', acknowledged: false, reloads: true } as const;
  if (step.type === 'publish') {
    return versions.some(isLeftover) ? [{ ...ofKind, entry: activeVersion(situation) }] : [];
  }
  if (step.type === 'promote') {
    const version = versionOf(situation, step.n);
    if (version.state === 'published') return [{ ...ofKind, entry: version, acknowledged: true }];
    return hasChangedPlaces(situation, version) ? [] : [{ ...ofKind, entry: changedLast(versions) }];
  }
  if (step.type !== 'retire' || isGivenUp(situation)) return [];
  return [{ ...ofKind, entry: activeVersion(situation) }];
}

/** True where members have the keys of the active version and of this one, and no other since: they were promoted in turn. */
function hasChangedPlaces({ step, versions }: Situation, version: VersionRecord): boolean {
  if (step.type !== 'promote' || step.back !== true || activeSinceOf(version) === undefined) return false;
  const active = activeVersion({ versions });
  const others = versions.filter(({ n }) => n !== version.n && n !== active.n);
  const isBetween = others.some(({ history }) =>
    history.some(({ state, at }) => state === 'published' && at >= active.since),
  );
  return version.since === active.since && !isBetween;
}

function changedLast(versions: Situation['versions']): VersionRecord {
  const [first, ...others] = versions;
  if (first === undefined) throw new Error('a kind without versions');
  return others.reduce((last, version) => (version.since >= last.since ? version : last), first);
}

/** Members cannot be given the key of a version while another one is the second. */
function leftOut({ step, versions }: Situation): Decision {
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
function usable(known: Known, situation: Situation): Verdict {
  const { step } = situation;
  const goesBack = step.type === 'promote' && step.back === true;
  const { user, accepted, activeAccepted, lacks, managed, namesake } = known;
  if (!activeAccepted && !(goesBack && accepted)) return { decision: activeRefused(known) };
  if (!accepted && namesake !== undefined) {
    const reason = `the user ${user} is that of v${namesake}, with the password of v${namesake}`;
    return { decision: refused(reason, otherName(situation)) };
  }
  if (!accepted && managed) return { decision: closed(`the user ${user} is to be made first`), work: 'create' };
  if (!accepted) return { decision: closed(`the server does not take the login of ${user}`, WAYS) };
  if (lacks.length === 0) return { decision: OPEN };
  return { decision: closed(`the user ${user} may not do what the active one may`, lacks) };
}

/** A version that is published stands in the way of the next one. */
function otherName({ step, versions }: Situation): string {
  const isPublished = step.type === 'promote' && versionOf({ versions }, step.n).state === 'published';
  return isPublished
    ? '--rollback gives it up; then palette-keys rotate mongodb-auth --again makes a user of another name'
    : 'palette-keys rotate mongodb-auth --again makes a user of another name';
}

/** Whoever holds a password that was stolen must not be able to keep it alive by a session. */
function isWatched(situation: Situation): boolean {
  const { step, compromised } = situation;
  return step.type === 'retire' && versionOf(situation, step.n).state === 'trusted' && !compromised;
}

/**
 * A version is retired when its user is gone from the server: a password that opens nothing harms nobody. A refused login
 * says so only where nobody may list users: it is refused to a user with another mechanism, or from another address, too.
 * A user whose name another version has goes with that one.
 */
function gone(known: Known, situation: Situation): Verdict {
  const { user, accepted, activeAccepted, listed, managed, namesake, sessions } = known;
  if (!activeAccepted) return { decision: activeRefused(known) };
  if (namesake !== undefined || (!accepted && listed !== true)) return { decision: OPEN };
  if (!accepted) return { decision: closed(`the server has a user ${user}, and does not take its login`, FOREIGN) };
  if (!managed) return { decision: closed(`the user ${user} is still on the server`, WAYS) };
  const unused = isWatched(situation) ? unusedFor(user, sessions, situation.spec) : OPEN;
  if (!unused.open) return { decision: unused };
  return { decision: closed(`the user ${user} is to be dropped first`), work: 'drop' };
}

function unusedFor(user: string, sessions: SessionsEvidence | undefined, spec: Situation['spec']): Decision {
  if (sessions === undefined) return closed(`nobody has looked whether sessions of ${user} are open`);
  if (sessions.status === 'open') return closed(`sessions of ${user} are open`, sessions.blockers);
  const until = secondScanFrom(sessions.first, spec);
  if (sessions.last >= until) return OPEN;
  const reason = `no session of ${user} is open; a second look has to find the same`;
  return { open: false, reason, until, blockers: [] };
}
