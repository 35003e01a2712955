import type { KeyRecord, VersionRecord } from '../../ledger/record.ts';
import { replacementsIn } from '../../ledger/replacement.ts';
import { confirmationOf, noEarlier } from './confirmation.ts';

/**
 * The active version that replaced a compromised key, if not all consumers were found to be current since versions were
 * given up last; undefined where they were, or where there was no emergency. What somebody has loaded is in use until it
 * is started anew, whatever the record says.
 */
export function unconfirmedReplacement(key: KeyRecord, now: Date): VersionRecord | undefined {
  const active = key.versions.find(({ state }) => state === 'active');
  if (active === undefined || !replacementsIn(key).has(active.n)) return undefined;
  const retired = key.versions.flatMap(({ history }) => history.filter(({ state }) => state === 'retired'));
  const givenUp = Math.max(0, ...retired.map(({ at }) => Date.parse(at)));
  const confirmed = confirmationOf(key, active, now);
  return confirmed !== undefined && confirmed.at > noEarlier(givenUp, active) ? undefined : active;
}
