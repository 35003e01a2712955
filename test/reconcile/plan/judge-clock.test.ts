import { describe, expect, test } from 'vitest';
import { CLOCK_TOLERANCE_MS, type ClockFacts, judgeClock } from '../../../src/reconcile/plan/judge-clock.ts';

const NOW = new Date('2027-02-01T12:00:00Z');
const at = (ms: number): Date => new Date(NOW.getTime() + ms);
const FAR = CLOCK_TOLERANCE_MS + 1000;
const judge = (facts: Omit<ClockFacts, 'now'>) => judgeClock({ now: NOW, ...facts });

describe('a clock is doubted', () => {
  const cases: readonly (readonly [name: string, facts: Omit<ClockFacts, 'now'>, reason: string, says: string])[] = [
    ['that is before the release', { releaseDate: at(FAR) }, 'release', 'before this program was made'],
    ['that is before the newest time in the record', { newestNoted: at(FAR).toISOString() }, 'record', 'newest time'],
    ['that is behind the cluster', { serverNow: at(FAR) }, 'server', "301 s behind the cluster's"],
    ['that is ahead of the cluster', { serverNow: at(-FAR) }, 'server', "301 s ahead of the cluster's"],
    [
      'for what is certain first: the release, then the record, then the cluster',
      { releaseDate: at(FAR), newestNoted: at(FAR).toISOString(), serverNow: at(FAR) },
      'release',
      '',
    ],
  ];
  test.each(cases)('%s', (_, facts, reason, says) => {
    expect(judge(facts)).toEqual({ reason, message: expect.stringContaining(says) });
    expect(judge(facts)?.message).toContain('the clock says 2027-02-01T12:00:00Z');
  });
});

describe('nothing speaks against a clock', () => {
  const cases: readonly (readonly [name: string, facts: Omit<ClockFacts, 'now'>])[] = [
    ['of which nothing is known', {}],
    ['that is off by as much as two honest clocks may be', { serverNow: at(CLOCK_TOLERANCE_MS) }],
    ['that is ahead of it by as much', { serverNow: at(-CLOCK_TOLERANCE_MS) }],
    ['a little before the newest time in the record', { newestNoted: at(CLOCK_TOLERANCE_MS).toISOString() }],
    ['long after the release and the record', { releaseDate: at(-1e12), newestNoted: at(-1e12).toISOString() }],
  ];
  test.each(cases)('%s', (_, facts) => {
    expect(judge(facts)).toBeUndefined();
  });
});
