// Covers: src/ledger/former-jwt.ts, src/rotation/plan.ts, src/rotation/facts/soak.ts

/** A spec that asks for shorter waits counts for what is made from then on: tokens and caches of before live as long as they did. */
import { beforeEach, describe, expect, test } from 'vitest';
import { decodeFormer } from '../../src/ledger/former-evidence.ts';
import { formerJwtIn, withFormerJwt } from '../../src/ledger/former-jwt.ts';
import { ROTATIONS } from '../../src/rotation/kinds.ts';
import { planRotation } from '../../src/rotation/plan.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { init, RECORD, recordIn, smallSpec } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const HOUR = 3600;
const CACHES = 15 * 60;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const go = () => rotate(store, JWT, { clock, assumeConsumersCurrent: true });
const ask = (jwt: object) => init(store, { clock, spec: smallSpec({ jwt }) });

describe('an old signing key stays trusted', () => {
  test.each<[string, number, (() => Promise<unknown>)[]]>([
    ['as long as tokens lived when it was replaced', 24 * HOUR, [go, () => ask({ longestTokenLife: '1h' })]],
    ['as long as tokens lived until a moment before', 24 * HOUR, [() => ask({ longestTokenLife: '1h' }), go]],
    [
      'no longer than that once the life is longer again',
      24 * HOUR,
      [go, () => ask({ longestTokenLife: '1h' }), () => ask({})],
    ],
    [
      'as long as the longest of several lives',
      24 * HOUR,
      [go, () => ask({ longestTokenLife: '2h' }), () => ask({ longestTokenLife: '1h' })],
    ],
  ])('%s', async (_, life, steps) => {
    await go();
    clock.advance(CACHES);
    for (const step of steps) await step();
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    const from = clock.now();
    clock.advance(2 * HOUR);
    const until = new Date(from.getTime() + (life + 5 * 60) * 1000);
    expect((await go()).waitingFor).toMatchObject({ reason: expect.stringContaining('tokens'), until });
    const { keys, spec } = recordIn(store.snapshot());
    const departure = { key: keys[JWT], leaves: [], again: false, compromised: false, now: clock.now() };
    expect(planRotation(JWT, ROTATIONS[JWT] ?? never(), spec, departure)).toMatchObject([{ earliest: until }]);
    clock.set(until);
    await go();
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
  });

  test('as long as tokens live by default, where the record was lost and nobody knows how long they did', async () => {
    await go();
    clock.advance(CACHES);
    await go();
    await ask({ longestTokenLife: '1h' });
    store.take(RECORD);
    await ask({ longestTokenLife: '1h' });
    await go();
    clock.advance(23 * HOUR);
    await go();
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    clock.advance(2 * HOUR);
    await go();
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
  });

  test('as long as tokens live now, where all of before have expired', async () => {
    await ask({ longestTokenLife: '1h' });
    clock.advance(3 * DAY);
    await go();
    clock.advance(CACHES);
    await go();
    clock.advance(HOUR + 5 * 60);
    await go();
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
  });
});

test('a new key signs once the caches of before have expired', async () => {
  await go();
  await ask({ jwksCache: '1m' });
  clock.advance(6 * 60);
  await go();
  expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
  clock.advance(9 * 60);
  await go();
  expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
});

test.each([
  undefined,
  7,
  {},
  { longestTokenLife: 'long', jwksCache: '1m', clockSkew: '1m', until: '2027-01-01T00:00:00Z' },
  { longestTokenLife: '1h', jwksCache: '1m', clockSkew: '1m', until: 'soon' },
])('what is noted as %j says nothing', (found) => {
  expect(formerJwtIn({ evidence: decodeFormer({ 'jwt.before': found }) })).toBeUndefined();
});

test('a life of long ago is forgotten when the next one is shortened', () => {
  const [day, hour, minute] = ['24h', '1h', '1m'].map(
    (longestTokenLife) => smallSpec({ jwt: { longestTokenLife } }).jwt,
  );
  if (day === undefined || hour === undefined || minute === undefined) never();
  const first = withFormerJwt({ versions: [], evidence: [] }, day, hour, '2027-01-01T00:00:00Z');
  expect(formerJwtIn(first)?.jwt.longestTokenLife).toBe('24h');
  expect(withFormerJwt(first, hour, day, '2027-01-01T01:00:00Z')).toBe(first);
  const soon = withFormerJwt(first, hour, minute, '2027-01-01T12:00:00Z');
  expect(formerJwtIn(soon)).toMatchObject({
    jwt: { longestTokenLife: '24h' },
    until: new Date('2027-01-01T12:00:00Z'),
  });
  expect(formerJwtIn(withFormerJwt(first, hour, minute, '2027-02-01T00:00:00Z'))?.jwt.longestTokenLife).toBe('1h');
});

function never(): never {
  throw new Error('it is there');
}
