import { parseDuration } from '../../installation/duration.ts';
import { type ConsumersEvidence, closed, type Decision, type Evidence, OPEN, refused } from '../gate.ts';

/** The moment from which all consumers are known to be current; a closed gate where it is not known. */
export function whenCurrent(evidence: ConsumersEvidence | undefined): Date | Decision {
  switch (evidence?.status) {
    case 'current':
      return evidence.at;
    case 'behind':
      return closed('these have not picked the change up', evidence.blockers);
    case 'unknown': {
      const { reason, toCopy } = evidence;
      const isFolder = toCopy !== undefined;
      return {
        ...{ open: false, blockers: [], stuck: true, onWord: true },
        reason: isFolder ? reason : `it is unknown whether all consumers have loaded the change: ${reason}`,
        ...(isFolder ? { toCopy } : {}),
      };
    }
    case undefined:
      return closed('nobody has looked whether all consumers have it', []);
  }
}

const AT_ONCE = { seconds: 0, reason: 'the clock shows a time before consumers were found to be current' };

/** Open once all consumers are current, and `seconds` have passed since. */
export function afterCurrent(
  evidence: ConsumersEvidence | undefined,
  now: Date,
  { seconds, reason }: { readonly seconds: number; readonly reason: string } = AT_ONCE,
): Decision {
  const current = whenCurrent(evidence);
  if (!(current instanceof Date)) return current;
  const until = new Date(current.getTime() + seconds * 1000);
  return now >= until ? OPEN : { open: false, reason, until, blockers: [] };
}

/**
 * Refuses where somebody would not find the old key any more once another one is active. Nobody uses one that is only
 * published: before, it is enough that nobody is known to. The operator's word that consumers are current covers it.
 */
export function keyringReaders({ singleReaders, consumers }: Evidence, what: string): Decision {
  if (singleReaders === undefined && consumers?.status === 'unknown') {
    const { reason, toCopy } = consumers;
    return {
      ...{ open: false, stuck: true, onWord: true },
      reason: `it is unknown whether all consumers read the keyring, and have loaded it: ${reason}`,
      blockers: ['declare each consumer in the spec with reads: keyring, or vouch for all of them'],
      ...(toCopy === undefined ? {} : { toCopy }),
    };
  }
  if (singleReaders === undefined || singleReaders.length === 0) return OPEN;
  return refused(
    `these read the active ${what} alone, and would lose what the old one opens`,
    'have them read keyring.json, and set reads: keyring at the consumer in the spec',
    singleReaders,
  );
}

export function sumOf(...durations: readonly string[]): number {
  return durations.reduce((sum, duration) => sum + parseDuration(duration), 0);
}
