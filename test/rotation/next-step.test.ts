import { describe, expect, test } from 'vitest';
import type { KeyRecord } from '../../src/ledger/record.ts';
import { withReplacement } from '../../src/ledger/replacement.ts';
import { withConfirmation } from '../../src/rotation/facts/confirmation.ts';
import type { RunEvent } from '../../src/rotation/history.ts';
import { type IntendedStep, intendedStep, refuseSafe } from '../../src/rotation/next-step.ts';
import { version } from './bed.ts';
import { contextOf, type Given, historyOf, NOW } from './contexts.ts';

const RECENT = '2027-01-31T23:00:00Z';
const ACTIVE = [version(1, 'active')];
const YOUNG = [version(1, 'active', RECENT)];
const PUBLISHED = [version(1, 'active'), version(2, 'published')];
const TRUSTED = [version(1, 'trusted'), version(2, 'active')];
const REPLACED = [version(1, 'retired'), version(2, 'active', RECENT)];
const PUBLISH = { type: 'publish' };
const moved: RunEvent = {
  type: 'applied',
  plan: { steps: [], transitions: [{ kind: 'jwt-signing-key', n: 2, to: 'published' }] } as never,
};
const finished: RunEvent = { type: 'completing', about: 'this rotation' };

const intended = (given: Given): IntendedStep => intendedStep(contextOf(given), historyOf(given), NOW);

describe('the step that a run is about to make', () => {
  const cases: readonly (readonly [name: string, given: Given, step: object | undefined])[] = [
    ['opens a rotation', { versions: ACTIVE }, PUBLISH],
    ['is none where no rotation may be opened', { versions: ACTIVE, request: { mayStart: false } }, undefined],
    ['is none so soon after the last rotation', { versions: YOUNG }, undefined],
    ['opens a rotation soon after the last one with --again', { versions: YOUNG, request: { again: true } }, PUBLISH],
    [
      'is none with --again where the run has only just completed that rotation',
      { versions: YOUNG, request: { again: true }, events: [finished] },
      undefined,
    ],
    ['opens no second rotation in the same run', { versions: ACTIVE, events: [moved] }, undefined],
    ['goes on with an open rotation', { versions: PUBLISHED, request: { mayStart: false } }, { type: 'promote', n: 2 }],
    ['ends an open rotation', { versions: TRUSTED, request: { mayStart: false } }, { type: 'retire', n: 1 }],
    [
      'replaces a compromised key although the run has completed an interrupted rotation',
      { versions: YOUNG, request: { compromised: true }, events: [finished] },
      PUBLISH,
    ],
    [
      'replaces a compromised key once in a run',
      { versions: YOUNG, request: { compromised: true }, events: [moved] },
      undefined,
    ],
    [
      'retires what stood published beside a compromised key',
      { versions: PUBLISHED, request: { compromised: true } },
      { type: 'retire', n: 2 },
    ],
    [
      'replaces no key twice that was replaced a moment ago',
      { versions: REPLACED, evidence: withReplacement([], 2), request: { compromised: true } },
      undefined,
    ],
    [
      'of an old salt asks whether it can go, before another rotation is opened',
      { kind: 'hash-salt', versions: TRUSTED },
      { type: 'retire', n: 1 },
    ],
    [
      'opens the next rotation of the salt once all consumers use the last one',
      { kind: 'hash-salt', versions: TRUSTED, evidence: confirmed() },
      PUBLISH,
    ],
    [
      'leaves an old salt that this run has looked at',
      { kind: 'hash-salt', versions: TRUSTED, events: [{ type: 'kept', n: 1 }] },
      undefined,
    ],
    [
      'of accepted resets retires the one old salt',
      { kind: 'hash-salt', versions: TRUSTED, request: { acceptResets: 3 } },
      { type: 'retire', n: 1 },
    ],
    [
      'of accepted resets is none where that salt is gone by now',
      {
        ...{ kind: 'hash-salt', request: { acceptResets: 3 }, events: [{ type: 'resets', n: 1 }] },
        versions: [version(1, 'retired'), version(2, 'trusted'), version(3, 'active')],
      },
      undefined,
    ],
    ['by name is taken once', { ...byName('retire', 2), versions: PUBLISHED, events: [moved] }, undefined],
    ['by name is that step', { ...byName('retire', 2), versions: PUBLISHED }, { type: 'retire', n: 2 }],
    ['of a compromised identity replaces it', identity({ compromised: true }), PUBLISH],
    ['of an identity goes on with its replacement', identity({}, PUBLISHED), { type: 'promote', n: 2 }],
    [
      'of an identity whose replacement is in use asks for no other one',
      { ...identity({}, REPLACED), evidence: withReplacement([], 2) },
      undefined,
    ],
  ];
  test.each(cases)('%s', (_, given, step) => {
    expect(intended(given).step).toEqual(step);
  });

  function byName(type: 'retire' | 'destroy', n: number): Pick<Given, 'request'> {
    return { request: { request: { type, kid: version(n, 'active').kid } } };
  }

  function identity(request: NonNullable<Given['request']>, versions = ACTIVE): Given {
    return { kind: 'message-bus-operator', versions, request };
  }

  function confirmed(): KeyRecord['evidence'] {
    const confirmation = { confirmedAt: '2027-01-10T00:00:00Z', by: 'pods' } as const;
    return withConfirmation({ versions: TRUSTED, evidence: [] }, version(2, 'active'), confirmation);
  }
});

describe('what a run says about its step', () => {
  const cases: readonly (readonly [name: string, given: Given, note: string])[] = [
    ['when it could rotate again', { versions: YOUNG }, '--again rotates before 2027-02-01T23:00:00Z'],
    [
      'that --again has to be given once more after it completed a rotation',
      { versions: YOUNG, request: { again: true }, events: [finished] },
      '--again, once more, rotates before',
    ],
    [
      'that the key was replaced as compromised already',
      { versions: REPLACED, evidence: withReplacement([], 2), request: { compromised: true } },
      'already replaced as compromised at 2027-01-31T23:00:00Z',
    ],
    [
      'that a replaced key has an old version to go, and what to do if the new one has leaked too',
      {
        ...{ evidence: withReplacement([], 2), request: { compromised: true } },
        versions: [version(1, 'trusted'), version(2, 'active', RECENT)],
      },
      'if that has leaked too: --again',
    ],
    [
      'that no old salt is trusted, and which version is published',
      { kind: 'hash-salt', versions: PUBLISHED, request: { acceptResets: 3 } },
      'gives up v2, which is published',
    ],
    ['that the kind has no version yet', { versions: [] }, 'there is no jwt-signing-key yet'],
  ];
  test.each(cases)('%s', (_, given, note) => {
    expect(intended(given).notes.join('\n')).toContain(note);
  });
});

describe('an identity', () => {
  const rotation = contextOf({ kind: 'message-bus-operator', versions: ACTIVE }).rotation;

  test('is never rotated while it is safe', () => {
    expect(() => refuseSafe({ kind: 'message-bus-operator', compromised: false }, rotation)).toThrow('is an identity');
    expect(() => refuseSafe({ kind: 'message-bus-operator', compromised: true }, rotation)).not.toThrow();
  });

  test('is the only kind that is refused so', () => {
    const other = contextOf({ versions: ACTIVE }).rotation;
    expect(() => refuseSafe({ kind: 'jwt-signing-key', compromised: false }, other)).not.toThrow();
  });
});

test('the way back never leads to a certificate that has expired', () => {
  const expired = { ...version(1, 'trusted'), notAfter: '2027-01-31T00:00:00Z' };
  const given: Given = { versions: [expired, version(2, 'active')], request: { request: { type: 'rollback' } } };
  expect(() => intended(given)).toThrow('the version to go back to expired on 2027-01-31T00:00:00Z');
});
