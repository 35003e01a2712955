import { parseDuration } from '../../installation/duration.ts';
import { secondScanFrom } from '../scans.ts';
import {
  activeVersion,
  closed,
  type Decision,
  type Evidence,
  type EvidenceRequest,
  type Gate,
  OPEN,
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

/**
 * Two users, so that nobody is cut off: the new one is there and was tried before anybody is told its password, and the old
 * one goes when nobody has used it for a while. Whatever step is taken, the server is asked first.
 */
export const mongodbAuth: Gate = {
  conditions: {
    promote: 'every consumer and member has the new keyfile, and a login with the new user reads the tenant keys',
    retire:
      'every consumer has the new user, two looks, a sync period apart, find no session of the old one, and it is dropped',
  },
  soak: (type, { rotation }, compromised) =>
    type === 'retire' && !compromised ? parseDuration(rotation.syncPeriod) : 0,
  guardsReturns: true,
  needs: (situation) => {
    const { step } = situation;
    if (step.type !== 'promote' && step.type !== 'retire') return [];
    return [...consumers(situation), { type: 'users', n: step.n, sessions: isWatched(situation) }];
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
  if (step.type !== 'promote' && step.type !== 'retire') return { decision: OPEN };
  const current = consumers(situation).length === 0 ? OPEN : afterCurrent(evidence.consumers, now);
  if (!current.open) return { decision: current };
  const { users } = evidence;
  if (users?.status !== 'known') {
    const why = users?.reason ?? 'nobody has looked';
    const ways = ['mongodb.uri in the spec, --mongodb-uri-file FILE or --mongodb-admin-uri-file FILE: it is asked'];
    const reason = `nobody knows which users the database server has (${why})`;
    return { decision: { open: false, reason, blockers: ways, stuck: true } };
  }
  return step.type === 'promote' ? usable(users) : gone(users, situation);
}

/** Going back, and giving up what nobody has used, concerns no consumer. */
function consumers(situation: Situation): readonly EvidenceRequest[] {
  const { step } = situation;
  if (step.type === 'promote' && step.back !== true) {
    return [{ type: 'consumers', entry: versionOf(situation, step.n), acknowledged: true, reloads: true }];
  }
  if (step.type !== 'retire' || versionOf(situation, step.n).state === 'published') return [];
  return [{ type: 'consumers', entry: activeVersion(situation), acknowledged: false, reloads: true }];
}

function usable({ user, accepted, lacks, managed }: Known): Verdict {
  if (!accepted && managed) return { decision: closed(`the user ${user} is to be made first`), work: 'create' };
  if (!accepted) return { decision: closed(`the server does not take the login of ${user}`, WAYS) };
  if (lacks.length === 0) return { decision: OPEN };
  return { decision: closed(`the user ${user} may not do what the active one may`, lacks) };
}

/** Whoever holds a password that was stolen must not be able to keep it alive by a session. */
function isWatched(situation: Situation): boolean {
  const { step, compromised } = situation;
  return step.type === 'retire' && versionOf(situation, step.n).state === 'trusted' && !compromised;
}

/** A version is retired when its user is gone from the server: a password that opens nothing harms nobody. */
function gone({ user, accepted, activeAccepted, managed, sessions }: Known, situation: Situation): Verdict {
  if (!activeAccepted) {
    return { decision: closed('the server does not take the login of the active user: is it the right one?') };
  }
  if (!accepted) return { decision: OPEN };
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
