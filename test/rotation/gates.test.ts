// Covers: src/rotation/facts/census.ts, src/rotation/facts/consumers.ts, src/rotation/decide.ts, src/rotation/gate.ts
// Covers: src/rotation/gates/, src/rotation/kinds.ts, src/rotation/facts/users.ts

import { describe, expect, test } from 'vitest';
import type { VersionRecord } from '../../src/ledger/record.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { Pod } from '../../src/ports/workloads.ts';
import { decideStep, needsOf } from '../../src/rotation/decide.ts';
import { singleReaders, stalePods } from '../../src/rotation/facts/consumers.ts';
import type { UsersEvidence } from '../../src/rotation/facts/users.ts';
import type { Decision, Evidence, Gate, GateInput, RotationStep } from '../../src/rotation/gate.ts';
import { dueWork } from '../../src/rotation/gates/mongodb-auth.ts';
import { parseKind, ROTATIONS } from '../../src/rotation/kinds.ts';
import { smallSpec } from '../support/installations.ts';
import { platform, pod, version } from './bed.ts';

const NOW = new Date('2027-02-01T12:00:00Z');
const SYNC_MS = 5 * 60_000;
const spec = smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'kid' } } });
const confirmed = (seconds: number): Evidence => ({
  consumers: { status: 'current', at: new Date(NOW.getTime() - seconds * 1000) },
});
const current = confirmed(0);
const behind: Evidence = { consumers: { status: 'behind', blockers: ['Pod a/b'] } };
const unknown: Evidence = { consumers: { status: 'unknown', reason: 'no access' } };

/** Records by the first letter of the kid that they name. */
const counted = (
  byLetter: Readonly<Record<string, number>>,
  { strange = 0, unmarked = 0 }: { strange?: number; unmarked?: number } = {},
): Evidence => ({
  ...current,
  census: {
    status: 'counted',
    location: 'db.users',
    byKid: new Map(Object.entries(byLetter).map(([letter, count]) => [letter.repeat(16), count])),
    strange,
    unmarked,
  },
});
const user = (change: Partial<Extract<UsersEvidence, { status: 'known' }>> = {}): UsersEvidence => ({
  ...{
    status: 'known',
    user: 'u',
    accepted: true,
    listed: change.accepted ?? true,
    namesake: undefined,
    active: 'a',
    activeAccepted: true,
    hasWayBack: false,
    lacks: [],
    managed: true,
    sessions: undefined,
  },
  ...change,
});
const unused = { status: 'none', first: new Date(NOW.getTime() - SYNC_MS), last: NOW } as const;

const PROMOTE: RotationStep = { type: 'promote', n: 2 };
const RETIRE: RotationStep = { type: 'retire', n: 1 };

function gateOf(kind: string): Gate {
  const rotation = ROTATIONS[parseKind(kind)];
  if (rotation.type !== 'versions') throw new Error(`${kind} has no gate`);
  return rotation.gate;
}

function gateInput(kind: string, step: RotationStep, change: Partial<GateInput> = {}): GateInput {
  const versions: VersionRecord[] =
    step.type === 'promote'
      ? [version(1, 'active'), version(2, 'published')]
      : [version(1, 'trusted'), version(2, 'active')];
  return { kind: parseKind(kind), step, versions, spec, compromised: false, acceptResets: undefined, ...change };
}

const decide = (kind: string, step: RotationStep, evidence: Evidence, change: Partial<GateInput> = {}): Decision =>
  decideStep(gateOf(kind), gateInput(kind, step, change), evidence, NOW);

const KINDS = Object.entries(ROTATIONS).flatMap(([kind, rotation]) => (rotation.type === 'versions' ? [kind] : []));
const SAFE = KINDS.filter((kind) => kind !== 'message-bus-operator');
/** Of mongodb-auth the server is asked first, whatever the step. */
const ALONE = KINDS.filter((kind) => kind !== 'mongodb-auth');
/** What they made stands in a database, which may be older or newer than the record. */
const OF_DATA = ['root-key', 'hash-salt'];

describe('every gate', () => {
  test.each(SAFE)('of %s is closed without evidence', (kind) => {
    for (const step of [PROMOTE, RETIRE]) {
      for (const evidence of [{}, behind, unknown]) expect(decide(kind, step, evidence).open).toBe(false);
    }
  });

  test.each(SAFE)('of %s asks for the consumers of what it is about', (kind) => {
    expect(needsOf(gateOf(kind), gateInput(kind, PROMOTE))).toContainEqual(
      expect.objectContaining({ type: 'consumers', entry: expect.objectContaining({ n: 2 }), acknowledged: true }),
    );
    expect(needsOf(gateOf(kind), gateInput(kind, RETIRE))).toContainEqual(
      expect.objectContaining({ type: 'consumers', entry: expect.objectContaining({ n: 2 }), acknowledged: false }),
    );
  });

  test.each(ALONE)('of %s lets what was never used go, and what was accepted all the time come back', (kind) => {
    const versions = [version(1, 'active'), version(2, 'published')];
    expect(decide(kind, { type: 'retire', n: 2 }, {}, { versions }).open).toBe(!OF_DATA.includes(kind));
    expect(decide(kind, { type: 'promote', n: 1, back: true }, {}).open).toBe(true);
    expect(needsOf(gateOf(kind), gateInput(kind, { type: 'promote', n: 1, back: true }))).toEqual([]);
  });

  test.each(['rolled back', 'overtaken'])(
    'of keys of data asks for the data before a published version that is %s goes',
    (how) => {
      const versions =
        how === 'overtaken'
          ? [version(1, 'published'), version(2, 'active')]
          : [version(1, 'active'), version(2, 'published')];
      const n = how === 'overtaken' ? 1 : 2;
      const kid = versions[n - 1]?.kid ?? '';
      const retire: RotationStep = { type: 'retire', n };
      expect(needsOf(gateOf('root-key'), gateInput('root-key', retire, { versions }))).toEqual([
        { type: 'tenants', kid, counts: true },
      ]);
      expect(needsOf(gateOf('hash-salt'), gateInput('hash-salt', retire, { versions }))).toEqual([
        { type: 'census', onWord: true },
      ]);
      const open = (kind: string, evidence: Evidence) => decide(kind, retire, evidence, { versions }).open;
      expect(open('root-key', { tenants: { status: 'needed', blockers: ['t'] } })).toBe(false);
      expect(open('root-key', { tenants: { status: 'clear' } })).toBe(true);
      const letter = kid[0] ?? '';
      expect(open('hash-salt', counted({ [letter]: 1, z: 2 }))).toBe(false);
      expect(open('hash-salt', counted({ z: 3 }))).toBe(true);
    },
  );

  test('of keys of data refuses to destroy what nobody can vouch for, and waits for nothing', () => {
    const versions = [version(1, 'retired'), version(2, 'active')];
    for (const kind of KINDS) {
      const decision = decide(kind, { type: 'destroy', n: 1 }, {}, { versions });
      expect([kind, decision]).toEqual([
        kind,
        OF_DATA.includes(kind) ? expect.objectContaining({ open: false, remedy: expect.any(String) }) : { open: true },
      ]);
    }
  });

  test.each(['root-key', 'hash-salt', 'internal-ca', 'cluster-ca', 'message-bus-signing-key', 'mongodb-auth'])(
    'of %s protects more than time: a compromise does not open it',
    (kind) => {
      for (const step of [PROMOTE, RETIRE]) expect(decide(kind, step, {}, { compromised: true }).open).toBe(false);
    },
  );
});

describe('a gate opens', () => {
  const cases: readonly (readonly [string, string, RotationStep, Evidence, object])[] = [
    ['jwt: caches are out', 'jwt-signing-key', PROMOTE, confirmed(900), { open: true }],
    [
      'jwt: caches are not out',
      'jwt-signing-key',
      PROMOTE,
      confirmed(899),
      { open: false, until: new Date(NOW.getTime() + 1000) },
    ],
    ['jwt: tokens have expired', 'jwt-signing-key', RETIRE, confirmed(86_700), { open: true }],
    [
      'jwt: tokens have not expired',
      'jwt-signing-key',
      RETIRE,
      confirmed(86_699),
      { open: false, until: new Date(NOW.getTime() + 1000) },
    ],
    [
      'jwt: the clock went back',
      'jwt-signing-key',
      PROMOTE,
      confirmed(-5),
      { open: false, until: new Date(NOW.getTime() + 905_000) },
    ],
    [
      'root key: all have the keyring, and every tenant key opens',
      'root-key',
      PROMOTE,
      { ...current, tenants: { status: 'clear' } },
      { open: true },
    ],
    ['root key: nobody looked whether tenant keys open', 'root-key', PROMOTE, current, { open: false }],
    [
      'root key: a tenant key does not open',
      'root-key',
      PROMOTE,
      { ...current, tenants: { status: 'broken', blockers: ['t'] } },
      { open: false, blockers: ['t'] },
    ],
    [
      'root key: a tenant key opens with none at the end',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'broken', blockers: ['t'] } },
      { open: false, blockers: ['t'] },
    ],
    [
      'root key: one scan',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'unneeded', first: NOW, last: NOW } },
      { open: false, until: new Date(NOW.getTime() + SYNC_MS) },
    ],
    [
      'root key: two scans too close to each other',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'unneeded', first: new Date(NOW.getTime() - SYNC_MS + 1000), last: NOW } },
      { open: false },
    ],
    [
      'root key: two scans, a sync period apart',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'unneeded', first: new Date(NOW.getTime() - SYNC_MS), last: NOW } },
      { open: true },
    ],
    [
      'root key: somebody reads one key',
      'root-key',
      PROMOTE,
      { ...current, singleReaders: ['x'] },
      { open: false, blockers: ['x'] },
    ],
    [
      'root key: nobody knows who reads what',
      'root-key',
      PROMOTE,
      unknown,
      { open: false, reason: expect.stringContaining('read the keyring'), blockers: expect.any(Array) },
    ],
    ['root key: nobody knows of tenants', 'root-key', RETIRE, current, { open: false }],
    [
      'root key: tenants need it',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'needed', blockers: ['t'] } },
      { open: false, blockers: ['t'] },
    ],
    [
      'root key: there is no tenant at all',
      'root-key',
      RETIRE,
      { ...current, tenants: { status: 'empty', location: 'db.tenants' } },
      {
        open: false,
        reason: expect.stringContaining('db.tenants'),
        blockers: [expect.anything(), expect.stringContaining('--no-tenant-store')],
      },
    ],
    ['root key: none needs it', 'root-key', RETIRE, { ...current, tenants: { status: 'clear' } }, { open: true }],
    [
      'root key: none needs it, but a wrapper has the old one',
      'root-key',
      RETIRE,
      { ...behind, tenants: { status: 'clear' } },
      { open: false },
    ],
    ['salt: all have it', 'hash-salt', PROMOTE, current, { open: true }],
    ['salt: no count of what needs it', 'hash-salt', RETIRE, current, { open: false }],
    ['CA: all have the bundle', 'internal-ca', PROMOTE, current, { open: true }],
    ['CA: nobody looked at leaves', 'internal-ca', RETIRE, current, { open: false }],
    [
      'CA: a leaf of it is left',
      'internal-ca',
      RETIRE,
      { ...current, leaves: ['l'] },
      { open: false, blockers: ['l'] },
    ],
    ['CA: none is left', 'internal-ca', RETIRE, { ...current, leaves: [] }, { open: true }],
    ['CA: none is left, but not all have theirs', 'internal-ca', RETIRE, { ...behind, leaves: [] }, { open: false }],
    [
      'cluster CA: somebody vouches for the clusters',
      'cluster-ca',
      RETIRE,
      { ...current, clusters: 'vouched' },
      { open: true },
    ],
    [
      'cluster CA: nobody does',
      'cluster-ca',
      RETIRE,
      { ...current, clusters: 'unknown' },
      { open: false, onWord: true, stuck: true },
    ],
    [
      'cluster CA: not all have it',
      'cluster-ca',
      RETIRE,
      { ...behind, clusters: 'unknown' },
      { open: false, blockers: ['Pod a/b'] },
    ],
    ['bus: servers have it', 'message-bus-signing-key', PROMOTE, current, { open: true }],
    [
      'bus: nobody vouches for the clusters',
      'message-bus-signing-key',
      RETIRE,
      { ...current, clusters: 'unknown' },
      { open: false, onWord: true },
    ],
    ['user: nobody asked the server', 'mongodb-auth', PROMOTE, current, { open: false }],
    ['user: the server takes its login', 'mongodb-auth', PROMOTE, { ...current, users: user() }, { open: true }],
    [
      'user: the server takes its login, but not all have the keyfile',
      'mongodb-auth',
      PROMOTE,
      { ...behind, users: user() },
      { open: false, blockers: ['Pod a/b'] },
    ],
    [
      'user: it is not there',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ accepted: false }) },
      { open: false, reason: 'the user u is to be made first' },
    ],
    [
      'user: it is not there, and nobody can make it',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ accepted: false, managed: false }) },
      { open: false, reason: 'the server does not take the login of u' },
    ],
    [
      'user: it lacks a role',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ lacks: ['r'] }) },
      { open: false, blockers: ['r'] },
    ],
    [
      'user: the old one is gone',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ accepted: false, managed: false }) },
      { open: true },
    ],
    [
      'user: the old one is gone, but not all have the new one',
      'mongodb-auth',
      RETIRE,
      { ...behind, users: user({ accepted: false }) },
      { open: false },
    ],
    [
      'user: the server takes neither login',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ accepted: false, activeAccepted: false }) },
      { open: false },
    ],
    [
      'user: the server takes its login, and not the active one: it may be another server',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ activeAccepted: false }) },
      { open: false, reason: 'the server does not take the login of the active user a' },
    ],
    [
      'user: it is to be made on a server that does not take the active login',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ accepted: false, activeAccepted: false }) },
      { open: false, reason: 'the server does not take the login of the active user a' },
    ],
    [
      'user: the way back from an active user who cannot log in any more',
      'mongodb-auth',
      { ...PROMOTE, back: true },
      { ...current, users: user({ activeAccepted: false }) },
      { open: true },
    ],
    [
      'user: the way back from an active user who cannot log in any more, to one who cannot either',
      'mongodb-auth',
      { ...PROMOTE, back: true },
      { ...current, users: user({ accepted: false, activeAccepted: false }) },
      { open: false, reason: 'the server does not take the login of the active user a' },
    ],
    [
      'user: it has the name of another version, which has another password',
      'mongodb-auth',
      PROMOTE,
      { ...current, users: user({ accepted: false, namesake: 3 }) },
      { open: false, remedy: expect.stringContaining('another name') },
    ],
    [
      'user: the server has it, and refuses its login',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ accepted: false, listed: true }) },
      { open: false, reason: 'the server has a user u, and does not take its login' },
    ],
    [
      'user: an administrator finds that the old one is gone',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ accepted: false, listed: false }) },
      { open: true },
    ],
    [
      'user: the old one has the name of another version, and goes with that',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ namesake: 3 }) },
      { open: true },
    ],
    ['user: nobody looked for sessions', 'mongodb-auth', RETIRE, { ...current, users: user() }, { open: false }],
    [
      'user: a session is open',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ sessions: { status: 'open', blockers: ['s'] } }) },
      { open: false, blockers: ['s'] },
    ],
    [
      'user: no session at one look',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ sessions: { status: 'none', first: NOW, last: NOW } }) },
      { open: false, until: new Date(NOW.getTime() + SYNC_MS) },
    ],
    [
      'user: no session at two looks, but it is still there',
      'mongodb-auth',
      RETIRE,
      { ...current, users: user({ sessions: unused }) },
      { open: false, reason: 'the user u is to be dropped first' },
    ],
    ['operator: there is no overlap', 'message-bus-operator', PROMOTE, {}, { open: true }],
  ];

  test.each(cases)('%s', (_, kind, step, evidence, expected) => {
    expect(decide(kind, step, evidence)).toMatchObject(expected);
  });

  test('for a user of the database after it was made or dropped, and not before all else is there', () => {
    const due = (step: RotationStep, evidence: Evidence, change: Partial<GateInput> = {}) =>
      dueWork(gateInput('mongodb-auth', step, change), evidence, NOW);
    const absent = user({ accepted: false });
    expect(due(PROMOTE, { ...current, users: absent })).toBe('create');
    expect(due(PROMOTE, { ...current, users: user({ accepted: false, activeAccepted: false }) })).toBeUndefined();
    expect(due(PROMOTE, { ...current, users: user({ accepted: false, namesake: 3 }) })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user({ sessions: unused, namesake: 3 }) })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user({ accepted: false, listed: true }) })).toBeUndefined();
    expect(due(PROMOTE, { ...behind, users: absent })).toBeUndefined();
    expect(due(PROMOTE, { ...current, users: user({ accepted: false, managed: false }) })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user({ sessions: unused }) })).toBe('drop');
    expect(due(RETIRE, { ...behind, users: user({ sessions: unused }) })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user({ sessions: { ...unused, last: unused.first } }) })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user() })).toBeUndefined();
    expect(due(RETIRE, { ...current, users: user() }, { compromised: true })).toBe('drop');
    const versions = [version(1, 'active'), version(2, 'published')];
    expect(due({ type: 'retire', n: 2 }, { users: user() }, { versions })).toBe('drop');
    const inTurn = [version(1, 'trusted', undefined, ['active']), version(2, 'active')];
    expect(due({ type: 'promote', n: 1, back: true }, { users: absent }, { versions: inTurn })).toBe('create');
  });

  test('for a JWT key at once where it is compromised', () => {
    for (const step of [PROMOTE, RETIRE]) {
      expect(decide('jwt-signing-key', step, {}, { compromised: true }).open).toBe(true);
    }
  });

  test.each<[string, Evidence, number | undefined, object]>([
    ['no record needs it', counted({ b: 0, c: 9 }), undefined, { open: true }],
    ['records need it: it stays', counted({ b: 3, c: 9 }), undefined, { open: false, stays: true, reason: /3 of 12/ }],
    ['so many resets are accepted', counted({ b: 3, c: 9 }), 3, { open: true }],
    ['fewer resets are accepted', counted({ b: 3, c: 9 }), 2, { open: false, remedy: /--accept-resets 3/ }],
    ['more resets are accepted', counted({ b: 3, c: 9 }), 4, { open: false, remedy: /--accept-resets 3/ }],
    ['resets are accepted that nobody needs', counted({ b: 0, c: 9 }), 1, { open: false, remedy: /leave/ }],
    [
      'a record names no salt',
      counted({ c: 9 }, { unmarked: 1 }),
      undefined,
      { open: false, stays: true, reason: /1 name no/ },
    ],
    [
      'a record names no salt, and resets are accepted',
      counted({ b: 3 }, { unmarked: 1 }),
      3,
      { open: false, remedy: /kidField/ },
    ],
    [
      'a record names an unknown salt',
      counted({ c: 9 }, { strange: 2 }),
      undefined,
      { open: false, stays: true, reason: /2 an unknown/ },
    ],
    ['there is no record', counted({}), undefined, { open: false, stays: true, reason: /no record at all/ }],
    ['there is no record, nor has there to be one', counted({}), 0, { open: true }],
    [
      'nobody could count',
      { ...current, census: { status: 'unknown', reason: 'x' } },
      undefined,
      { open: false, stays: true },
    ],
    [
      'nobody could count, and resets are accepted',
      { ...current, census: { status: 'unknown', reason: 'x' } },
      3,
      { open: false, remedy: /mongodb.uri/ },
    ],
    [
      'none needs it, but a consumer still makes new ones',
      { ...counted({ c: 9 }), ...behind },
      undefined,
      { open: false },
    ],
    [
      'resets are accepted, but a consumer still makes new ones',
      { ...counted({ b: 3 }), ...behind },
      3,
      { open: false },
    ],
  ])('for an old salt, or not: %s', (_, evidence, acceptResets, expected) => {
    const { reason, remedy, ...rest } = expected as { reason?: RegExp; remedy?: RegExp };
    const decision = decide('hash-salt', RETIRE, evidence, { acceptResets });
    expect(decision).toMatchObject({
      ...rest,
      ...(reason === undefined ? {} : { reason: expect.stringMatching(reason) }),
      ...(remedy === undefined ? {} : { remedy: expect.stringMatching(remedy) }),
    });
    // What has to be waited for is no finished rotation, and what is refused does not just stay.
    expect('stays' in decision).toBe('stays' in expected);
  });

  test('for a salt by what is counted last, once all consumers are current', () => {
    expect(needsOf(gateOf('hash-salt'), gateInput('hash-salt', RETIRE)).map(({ type }) => type)).toEqual([
      'consumers',
      'census',
    ]);
  });

  test('never for a salt without a census, and says what helps', () => {
    const without = { spec: smallSpec() };
    expect(decide('hash-salt', { type: 'publish' }, {}, without)).toMatchObject({
      open: false,
      remedy: expect.any(String),
    });
    expect(decide('hash-salt', PROMOTE, current, without)).toMatchObject({ open: false, remedy: expect.any(String) });
  });
});

describe('a Pod', () => {
  const CHANGED = '2027-02-01T11:00:00Z';
  const ROOT = platform('root-key');
  const find = (
    one: Pod,
    {
      consumers = [],
      now = NOW,
      kid,
      reloads = true,
      ignored = [],
    }: { consumers?: object[]; now?: Date; kid?: string; reloads?: boolean; ignored?: string[] } = {},
  ) =>
    stalePods(
      {
        spec: smallSpec({ consumers }),
        pods: [one],
        objects: new Map([[formatRef(ROOT), { ref: ROOT, changedAt: new Date(CHANGED) }]]),
        orphanedObjects: new Set(),
        kid,
        reloads,
        ignored: new Set(ignored),
      },
      now,
    ).length > 0;
  const use = (how: 'volume' | 'subPath' | 'env') => ({ uses: [{ object: ROOT, container: 'main', how }] });
  const watching = [{ workload: 'Deployment/hubble-system/auth', object: 'palette-root-key', reload: 'watch' }];
  const OLD = '2027-02-01T10:00:00Z';
  const soon = new Date('2027-02-01T11:05:00Z');

  test.each<[string, boolean, Pod, Parameters<typeof find>[1]]>([
    ['that was started two minutes after the change is current', false, pod('auth-1', '2027-02-01T11:02:01Z'), {}],
    ['that was started a moment sooner may have what the kubelet had', true, pod('auth-1', '2027-02-01T11:02:00Z'), {}],
    ['that was started before is behind', true, pod('auth-1', OLD), {}],
    ['that has it in a variable is behind', true, pod('auth-1', OLD, use('env')), {}],
    ['that uses something else does not matter', false, pod('auth-1', OLD, { uses: [] }), {}],
    ['that is finished does not matter', false, pod('auth-1', OLD, { finished: true }), {}],
    ['that is vouched for does not matter', false, pod('auth-1', OLD), { ignored: ['hubble-system/auth-1'] }],
    ['that says it has loaded the key is current', false, pod('auth-1', OLD, { loadedKids: ['a', 'k'] }), { kid: 'k' }],
    ['that says it has loaded another one is behind', true, pod('auth-1', OLD, { loadedKids: ['a'] }), { kid: 'k' }],
    ['that says so where it proves nothing is behind', true, pod('auth-1', OLD, { loadedKids: ['k'] }), {}],
    ['that is not running yet will start with the new one', false, pod('auth-1', undefined), {}],
    [
      'that is not running right after the change might still get the old one',
      true,
      pod('auth-1', undefined),
      { now: new Date('2027-02-01T11:01:00Z') },
    ],
    ['that watches is current after the sync period', false, pod('auth-1', OLD), { consumers: watching, now: soon }],
    [
      'that watches is behind until then',
      true,
      pod('auth-1', OLD),
      { consumers: watching, now: new Date(soon.getTime() - 1) },
    ],
    [
      'that watches a subPath sees nothing',
      true,
      pod('auth-1', OLD, use('subPath')),
      { consumers: watching, now: soon },
    ],
    ['that watches a variable sees nothing', true, pod('auth-1', OLD, use('env')), { consumers: watching, now: soon }],
    [
      'that watches what nobody can reload is behind',
      true,
      pod('auth-1', OLD),
      { consumers: watching, now: soon, reloads: false },
    ],
    ['of another workload does not watch', true, pod('jet-1', OLD), { consumers: watching, now: soon }],
    [
      'that reads through the API is behind too',
      true,
      pod('auth-1', OLD, { uses: [] }),
      { consumers: [{ workload: 'Deployment/hubble-system/auth', object: 'palette-root-key' }] },
    ],
    [
      "of a CronJob's Job is its consumer's",
      true,
      pod('x', OLD, { uses: [], workload: 'Job/hubble-system/nightly-29' }),
      { consumers: [{ workload: 'CronJob/hubble-system/nightly', object: 'palette-root-key' }] },
    ],
    [
      "of another CronJob's Job, whose name begins alike, is not",
      false,
      pod('x', OLD, { uses: [], workload: 'Job/hubble-system/nightly-report-29' }),
      { consumers: [{ workload: 'CronJob/hubble-system/nightly', object: 'palette-root-key' }] },
    ],
  ])('%s', (_, expected, one, options) => {
    expect(find(one, options)).toBe(expected);
  });

  test('one of two containers that is behind is enough', () => {
    const uses = ['main', 'side'].map((container) => ({ object: ROOT, container, how: 'volume' }) as const);
    const startedAt = new Map([
      ['main', new Date('2027-02-01T11:30:00Z')],
      ['side', new Date(OLD)],
    ]);
    expect(find(pod('auth-1', OLD, { uses, startedAt }))).toBe(true);
  });

  test('reads one key alone unless its workload says that it reads the keyring', () => {
    const keyring = {
      consumers: [{ workload: 'Deployment/hubble-system/auth', object: 'palette-root-key', reads: 'keyring' }],
    };
    const pods = [pod('auth-1', OLD), pod('jet-1', OLD), pod('done-1', OLD, { finished: true })];
    expect(singleReaders(smallSpec(keyring), pods, [ROOT])).toEqual(['Deployment/hubble-system/jet']);
    expect(singleReaders(smallSpec(), [], [ROOT])).toEqual([]);
  });
});
