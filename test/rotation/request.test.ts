// Covers: src/rotation/transitions.ts

/** Where `--rollback` leads: to what was in use before, never to what was thrown away. */
import { beforeEach, describe, expect, test } from 'vitest';
import { activeSinceOf } from '../../src/ledger/record.ts';
import { requestedStep } from '../../src/rotation/request.ts';
import type { Proposal } from '../../src/rotation/rotate-request.ts';
import { command } from '../backup/bench.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { type RotateOptions, rotate, statesOf, version } from './bed.ts';
import { installedOnce } from './installed.ts';

const CA = 'internal-ca';
const JWT = 'jwt-signing-key';
const rollback = { request: { type: 'rollback' } } as const;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const go = (kind: string, options: RotateOptions = {}) =>
  rotate(store, kind, { clock, assumeConsumersCurrent: true, ...options });
const kidOf = (kind: string, n: number): string => recordIn(store.snapshot()).keys[kind].versions[n - 1].kid;

describe('the way back', () => {
  const NOBODY: ReadonlySet<number> = new Set();
  const back = (...versions: ReturnType<typeof version>[]) => requestedStep(versions, { type: 'rollback' }, NOBODY);

  test('is to the version that was active last, though a newer one is trusted too', () => {
    const v1 = version(1, 'trusted', '2027-01-05T00:00:00Z', ['active', 'trusted', 'active']);
    const v2 = version(2, 'trusted', '2027-01-03T00:00:00Z', ['published', 'active']);
    expect(activeSinceOf(v1)).toBe('2027-01-05T00:00:00Z');
    expect(back(v1, v2, version(3, 'active'))).toEqual({ type: 'promote', n: 1, back: true });
  });

  test('is not to a version that was given up before it was used, and accepted again', () => {
    const v2 = version(2, 'trusted', '2027-01-03T00:00:00Z', ['published', 'retired']);
    const retired = version(1, 'retired', '2027-01-02T00:00:00Z', ['active', 'trusted']);
    expect(back(retired, v2, version(3, 'active'))).toMatchObject({
      type: 'refused',
      reason: expect.stringContaining('v1 is retired'),
    });
  });

  test('is refused where the version before is retired, though a newer one was given up before it was used', () => {
    const retired = version(1, 'retired', '2027-01-02T00:00:00Z', ['active', 'trusted']);
    const given = version(3, 'retired', '2027-01-04T00:00:00Z', ['published']);
    expect(back(retired, version(2, 'active'), given)).toMatchObject({ type: 'refused' });
  });

  test('is to a trusted version of which a rebuilt record does not know when it was active', () => {
    expect(back(version(1, 'trusted'), version(2, 'active'))).toEqual({ type: 'promote', n: 1, back: true });
  });

  test('from where the version before is retired names that one, and no other that was never used', async () => {
    await go(CA, { again: true, assumeConsumersCurrent: false });
    await go(CA, rollback);
    await go(CA, { again: true });
    expect(statesOf(store, CA)).toBe('v1 retired, v2 retired, v3 active');
    await expect(go(CA, rollback)).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringMatching(/^v1 is retired/),
      hint: `--reinstate ${kidOf(CA, 1)} first; then --rollback`,
    });
  });
});

describe('what was replaced as compromised', () => {
  const REPLACED = 'v1 retired, v2 retired, v3 active';

  beforeEach(async () => {
    await go(JWT, { assumeConsumersCurrent: false });
    await go(JWT, { compromised: true });
    expect(statesOf(store, JWT)).toBe(REPLACED);
  });

  test('is no way back, retired or accepted again, and no hint names what stood beside it', async () => {
    const refused = { code: 'REFUSED', message: 'v1 was replaced as compromised: somebody else may hold it' };
    await expect(go(JWT, rollback)).rejects.toMatchObject(refused);
    for (const n of [2, 1]) await go(JWT, { request: { type: 'reinstate', kid: kidOf(JWT, n) } });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 trusted, v3 active');
    await expect(go(JWT, rollback)).rejects.toMatchObject(refused);
  });

  test('bars no way back from a later rotation to its replacement', async () => {
    clock.advance(2 * DAY);
    await go(JWT);
    clock.advance(15 * 60);
    await go(JWT);
    await go(JWT, rollback);
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 retired, v3 active, v4 trusted');
  });

  test('is accepted again by who types its kid, and no other version is asked for so', async () => {
    const asked: unknown[] = [];
    const agree = async ({ irrevocable }: Proposal): Promise<void> => void asked.push(irrevocable);
    await go(JWT, { request: { type: 'reinstate', kid: kidOf(JWT, 1) }, agree });
    expect(asked).toEqual([
      expect.objectContaining({
        kid: kidOf(JWT, 1),
        reason: expect.stringContaining('v1 was replaced as compromised'),
      }),
    ]);
    asked.length = 0;
    clock.advance(2 * DAY);
    for (const wait of [15 * 60, 25 * 3600, 0]) {
      await go(JWT);
      clock.advance(wait);
    }
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 retired, v3 retired, v4 active');
    await go(JWT, { request: { type: 'reinstate', kid: kidOf(JWT, 3) }, agree });
    expect(asked).toEqual([undefined]);
  });

  test('is accepted again with --yes after a warning, and without it by nobody', async () => {
    const kid = kidOf(JWT, 2);
    const run = (...flags: string[]) => command(store, ['rotate', JWT, '--reinstate', kid, ...flags], { clock });
    const unasked = await run();
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('v2 was replaced as compromised')]);
    expect((await run('--dry-run')).stderr).toContain('v2 was replaced as compromised');
    expect(statesOf(store, JWT)).toBe(REPLACED);
    const { code, stderr } = await run('--yes', '--quiet');
    expect([code, stderr]).toEqual([0, expect.stringContaining('warning: v2 was replaced as compromised')]);
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 trusted, v3 active');
  });
});

test('a replacement that was given up before it was used leaves the way back open', async () => {
  for (const wait of [15 * 60, 0]) {
    await go(JWT);
    clock.advance(wait);
  }
  expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  const agree = async ({ action }: Proposal): Promise<void> => {
    if (!action.startsWith('publish')) throw new Error('not yet');
  };
  await expect(go(JWT, { compromised: true, agree })).rejects.toThrow('not yet');
  await go(JWT, rollback);
  await go(JWT, rollback);
  expect(statesOf(store, JWT)).toBe('v1 active, v2 trusted, v3 retired');
});
