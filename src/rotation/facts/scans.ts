import { parseDuration } from '../../installation/duration.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { formatTime } from '../../ledger/entry.ts';
import {
  type EvidenceOf,
  enteredBy,
  isSameState,
  itemsOf,
  type KeyEvidence,
  withoutStates,
} from '../../ledger/evidence.ts';
import type { KeyRecord, VersionRecord } from '../../ledger/record.ts';
import { noEarlier } from './confirmation.ts';

/** A look that found nobody who needs an old version. */
export interface Scan {
  readonly begun: Date;
  /** Where: hosts, and database and collection; no credentials. It says nothing of another place. */
  readonly location: string;
}

/**
 * When the first scan of that place began that found nobody who needs `old`, while `active` was active; undefined where none
 * counts. Neither a slow clock nor a fast one makes it count earlier than it should, and one from before all consumers were
 * found to be current, at `since`, does not count: they may have written with the old key after it.
 */
export function firstScanAt(
  { evidence }: KeyRecord,
  old: VersionRecord,
  active: VersionRecord,
  { now, location, since }: { readonly now: Date; readonly location: string; readonly since: Date | undefined },
): Date | undefined {
  const found = scanOf(evidence, old);
  // What an older version of this program noted names no place: it counts for none.
  if (found?.in !== location || !isSameState(found.under, enteredBy(active))) return undefined;
  const at = Date.parse(found.unneededAt);
  if (at > now.getTime()) return undefined;
  const begun = noEarlier(at, old, active);
  return since !== undefined && begun < since ? undefined : begun;
}

/** True where a scan is noted, though it may count for nothing. */
export function hasScan({ evidence }: KeyRecord, old: VersionRecord): boolean {
  return scanOf(evidence, old) !== undefined;
}

function scanOf(evidence: KeyEvidence, old: VersionRecord): EvidenceOf<'scan'> | undefined {
  const state = enteredBy(old);
  return itemsOf(evidence, 'scan').findLast(({ version }) => isSameState(version, state));
}

/** The evidence with that scan; without one where it is undefined. */
export function withFirstScan(
  { evidence }: KeyRecord,
  old: VersionRecord,
  active: VersionRecord,
  scan: Scan | undefined,
): KeyEvidence {
  const version = enteredBy(old);
  const others = withoutStates(evidence, (state) => !isSameState(state, version));
  if (scan === undefined) return others;
  const { begun, location } = scan;
  const noted = { unneededAt: formatTime(begun), in: location, under: enteredBy(active) };
  return [...others, { type: 'scan', version, ...noted }];
}

/** From when on a scan counts as the second one: who had the old key in hand has written by then. */
export function secondScanFrom(first: Date, { rotation }: Pick<InstallationSpec, 'rotation'>): Date {
  return new Date(first.getTime() + parseDuration(rotation.syncPeriod) * 1000);
}
