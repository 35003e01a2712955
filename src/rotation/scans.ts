import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { entryName, noEarlier } from './machine.ts';

/**
 * When the first scan began that found no tenant key under `old`, while `active` was active; undefined where none was made.
 * Neither a slow clock nor a fast one makes it count earlier than it should.
 */
export function firstScanOf(
  { evidence }: KeyRecord,
  old: VersionRecord,
  active: VersionRecord,
  now: Date,
): Date | undefined {
  const found = evidence[entryName(old)];
  if (typeof found !== 'object' || found === null || !('unneededAt' in found) || !('under' in found)) return undefined;
  const at = typeof found.unneededAt === 'string' ? Date.parse(found.unneededAt) : Number.NaN;
  const counts = found.under === entryName(active) && at <= now.getTime();
  return counts ? noEarlier(at, old, active) : undefined;
}

/** True where a scan is noted, though it may count for nothing. */
export function hasScan({ evidence }: KeyRecord, old: VersionRecord): boolean {
  return Object.hasOwn(evidence, entryName(old));
}

/** The evidence with that scan; without one where `unneededAt` is undefined. */
export function withFirstScan(
  { evidence }: KeyRecord,
  old: VersionRecord,
  active: VersionRecord,
  unneededAt: string | undefined,
): KeyRecord['evidence'] {
  const { [entryName(old)]: _, ...others } = evidence;
  return unneededAt === undefined ? others : { ...others, [entryName(old)]: { unneededAt, under: entryName(active) } };
}

/** From when on a scan counts as the second one: who had the old key in hand has written by then. */
export function secondScanFrom(first: Date, { rotation }: Pick<InstallationSpec, 'rotation'>): Date {
  return new Date(first.getTime() + parseDuration(rotation.syncPeriod) * 1000);
}
