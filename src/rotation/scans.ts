import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { entryName } from './machine.ts';

/** When the first scan began that found no tenant key under `old`, while `active` was active; undefined where none was made. */
export function firstScanOf({ evidence }: KeyRecord, old: VersionRecord, active: VersionRecord): Date | undefined {
  const found = evidence[entryName(old)];
  if (typeof found !== 'object' || found === null || !('unneededAt' in found) || !('under' in found)) return undefined;
  const at = typeof found.unneededAt === 'string' ? Date.parse(found.unneededAt) : Number.NaN;
  return found.under !== entryName(active) || Number.isNaN(at) ? undefined : new Date(at);
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
