import { formatTime } from '../../ledger/entry.ts';

/** How far two honest clocks may be apart. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

export interface ClockFacts {
  readonly now: Date;
  /** Midnight UTC of the day of the release, which is a date in UTC: clocks are compared as instants, so time zones do not matter. */
  readonly releaseDate?: Date | undefined;
  /** Newest time in the record, RFC 3339. */
  readonly newestNoted?: string | undefined;
  readonly serverNow?: Date | undefined;
}

export interface ClockDoubt {
  readonly reason: 'release' | 'record' | 'server';
  /** Both times, in words. */
  readonly message: string;
}

/** Why a clock is implausible; undefined where nothing speaks against it. */
export function judgeClock({ now, releaseDate, newestNoted, serverNow }: ClockFacts): ClockDoubt | undefined {
  const says = `the clock says ${formatTime(now)}`;
  const isBefore = (other: Date): boolean => now.getTime() < other.getTime() - CLOCK_TOLERANCE_MS;
  if (releaseDate !== undefined && isBefore(releaseDate)) {
    return { reason: 'release', message: `${says}, before this program was made (${formatTime(releaseDate)})` };
  }
  if (newestNoted !== undefined && isBefore(new Date(newestNoted))) {
    return { reason: 'record', message: `${says}, but the newest time in the record is ${newestNoted}` };
  }
  const apart = serverNow === undefined ? 0 : Math.abs(serverNow.getTime() - now.getTime());
  if (serverNow === undefined || apart <= CLOCK_TOLERANCE_MS) return undefined;
  const direction = isBefore(serverNow) ? 'behind' : 'ahead of';
  const difference = `${Math.round(apart / 1000)} s ${direction} the cluster's, which says ${formatTime(serverNow)}`;
  return { reason: 'server', message: `${says}: it is ${difference}` };
}
