// Covers: src/rotation/policy.ts, src/ledger/replacement.ts, src/rotation/facts/confirmation.ts, src/rotation/facts/leaves.ts, src/rotation/facts/scans.ts

import { describe, expect, test } from 'vitest';
import { enteredBy } from '../../src/ledger/evidence.ts';
import { decodeFormer, encodeFormer } from '../../src/ledger/former-evidence.ts';
import type { VersionRecord } from '../../src/ledger/record.ts';
import type { State } from '../../src/ledger/ring.ts';
import { confirmationOf, entryName, withConfirmation } from '../../src/rotation/facts/confirmation.ts';
import { dueAt, leavesToReissue } from '../../src/rotation/facts/leaves.ts';
import { firstScanAt } from '../../src/rotation/facts/scans.ts';
import { nextStep, type RotationIntent } from '../../src/rotation/machine.ts';
import { requestedStep } from '../../src/rotation/request.ts';
import { platform, version } from './bed.ts';
import { checkMachine } from './machine-model.ts';

const NOW = new Date('2027-02-01T00:00:00Z');
const WISH: RotationIntent = {
  ...{ mayStart: true, again: false, compromised: false, minInterval: 86_400, keepsTrusted: false },
  replacements: new Set(),
  guardsData: false,
};
const RECENT = '2027-01-31T12:00:00Z';

describe('the next step', () => {
  const cases: readonly (readonly [string, readonly VersionRecord[], Partial<RotationIntent>, object])[] = [
    ['of a lone active version is a new one', [version(1, 'active')], {}, { type: 'publish' }],
    ['is nothing where nothing is to be opened', [version(1, 'active')], { mayStart: false }, { type: 'done' }],
    ['waits for the interval', [version(1, 'active', RECENT)], {}, { type: 'too-recent' }],
    ['does not wait with --again', [version(1, 'active', RECENT)], { again: true }, { type: 'publish' }],
    [
      'of a published version is its promotion',
      [version(1, 'active'), version(2, 'published', RECENT)],
      {},
      { type: 'promote', n: 2 },
    ],
    [
      'is the same where nothing is to be opened',
      [version(1, 'active'), version(2, 'published')],
      { mayStart: false },
      { type: 'promote', n: 2 },
    ],
    [
      'of an overtaken published version is its end',
      [version(1, 'published'), version(2, 'active')],
      {},
      { type: 'retire', n: 1 },
    ],
    [
      'of a trusted version is its retirement',
      [version(1, 'trusted'), version(2, 'active')],
      {},
      { type: 'retire', n: 1 },
    ],
    [
      'of a newer trusted one too: it was rolled back from',
      [version(1, 'active'), version(2, 'trusted')],
      {},
      { type: 'retire', n: 2 },
    ],
    [
      'leaves a trusted one that nothing tells about',
      [version(1, 'trusted'), version(2, 'active')],
      { keepsTrusted: true },
      { type: 'publish' },
    ],
    [
      'leaves a trusted one that was reinstated',
      [version(1, 'trusted', undefined, ['active', 'trusted', 'retired']), version(2, 'active')],
      {},
      { type: 'publish' },
    ],
    [
      'passes retired and destroyed ones by',
      [version(1, 'destroyed'), version(2, 'retired'), version(3, 'active')],
      {},
      { type: 'publish' },
    ],
  ];

  test.each(cases)('%s', (_, versions, intent, expected) => {
    expect(nextStep(versions, { ...WISH, ...intent }, NOW)).toMatchObject(expected);
  });
});

describe('the next step where the key is compromised', () => {
  const OLD = '2027-01-10T00:00:00Z';
  const second = new Set([2]);
  const v1 = (state: 'trusted' | 'retired' | 'destroyed', ...past: readonly State[]) =>
    version(1, state, RECENT, ['active', 'trusted', ...past]);
  const cases: readonly (readonly [string, readonly VersionRecord[], Partial<RotationIntent>, object])[] = [
    ['does not wait for the interval', [version(1, 'active', RECENT)], {}, { type: 'publish' }],
    [
      'does not take the key of an ordinary rotation for its own',
      [v1('retired'), version(2, 'active', RECENT)],
      {},
      { type: 'publish' },
    ],
    [
      'replaces the active key before it retires the old one',
      [v1('trusted'), version(2, 'active', RECENT)],
      {},
      { type: 'publish' },
    ],
    [
      'retires what was published beside the active key',
      [version(1, 'active'), version(2, 'published', RECENT)],
      {},
      { type: 'retire', n: 2 },
    ],
    [
      'replaces the active key before it asks whether data needs what was published beside it',
      [version(1, 'active'), version(2, 'published', RECENT)],
      { guardsData: true },
      { type: 'publish' },
    ],
    [
      'promotes the replacement first where data may need what was published beside it',
      [version(1, 'active'), version(2, 'published', RECENT), version(3, 'published', RECENT)],
      { guardsData: true, replacements: new Set([3]) },
      { type: 'promote', n: 3 },
    ],
    [
      'gives up what was published beside the compromised key once that is replaced',
      [version(1, 'trusted'), version(2, 'published', RECENT), version(3, 'active', RECENT)],
      { guardsData: true, replacements: new Set([3]) },
      { type: 'retire', n: 2 },
    ],
    [
      'promotes what was published in its place, however long that takes',
      [version(1, 'active'), version(2, 'published', OLD)],
      { replacements: second, again: true },
      { type: 'promote', n: 2 },
    ],
    [
      'is that of the same emergency',
      [v1('trusted'), version(2, 'active', OLD)],
      { replacements: second },
      { type: 'retire', n: 1 },
    ],
    [
      'is none once it is replaced',
      [v1('retired'), version(2, 'active', RECENT)],
      { replacements: second },
      { type: 'too-recent', since: new Date(RECENT) },
    ],
    [
      'counts from the end of a long emergency',
      [v1('retired'), version(2, 'active', OLD)],
      { replacements: second },
      { type: 'too-recent', since: new Date(RECENT) },
    ],
    [
      'opens another emergency after the interval, whatever others do to old versions',
      [version(1, 'destroyed', RECENT, ['active', 'trusted']), version(2, 'active', OLD)],
      { replacements: second },
      { type: 'publish' },
    ],
    [
      'opens another one where an old version that is always kept has gone at last',
      [v1('retired'), version(2, 'active', OLD)],
      { replacements: second, keepsTrusted: true },
      { type: 'publish' },
    ],
    [
      'opens another one with --again',
      [v1('retired'), version(2, 'active', RECENT)],
      { replacements: second, again: true },
      { type: 'publish' },
    ],
    [
      'with --again does not open one where one is open',
      [v1('trusted'), version(2, 'active', RECENT)],
      { replacements: second, again: true },
      { type: 'retire', n: 1 },
    ],
    [
      'with --again opens one beside one that is stuck',
      [v1('trusted'), version(2, 'active', OLD)],
      { replacements: second, again: true },
      { type: 'publish' },
    ],
    [
      'opens another one where a rotation was begun since',
      [v1('retired'), version(2, 'active', RECENT), version(3, 'retired', RECENT, ['published'])],
      { replacements: second },
      { type: 'publish' },
    ],
    [
      'is not put off by a key of the future',
      [v1('retired'), version(2, 'active', '2029-01-01T00:00:00Z')],
      { replacements: second },
      { type: 'publish' },
    ],
    [
      'is none where the command has replaced the key already',
      [version(1, 'active')],
      { mayStart: false },
      { type: 'done' },
    ],
  ];

  test.each(cases)('%s', (_, versions, intent, expected) => {
    expect(nextStep(versions, { ...WISH, compromised: true, ...intent }, NOW)).toMatchObject(expected);
  });
});

const NOBODY: ReadonlySet<number> = new Set();

describe('a step by name', () => {
  const [v1, v2] = [version(1, 'trusted'), version(2, 'active')];
  const retired = version(1, 'retired');

  test.each([
    ['rollback from published drops it', [version(1, 'active'), version(2, 'published')], { type: 'retire', n: 2 }],
    ['rollback from active needs no gate', [v1, v2], { type: 'promote', n: 1, back: true }],
    [
      'rollback to a reinstated one needs its gate',
      [version(1, 'trusted', undefined, ['retired']), v2],
      { type: 'promote', n: 1 },
    ],
    ['rollback from where the old one is retired is refused', [retired, v2], { type: 'refused' }],
    ['rollback of a rollback is nothing', [version(1, 'active'), version(2, 'trusted')], { type: 'done' }],
    ['rollback of a first version is nothing', [version(1, 'active')], { type: 'done' }],
  ])('%s', (_, versions, expected) => {
    const step = requestedStep(versions, { type: 'rollback' }, NOBODY);
    expect(step).toMatchObject(expected);
    expect('back' in step).toBe('back' in expected);
  });

  test.each([
    ['retire', 'trusted', 'retire'],
    ['retire', 'retired', 'done'],
    ['retire', 'active', 'refused'],
    ['retire', 'destroyed', 'refused'],
    ['reinstate', 'retired', 'reinstate'],
    ['reinstate', 'trusted', 'done'],
    ['reinstate', 'destroyed', 'refused'],
    ['reinstate', 'published', 'refused'],
    ['destroy', 'retired', 'destroy'],
    ['destroy', 'destroyed', 'destroy'],
    ['destroy', 'trusted', 'refused'],
    ['destroy', 'active', 'refused'],
  ] as const)('%s of a version that is %s comes to %s', (type, state, expected) => {
    const versions = [version(1, state), version(2, 'active')];
    expect(requestedStep(versions, { type, kid: versions[0]?.kid ?? '' }, NOBODY).type).toBe(expected);
  });
});

describe('a confirmation', () => {
  const confirmation = { confirmedAt: '2027-01-02T00:00:00Z', by: 'pods' } as const;

  test('counts for the state in which it was made, and for no later return to it', () => {
    const published = version(2, 'published');
    const key = { versions: [version(1, 'active'), published], evidence: [] };
    const evidence = withConfirmation(key, published, confirmation);
    expect(confirmationOf({ evidence }, published, NOW)?.at).toEqual(new Date(confirmation.confirmedAt));
    for (const later of [
      version(2, 'active', undefined, ['published']),
      version(2, 'published', undefined, ['active', 'trusted']),
    ]) {
      expect(confirmationOf({ evidence }, later, NOW)).toBeUndefined();
    }
  });

  test('replaces those of states that were left, and leaves what is not its own', () => {
    const active = version(2, 'active', undefined, ['published']);
    const evidence = decodeFormer({ 'v2.1.published': confirmation, census: 7 });
    const key = { versions: [version(1, 'trusted'), active], evidence };
    const changed = encodeFormer(withConfirmation(key, active, confirmation));
    expect(changed).toEqual({ census: 7, [entryName(active)]: confirmation });
  });

  test.each([null, 7, 'x', {}, { confirmedAt: 'soon', by: 'pods' }])('that is %j is none', (found) => {
    const active = version(1, 'active');
    const evidence = decodeFormer({ [entryName(active)]: found });
    expect(confirmationOf({ evidence }, active, NOW)).toBeUndefined();
  });
});

describe('the time of evidence', () => {
  const [old, active] = [version(1, 'trusted'), version(2, 'active', '2027-01-10T00:00:00Z')];
  const noted = (time: string) => [
    { type: 'confirmation', version: enteredBy(active), confirmedAt: time, by: 'pods' },
    { type: 'scan', version: enteredBy(old), unneededAt: time, in: 'here', under: enteredBy(active) },
  ];

  test.each([
    ['is that of the look', '2027-01-11T00:00:00Z', '2027-01-11T00:00:00Z'],
    ['is never before the state was entered, however slow the clock was', '2026-12-24T00:00:00Z', active.since],
    ['is none where it is to come, by a clock that was fast', '2027-02-01T00:00:01Z', undefined],
  ])('%s', (_, time, counts) => {
    const key = { versions: [old, active], evidence: noted(time) };
    const expected = counts === undefined ? undefined : new Date(counts);
    expect(confirmationOf(key, active, NOW)?.at).toEqual(expected);
    const here = { now: NOW, location: 'here', since: undefined };
    expect(firstScanAt(key, old, active, here)).toEqual(expected);
    expect(firstScanAt(key, old, active, { ...here, location: 'elsewhere' })).toBeUndefined();
    expect(firstScanAt(key, old, active, { ...here, since: NOW })).toBeUndefined();
  });
});

describe('leaf certificates', () => {
  const leaf = (fingerprint: string, notBefore: string) => ({
    ref: platform('auth-tls'),
    name: 'auth',
    fingerprint: `SHA256:${fingerprint.repeat(64)}`,
    notBefore: new Date(notBefore),
    notAfter: new Date('2028-01-01T00:00:00Z'),
    rotateAfter: new Date('2027-09-01T00:00:00Z'),
  });
  const old = leaf('0', '2027-01-01T00:00:00Z');

  test('that were issued within the interval are left, unless --again says otherwise', () => {
    const fresh = leaf('1', '2027-01-31T00:00:01Z');
    const intent = { due: false, again: false, minInterval: 86_400 };
    expect(leavesToReissue([old, fresh], intent, NOW)).toEqual([old]);
    expect(leavesToReissue([old, fresh], { ...intent, again: true }, NOW)).toEqual([old, fresh]);
  });

  test('are renewed by --due at their time, or up to a twentieth of their life earlier', () => {
    const [latest, earliest] = [dueAt(old), dueAt(leaf('f', '2027-01-01T00:00:00Z'))];
    expect(latest).toEqual(old.rotateAfter);
    expect(old.rotateAfter.getTime() - earliest.getTime()).toBeCloseTo(365 * 86_400_000 * 0.05, -3);
    const intent = { due: true, again: true, minInterval: 0 };
    expect(leavesToReissue([old], intent, new Date('2027-08-31T23:59:59Z'))).toEqual([]);
    expect(leavesToReissue([old], intent, old.rotateAfter)).toEqual([old]);
  });
});

test('no sequence of events breaks an invariant', () => {
  checkMachine({ runs: 3000 });
});
