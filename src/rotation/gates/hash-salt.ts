import { describeCensus, doubtOf, neededOf } from '../facts/census.ts';
import {
  activeVersion,
  all,
  type CensusEvidence,
  closed,
  type Decision,
  forgottenBy,
  type Gate,
  type GateInput,
  OPEN,
  refused,
  versionOf,
} from '../gate.ts';
import { afterCurrent, keyringReaders } from './consumers.ts';

/** What was hashed is known at the next login alone: the old salt stays trusted until no record needs it. */
export const hashSalt: Gate = {
  conditions: {
    promote: 'every consumer reads the keyring and has it; a census is configured',
    retire:
      'every consumer uses the new one, and a count taken after that finds no record that needs the old one; until then it stays trusted, and the rotation is finished',
  },
  soak: () => 0,
  needs: (input) => {
    const { step } = input;
    if (forgottenBy(input) !== undefined) return [{ type: 'census', onWord: true }];
    if (step.type === 'publish') return [{ type: 'readers' }];
    if (step.type === 'promote') {
      const entry = versionOf(input, step.n);
      return [{ type: 'readers' }, { type: 'consumers', entry, acknowledged: true, reloads: true }];
    }
    // Counted last: whoever still hashes with the old salt makes records that a count before would not have seen.
    return [{ type: 'consumers', entry: activeVersion(input), acknowledged: false, reloads: true }, { type: 'census' }];
  },
  decide: (input, evidence, now) => {
    const { step } = input;
    const forgotten = forgottenBy(input);
    if (forgotten !== undefined) {
      // On its own, the number is about an old salt that is trusted.
      const unused = unneeded(input, forgotten.kid, evidence.census, `--${step.type} ${forgotten.kid} ${RESETS}`);
      const asked = unlessNone(unused, evidence.census, step);
      return step.type === 'destroy' ? destroyable(asked, forgotten.kid) : undecided(asked);
    }
    if (step.type === 'publish') return all(configured(input), keyringReaders(evidence, 'salt'));
    const current = afterCurrent(evidence.consumers, now);
    if (step.type === 'promote') return all(configured(input), keyringReaders(evidence, 'salt'), current);
    return step.type === 'retire' ? all(current, unneeded(input, versionOf(input, step.n).kid, evidence.census)) : OPEN;
  },
};

function configured({ spec }: Pick<GateInput, 'spec'>): Decision {
  if (spec.hashSalt.census !== null) return OPEN;
  return refused(
    'no census is configured: nobody could ever tell when the old salt is no longer needed',
    'set hashSalt.census to the collection and the field that names the salt of a record',
  );
}

/** Whom nobody can ask, there may not be; and no count ever tells of records that name no salt. */
function unlessNone(unused: Decision, census: CensusEvidence | undefined, { type }: GateInput['step']): Decision {
  if (unused.open) return unused;
  const { status } = census ?? {};
  const isUnmarked = census?.status === 'counted' && census.unmarked + census.strange > 0;
  if (status === 'unknown') return withWay(unused, '--no-tenant-store, if there is no database');
  // What was in use once may be in any of them.
  if (!isUnmarked || type === 'destroy') return unused;
  return withWay(unused, '--no-tenant-store gives it up uncounted, if nothing was ever hashed with it');
}

function withWay(decision: Exclude<Decision, { open: true }>, way: string): Decision {
  return { ...decision, blockers: [...decision.blockers, way] };
}

/** Months of logins may come to it that no record needs what is published: no run waits for that. */
function undecided(unused: Decision): Decision {
  if (unused.open || unused.remedy !== undefined) return unused;
  return { open: false, reason: unused.reason, blockers: unused.blockers, stuck: true };
}

/** Nothing is under way that could be waited for. */
function destroyable(unused: Decision, kid: string): Decision {
  if (unused.open || unused.remedy !== undefined) return unused;
  const reinstate = `palette-keys rotate hash-salt --reinstate ${kid} accepts it again`;
  return refused(unused.reason, `where records need it: ${reinstate}`, unused.blockers);
}

/** `resets`: the flags that accept resets, but for their number. */
function unneeded(
  { acceptResets }: GateInput,
  kid: string,
  census: CensusEvidence | undefined,
  resets = RESETS,
): Decision {
  if (census === undefined) return closed('nobody has counted the records that need it');
  if (census.status === 'none') return OPEN;
  if (census.status === 'unknown')
    return kept(`nobody knows how many records need it (${census.reason})`, acceptResets);
  const doubt = doubtOf(census, acceptResets, resets);
  if (doubt !== undefined) return kept(doubt.reason, acceptResets, doubt.remedy);
  const needed = neededOf(census, kid);
  if (needed === (acceptResets ?? 0)) return OPEN;
  const found = `${describeCensus(census, kid)}; each is hashed anew at the next login`;
  if (acceptResets === undefined) return kept(found, undefined, `${resets} ${needed} has them reset instead`);
  const hint = needed === 0 ? 'leave --accept-resets out' : `${resets} ${needed}, if so many may be reset`;
  return refused(`--accept-resets ${acceptResets} is not the count: ${found}`, hint);
}

/** Without a word of the operator's the old salt stays; with one that cannot be followed, nothing is done. */
function kept(reason: string, acceptResets: number | undefined, way = ASK): Decision {
  return acceptResets === undefined ? { open: false, reason, blockers: [way], stays: true } : refused(reason, way);
}

const RESETS = '--accept-resets';
const ASK = 'mongodb.uri in the spec, or --mongodb-uri-file FILE: the database is asked';
