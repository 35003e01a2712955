import { describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { withReplacement } from '../../src/ledger/replacement.ts';
import { withConfirmation } from '../../src/rotation/facts/confirmation.ts';
import type { Confirmed, Gathered, StaleConsumers } from '../../src/rotation/facts/gathered.ts';
import type { UsersEvidence } from '../../src/rotation/facts/users.ts';
import type { RunEvent } from '../../src/rotation/history.ts';
import { type Action, nextAction } from '../../src/rotation/next-action.ts';
import { pod, version } from './bed.ts';
import { contextOf, currentFor, type Given, gatheredOf, historyOf, NOW } from './contexts.ts';

const HOUR = 3600;
const YEAR = 365 * 24 * HOUR;
const ACTIVE = [version(1, 'active')];
const PUBLISHED = [version(1, 'active'), version(2, 'published')];
const TRUSTED = [version(1, 'trusted'), version(2, 'active')];
const RETIRED = [version(1, 'retired'), version(2, 'active')];

const BEHIND: StaleConsumers = {
  ...{ settledAt: NOW, missing: [], unknown: undefined, nameless: [] },
  pods: [{ pod: pod('auth-1', undefined), reason: 'not restarted', restarts: true }],
};
const behind: Partial<Gathered> = {
  evidence: { consumers: { status: 'behind', blockers: ['Pod auth-1'] } },
  behind: BEHIND,
};
const confirmed: Confirmed = { version: version(2, 'published'), by: 'pods', ignored: [], instead: undefined, at: NOW };
const folder = { status: 'unknown', reason: 'a folder does not show what runs', toCopy: [] } as const;

/** A key that was replaced as compromised an hour ago: nobody knows yet whether consumers have let it go. */
const REPLACEMENT = version(2, 'active', '2027-01-31T23:00:00Z');
const REPLACED = {
  versions: [version(1, 'retired'), REPLACEMENT],
  evidence: withReplacement([], 2),
  request: { compromised: true },
};
const RESTARTED: RunEvent = {
  type: 'restarting',
  workload: 'Deployment/hubble-system/auth',
  settledAt: NOW.getTime(),
};

const users = (change: Partial<Extract<UsersEvidence, { status: 'known' }>>): UsersEvidence => ({
  ...{ status: 'known', user: 'u', accepted: false, listed: false, namesake: undefined, active: 'a', lacks: [] },
  ...{ activeAccepted: true, hasWayBack: false, managed: true, sessions: undefined },
  ...change,
});
const counted = (byKid: Readonly<Record<string, number>>): Partial<Gathered> => ({
  evidence: {
    ...currentFor(0),
    census: { status: 'counted', location: 'db', byKid: new Map(Object.entries(byKid)), strange: 0, unmarked: 0 },
  },
});
const V1 = version(1, 'trusted').kid;
const V2 = version(2, 'active').kid;

function actionOf(given: Given): Action {
  return nextAction(contextOf(given), gatheredOf(given.gathered), historyOf(given), NOW);
}

type Cases = readonly (readonly [name: string, given: Given, action: object])[];

describe('an interrupted run is completed before anything else', () => {
  const cases: Cases = [
    [
      'as this rotation, where its new version was the last to move',
      { versions: PUBLISHED, record: { ready: false } },
      { type: 'complete', about: 'this rotation' },
    ],
    [
      'as something else, where the kind has its first version alone',
      { versions: ACTIVE, record: { ready: false } },
      { type: 'complete', about: 'something else' },
    ],
    [
      'even where a compromised key has to be replaced',
      { versions: ACTIVE, record: { ready: false }, request: { compromised: true } },
      { type: 'complete' },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('before a gate decides, its evidence is gathered', () => {
  const cases: Cases = [
    ['which is none for a version that is published', { versions: ACTIVE }, { type: 'gather', requests: [] }],
    [
      'about the consumers of the version that is to be promoted',
      { versions: PUBLISHED },
      { type: 'gather', requests: [{ type: 'consumers', entry: { n: 2 }, acknowledged: true }] },
    ],
    [
      'about the consumers of the version that stays, before the old one is retired',
      { versions: TRUSTED },
      { type: 'gather', requests: [{ type: 'consumers', entry: { n: 2 }, acknowledged: false }] },
    ],
    [
      'about what still works with a compromised key, once the last state has changed',
      REPLACED,
      { type: 'gather', requests: [{ type: 'consumers', entry: { n: 2 }, acknowledged: false }] },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('a state changes', () => {
  const cases: Cases = [
    [
      'when the gate is open for the publication',
      { versions: ACTIVE, gathered: {} },
      { type: 'transition', step: { type: 'publish' } },
    ],
    [
      'when caches have expired since all consumers were current',
      { versions: PUBLISHED, gathered: { evidence: currentFor(YEAR) } },
      { type: 'transition', step: { type: 'promote', n: 2 }, gathered: { evidence: currentFor(YEAR) } },
    ],
    [
      'when tokens of the old key have expired',
      { versions: TRUSTED, gathered: { evidence: currentFor(YEAR) } },
      { type: 'transition', step: { type: 'retire', n: 1 } },
    ],
    [
      'at once where the key is compromised',
      { versions: ACTIVE, request: { compromised: true }, gathered: {} },
      { type: 'transition', step: { type: 'publish' } },
    ],
    [
      'by name, to go back before the old version is retired',
      { versions: TRUSTED, request: { request: { type: 'rollback' } }, gathered: {} },
      { type: 'transition', step: { type: 'promote', n: 1, back: true } },
    ],
    [
      'without evidence for a kind that is imported',
      { kind: 'fqdn-certificate', versions: TRUSTED, request: { request: { type: 'rollback' } } },
      { type: 'transition', step: { type: 'promote', n: 1 }, gathered: undefined },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('evidence is recorded', () => {
  const gathered = gatheredOf({ evidence: currentFor(0), confirmed });

  test('where it is new and the gate is still closed', () => {
    expect(actionOf({ versions: PUBLISHED, gathered: { evidence: currentFor(0), confirmed } })).toMatchObject({
      type: 'recordEvidence',
      gathered: { confirmed, scanned: undefined },
    });
  });

  test('once, after which the run waits', () => {
    const given: Given = { versions: PUBLISHED, events: [{ type: 'recorded', evidence: gathered }] };
    expect(nextAction(contextOf(given), gathered, historyOf(given), NOW)).toMatchObject({ type: 'wait' });
  });

  test('with the change of the state, not before it, where the gate is open', () => {
    const open = { evidence: currentFor(YEAR), confirmed };
    expect(actionOf({ versions: PUBLISHED, gathered: open })).toMatchObject({ type: 'transition', gathered: open });
  });

  test('before an emergency ends', () => {
    const found = { evidence: currentFor(0), confirmed: { ...confirmed, version: version(2, 'active') } };
    expect(actionOf({ ...REPLACED, gathered: found })).toMatchObject({ type: 'recordEvidence' });
  });

  test('never without the confirmation that a refused step would rest on', () => {
    const refused = { evidence: { ...currentFor(0), singleReaders: ['auth'] }, confirmed };
    expect(actionOf({ kind: 'root-key', versions: PUBLISHED, gathered: refused })).toMatchObject({ type: 'refuse' });
  });
});

describe('consumers that are behind', () => {
  const given: Given = { versions: PUBLISHED, gathered: behind };
  const cases: Cases = [
    ['are waited for by name', given, { type: 'wait', waitingFor: { blockers: ['Pod auth-1'] } }],
    [
      'are restarted where the operator allows it',
      { ...given, request: { restart: true } },
      { type: 'restart', workloads: ['Deployment/hubble-system/auth'], settledAt: NOW },
    ],
    [
      'are restarted once for a change, and waited for after that',
      { ...given, request: { restart: true }, events: [RESTARTED] },
      { type: 'wait', waitingFor: { blockers: ['Pod auth-1'] } },
    ],
    [
      'keep an emergency open, and the run says that --restart helps',
      { ...REPLACED, gathered: behind },
      { type: 'wait', waitingFor: { blockers: ['Pod auth-1', '--restart starts them anew'] } },
    ],
    [
      'are restarted to end an emergency',
      { ...REPLACED, request: { compromised: true, restart: true }, gathered: behind },
      { type: 'restart', workloads: ['Deployment/hubble-system/auth'] },
    ],
  ];
  test.each(cases)('%s', (_, from, action) => {
    expect(actionOf(from)).toMatchObject(action);
  });
});

describe('a run waits', () => {
  const cases: Cases = [
    [
      'until a time where time alone opens the gate',
      { versions: PUBLISHED, gathered: { evidence: currentFor(0) } },
      { type: 'wait', waitingFor: { until: expect.any(Date) } },
    ],
    [
      'for the word of the operator where a folder does not show what runs',
      { versions: PUBLISHED, gathered: { evidence: { consumers: folder } } },
      { type: 'wait', waitingFor: { stuck: true, onWord: true, toCopy: [] } },
    ],
    [
      'for access where an emergency cannot be seen to end',
      { ...REPLACED, gathered: { evidence: { consumers: { status: 'unknown', reason: 'no access' } } } },
      { type: 'wait', waitingFor: { stuck: true } },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('a run is done', () => {
  const cases: Cases = [
    ['where no rotation is open and none may be opened', { versions: ACTIVE, request: { mayStart: false } }, {}],
    ['where the kind has no version yet', { versions: [] }, { notes: ['there is no jwt-signing-key yet'] }],
    [
      'where the last rotation was a moment ago, and says so',
      { versions: [version(1, 'active', '2027-01-31T23:00:00Z')] },
      { notes: [expect.stringContaining('already rotated, or made')] },
    ],
    [
      'where a step by name was taken',
      {
        versions: [version(1, 'active'), version(2, 'retired')],
        request: { request: { type: 'retire', kid: version(2, 'retired').kid } },
      },
      { notes: ['v2 is retired already'] },
    ],
    [
      'where all consumers were found to have let a compromised key go',
      {
        ...REPLACED,
        evidence: withConfirmation(REPLACED, REPLACEMENT, { confirmedAt: '2027-01-31T23:30:00Z', by: 'pods' }),
      },
      { offersWord: undefined },
    ],
    [
      'in a folder after an emergency, and offers to take the word that everything was restarted',
      { ...REPLACED, gathered: { evidence: { consumers: folder } } },
      { offersWord: true },
    ],
  ];
  test.each(cases)('%s', (_, given, rest) => {
    const action = actionOf(given);
    expect(action.type).toBe('done');
    expect({ offersWord: undefined, ...action }).toMatchObject(rest);
  });
});

describe('a step is refused', () => {
  test('with the remedy of the gate, where waiting does not help', () => {
    const gathered = { evidence: { singleReaders: ['Deployment auth'], tenants: { status: 'clear' } } } as const;
    const action = actionOf({ kind: 'root-key', versions: ACTIVE, gathered });
    expect(action).toMatchObject({
      type: 'refuse',
      error: { code: 'REFUSED', hint: expect.stringContaining('keyring'), details: [{ message: 'Deployment auth' }] },
    });
  });

  const never: readonly (readonly [string, Given, string])[] = [
    ['of an identity that is safe', { kind: 'message-bus-operator', versions: ACTIVE }, 'is an identity'],
    ['of a kind that is imported', { kind: 'fqdn-certificate', versions: ACTIVE }, 'a new one is imported'],
    [
      'back to a version that is retired',
      { versions: RETIRED, request: { request: { type: 'rollback' } } },
      'v1 is retired',
    ],
    [
      'of one old salt among several',
      {
        ...{ kind: 'hash-salt', request: { acceptResets: 3 } },
        versions: [version(1, 'trusted'), version(2, 'trusted'), version(3, 'active')],
      },
      '2 old versions are trusted',
    ],
  ];
  test.each(never)('for good: %s', (_, given, reason) => {
    expect(() => actionOf(given)).toThrow(PaletteKeysError);
    expect(() => actionOf(given)).toThrow(reason);
  });
});

describe('an old hash salt', () => {
  const old: Given = { kind: 'hash-salt', versions: TRUSTED, request: { mayStart: false } };
  const cases: Cases = [
    [
      'stays trusted while records need it, and the run says how many',
      { ...old, gathered: counted({ [V1]: 3 }) },
      { type: 'keep', n: 1, notes: [expect.stringMatching(/^v1 stays trusted: .*--accept-resets 3/)] },
    ],
    ['is looked at once in a run', { ...old, events: [{ type: 'kept', n: 1 }] }, { type: 'done' }],
    [
      'is retired when no record needs it',
      { ...old, gathered: counted({ [V2]: 3 }) },
      { type: 'transition', step: { type: 'retire', n: 1 } },
    ],
    [
      'is fixed as the one that accepted resets are about',
      { ...old, request: { acceptResets: 3 } },
      { type: 'fixResets', n: 1 },
    ],
    [
      'is counted once it was fixed',
      { ...old, request: { acceptResets: 3 }, events: [{ type: 'resets', n: 1 }] },
      { type: 'gather', requests: [{ type: 'consumers' }, { type: 'census' }] },
    ],
    [
      'is refused at another number of resets than there are records',
      { ...old, request: { acceptResets: 2 }, events: [{ type: 'resets', n: 1 }], gathered: counted({ [V1]: 3 }) },
      { type: 'refuse', error: { message: expect.stringContaining('--accept-resets 2 is not the count') } },
    ],
    [
      'waits with its retirement by name while records need it',
      { ...old, request: { request: { type: 'retire', kid: V1 } }, gathered: counted({ [V1]: 3 }) },
      { type: 'wait' },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('tenant keys', () => {
  const root = { kind: 'root-key' } as const;
  const cases: Cases = [
    [
      'are wrapped anew before the old root key is retired',
      { ...root, versions: TRUSTED },
      { type: 'rewrap', old: [{ n: 1 }] },
    ],
    [
      'are wrapped anew once for an active root key',
      { ...root, versions: TRUSTED, events: [{ type: 'rewrapped', by: 2 }] },
      { type: 'gather', requests: [{ type: 'consumers' }, { type: 'tenants', kid: V1 }] },
    ],
    [
      'are wrapped anew again where another root key is active by now',
      { ...root, versions: TRUSTED, events: [{ type: 'rewrapped', by: 1 }] },
      { type: 'rewrap' },
    ],
    [
      'are wrapped anew before a published root key is given up: a restored database may need it',
      { ...root, versions: PUBLISHED, request: { request: { type: 'rollback' } } },
      { type: 'rewrap', old: [{ n: 2 }] },
    ],
    ['are left alone while the next root key is promoted', { ...root, versions: PUBLISHED }, { type: 'gather' }],
    [
      'are named as exposed before a compromised root key is replaced',
      { ...root, versions: ACTIVE, request: { compromised: true } },
      { type: 'nameExposed', step: { type: 'publish' } },
    ],
    [
      'are named as exposed once',
      { ...root, versions: ACTIVE, request: { compromised: true }, events: [{ type: 'exposed' }] },
      { type: 'gather' },
    ],
    ['need nothing where another kind is compromised', { versions: TRUSTED }, { type: 'gather' }],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('the user of the database', () => {
  const promote: Given = { kind: 'mongodb-auth', versions: PUBLISHED };
  const byName = { request: { type: 'retire', kid: V1 }, compromised: true } as const;
  const retire: Given = { kind: 'mongodb-auth', versions: TRUSTED, request: byName };
  const evidence = (change: Parameters<typeof users>[0]): Partial<Gathered> => ({
    evidence: { ...currentFor(HOUR), users: users(change) },
  });
  const cases: Cases = [
    [
      'is made before the new password is told',
      { ...promote, gathered: evidence({}) },
      { type: 'changeUser', work: 'create', n: 2 },
    ],
    [
      'is made once in a run, which waits where that brought nothing about',
      { ...promote, gathered: evidence({}), events: [{ type: 'user', deed: 'create v2' }] },
      { type: 'wait' },
    ],
    [
      'is made by hand where no administrator is named',
      { ...promote, gathered: evidence({ managed: false }) },
      { type: 'wait' },
    ],
    [
      'is there, so the version is promoted',
      { ...promote, gathered: evidence({ accepted: true, listed: true }) },
      { type: 'transition', step: { type: 'promote', n: 2 } },
    ],
    [
      'is dropped before the old version is retired',
      { ...retire, gathered: evidence({ accepted: true, listed: true }) },
      { type: 'changeUser', work: 'drop', n: 1 },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });
});

describe('a version that is destroyed', () => {
  const SINCE = '2027-01-01T00:00:00Z';
  const versions = [
    version(1, 'destroyed', SINCE, ['published', 'active', 'trusted', 'retired']),
    version(2, 'active'),
  ];
  const [gone] = versions;
  const kid = gone?.kid ?? '';
  const facts = { kid };
  const entry = { n: 1, entry: { createdAt: gone?.createdAt, facts } };
  const by = (type: 'destroy' | 'reinstate'): Partial<Given> => ({ request: { request: { type, kid } } });
  const cases: Cases = [
    ['is looked for where its entry is gone', { versions, ...by('destroy') }, { type: 'sweep', version: { n: 1 } }],
    [
      'is not looked for twice',
      { versions, ...by('destroy'), events: [{ type: 'deleted', deletion: undefined }] },
      { type: 'done' },
    ],
    [
      'is destroyed again where its entry is there again',
      { versions, ...by('destroy'), entries: [entry], gathered: {} },
      { type: 'transition', step: { type: 'destroy', n: 1 } },
    ],
    [
      'is accepted again where a backup has brought its entry back',
      { versions, ...by('reinstate'), entries: [entry], gathered: {} },
      { type: 'transition', step: { type: 'reinstate', n: 1 } },
    ],
  ];
  test.each(cases)('%s', (_, given, action) => {
    expect(actionOf(given)).toMatchObject(action);
  });

  test.each([
    ['of another kid', { ...entry, entry: { ...entry.entry, facts: { kid: 'z'.repeat(16) } } }],
    ['that is damaged', { n: 1, damage: 'cut off' }],
    ['that was made at another time', { n: 1, entry: { createdAt: '2026-12-01T00:00:00Z', facts } }],
  ])('is not accepted again by an entry %s', (_, wrong) => {
    expect(() => actionOf({ versions, ...by('reinstate'), entries: [wrong], gathered: {} })).toThrow('v1 is destroyed');
  });
});

describe('what has to be said of the evidence', () => {
  test('is said with whatever is decided on it', () => {
    const remarks = { leftOut: ['a/b-1'], nameless: ['a/c-2'], unprobed: ['mongo-0 does not answer'] };
    const notes = [
      'left out on an earlier word: a/b-1',
      '--ignore-pod a/c-2: there is no such Pod where the spec has anything',
      'mongo-0 does not answer',
    ];
    for (const evidence of [currentFor(0), currentFor(YEAR)])
      expect(actionOf({ versions: PUBLISHED, gathered: { evidence, ...remarks } }).notes).toEqual(notes);
  });

  test('includes, before all else, that no backup holds the new root key', () => {
    const versions = [version(1, 'active'), version(2, 'published')];
    expect(actionOf({ kind: 'root-key', versions }).notes?.[0]).toContain('no backup holds root-key v2');
  });
});
