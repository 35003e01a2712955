// Covers: src/rotation/facts/census.ts, src/rotation/evidence/census.ts

import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { command } from '../backup/bench.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { auditIn, editRecord, recordIn, smallSpec, storeWith } from '../support/installations.ts';
import { gone, MemoryCensus } from '../support/memory-census.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { onCluster, platform, pod, type RotateOptions, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const KIND = 'hash-salt';
const USERS = 12;
const PROMOTED = 'v1 trusted, v2 active';
const RETIRED = 'v1 retired, v2 active';

let made: Snapshot;
let store: MemoryStore;
let census: MemoryCensus;
let clock: ManualClock;
const fresh = installedOnce(smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'auth.kid' } } }));

beforeEach(() => {
  ({ made, store, clock } = fresh());
  census = new MemoryCensus().put(USERS, kidOf(1));
});

const kidOf = (n: number): string => recordIn(store.snapshot()).keys[KIND].versions[n - 1].kid;

const go = (options: RotateOptions = {}) =>
  rotate(store, KIND, { clock, census, assumeConsumersCurrent: true, ...options });

const accept = (acceptResets: number, options: RotateOptions = {}) => go({ acceptResets, ...options });

const audited = (): string => JSON.stringify(auditIn(store.snapshot()));

async function refusal(work: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PaletteKeysError) return error;
  throw new Error('it was not refused', { cause: error });
}

describe('an old salt', () => {
  test('stays trusted while records need it, which is a finished rotation that says how many', async () => {
    const done = await go();
    expect(done).toMatchObject({ done: true, waitingFor: undefined });
    expect(done.notes).toContainEqual(
      expect.stringMatching(/v1 stays trusted: 12 of 12 records in memory, users need it/),
    );
    expect(statesOf(store, KIND)).toBe(PROMOTED);
  });

  test('goes by itself when the last record was hashed anew, and not one record before', async () => {
    await go();
    census.rehash(kidOf(1), kidOf(2), USERS - 1);
    expect((await go({ mayStart: false })).notes.join()).toContain('1 of 12');
    expect(statesOf(store, KIND)).toBe(PROMOTED);
    census.rehash(kidOf(1), kidOf(2));
    expect(await go({ mayStart: false })).toMatchObject({ done: true });
    expect([statesOf(store, KIND), audited().includes('0 of 12 records in memory, users need it')]).toEqual([
      RETIRED,
      true,
    ]);
  });

  test('goes at exactly as many resets as there are records, and the audit log has the number', async () => {
    await go();
    census.rehash(kidOf(1), kidOf(2), 5);
    const before = store.snapshot();
    for (const wrong of [0, 6, 8, USERS]) {
      const { code, message, hint } = await refusal(accept(wrong));
      expect([code, message, hint]).toEqual([
        'REFUSED',
        expect.stringContaining('7 of 12 records'),
        expect.stringContaining('--accept-resets 7'),
      ]);
    }
    expect(store.snapshot()).toEqual(before);
    expect(await accept(7)).toMatchObject({ done: true });
    expect([statesOf(store, KIND), audited()]).toEqual([
      RETIRED,
      expect.stringContaining('7 of 12 records in memory, users need it; so many resets'),
    ]);
    expect(audited()).toContain('so many resets were accepted');
    expect(await accept(7)).toMatchObject({
      done: true,
      transitions: [],
      notes: [expect.stringContaining('none to retire')],
    });
  });

  test.each<[string, () => unknown]>([
    ['name none', () => census.put(1, undefined)],
    ['hold null', () => census.put(1, null)],
    ['hold a number', () => census.put(1, 7)],
    ['hold an unknown kid', () => census.put(1, 'z'.repeat(16))],
    ['are not there at all', () => census.records.clear()],
  ])('stays while records %s, also where resets are accepted', async (_, spoil) => {
    await go();
    census.rehash(kidOf(1), kidOf(2));
    spoil();
    expect(await go({ mayStart: false })).toMatchObject({
      done: true,
      notes: [expect.stringContaining('v1 stays trusted')],
    });
    expect((await refusal(accept(1))).code).toBe('REFUSED');
    expect(statesOf(store, KIND)).toBe(PROMOTED);
  });

  test('stays where no database is named, which is no ground to accept anything', async () => {
    expect((await go({ census: undefined })).notes.join()).toMatch(/no database is named.*--mongodb-uri-file/);
    expect((await refusal(accept(USERS, { census: undefined }))).code).toBe('REFUSED');
    expect(statesOf(store, KIND)).toBe(PROMOTED);
  });

  test('stays where the database cannot be reached; the run fails, and its repetition goes on from there', async () => {
    census.beforeCount = gone;
    expect((await refusal(go())).code).toBe('DATABASE_UNAVAILABLE');
    expect((await refusal(accept(USERS))).code).toBe('DATABASE_UNAVAILABLE');
    expect(statesOf(store, KIND)).toBe(PROMOTED);
    census.beforeCount = () => undefined;
    expect(await accept(USERS)).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(RETIRED);
  });

  test('is retired by its kid through the same gate', async () => {
    await go();
    const request = { type: 'retire', kid: kidOf(1) } as const;
    expect(await go({ request })).toMatchObject({
      done: false,
      waitingFor: { reason: expect.stringContaining('12 of 12') },
    });
    expect(await go({ request, acceptResets: USERS })).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(RETIRED);
  });

  test('alone goes at accepted resets: the salt that is published meanwhile is not promoted', async () => {
    await go();
    clock.advance(2 * DAY);
    const unknown = await go({ assumeConsumersCurrent: false });
    expect(unknown.waitingFor).toMatchObject({ onWord: true });
    census.records.clear();
    census.put(3, kidOf(1)).put(3, kidOf(2));
    expect(statesOf(store, KIND)).toBe('v1 trusted, v2 active, v3 published');
    expect(await accept(3)).toMatchObject({ done: true, transitions: [{ n: 1, to: 'retired' }] });
    expect(statesOf(store, KIND)).toBe('v1 retired, v2 active, v3 published');
    expect((await accept(3)).notes).toEqual([expect.stringContaining('none to retire')]);
    expect(statesOf(store, KIND)).toBe('v1 retired, v2 active, v3 published');
  });

  test('at a wrong number is refused, and not even that its consumers are current is written', async () => {
    await go();
    editRecord(store, (record) => {
      record.keys[KIND].evidence = [];
    });
    const before = store.snapshot();
    expect((await refusal(accept(5))).code).toBe('REFUSED');
    expect(store.snapshot()).toEqual(before);
  });

  test.each([1, 2])(
    'at a wrong number is waited for where the run has completed an interrupted one (%i old)',
    async (old) => {
      await go();
      if (old === 2) {
        clock.advance(2 * DAY);
        census.put(4, kidOf(2));
        await go();
      }
      editRecord(store, (record) => {
        record.ready = false;
      });
      const waiting = await accept(5);
      expect([waiting.done, waiting.waitingFor, waiting.transitions]).toEqual([
        false,
        {
          reason: expect.stringContaining(old === 1 ? '12 of 12 records' : '2 old versions are trusted'),
          blockers: expect.arrayContaining([
            expect.stringContaining(old === 1 ? '--accept-resets 12' : '--retire KID'),
          ]),
        },
        [],
      ]);
      expect([recordIn(store.snapshot()).ready, (await refusal(accept(5))).code]).toEqual([true, 'REFUSED']);
    },
  );

  test('is none before the first promotion, which accepted resets do not bring about', async () => {
    await go({ assumeConsumersCurrent: false });
    expect(await accept(USERS)).toMatchObject({ transitions: [], notes: [expect.stringContaining('none to retire')] });
    expect(statesOf(store, KIND)).toBe('v1 active, v2 published');
  });

  test('is destroyed by no compromise: what the gate protects are passwords', async () => {
    const done = await go({ compromised: true, again: true });
    expect([done.done, statesOf(store, KIND), done.notes.join()]).toEqual([
      true,
      PROMOTED,
      expect.stringContaining('--accept-resets 12'),
    ]);
  });

  test('that was retired too early comes back, and no count takes it away again', async () => {
    await go();
    await accept(USERS);
    await go({ request: { type: 'reinstate', kid: kidOf(1) } });
    census.records.clear();
    await go({ mayStart: false });
    expect(statesOf(store, KIND)).toBe(PROMOTED);
  });
});

describe('a published salt that somebody gives up', () => {
  const request = { type: 'rollback' } as const;
  const byKid = () => ({ type: 'retire', kid: kidOf(2) }) as const;
  const GONE = 'v1 active, v2 retired';

  beforeEach(async () => {
    await go({ assumeConsumersCurrent: false });
    expect(statesOf(store, KIND)).toBe('v1 active, v2 published');
  });

  test('stays while records need it, no run waits for that, and what it says gives it up', async () => {
    census.put(2, kidOf(2));
    const { waitingFor } = await go({ request });
    expect(waitingFor).toMatchObject({ stuck: true, reason: expect.stringContaining('2 of 14 records') });
    expect(waitingFor?.blockers).toEqual([`--retire ${kidOf(2)} --accept-resets 2 has them reset instead`]);
    expect((await accept(2)).notes).toEqual([expect.stringContaining(`; --retire ${kidOf(2)} gives up v2`)]);
    expect((await refusal(accept(3, { request: byKid() }))).hint).toContain(`--retire ${kidOf(2)} --accept-resets 2`);
    expect(await accept(2, { request: byKid() })).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(GONE);
  });

  test('goes by the count of a collection that holds nothing, where that is said of its kid', async () => {
    census.records.clear();
    const { waitingFor } = await go({ request });
    expect(waitingFor?.blockers).toEqual([expect.stringContaining(`no users, --retire ${kidOf(2)} --accept-resets 0`)]);
    expect(await accept(0, { request: byKid() })).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(GONE);
  });

  test('goes uncounted on a word alone where records name no salt', async () => {
    census.put(1, null);
    const { waitingFor } = await go({ request });
    expect(waitingFor).toMatchObject({
      stuck: true,
      blockers: [expect.anything(), expect.stringMatching(/^--no-tenant-store/)],
    });
    const { details } = await refusal(accept(0, { request: byKid() }));
    expect(details).toEqual([{ message: expect.stringMatching(/^--no-tenant-store/) }]);
    expect(await go({ request, noTenantStore: true })).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(GONE);
  });

  test('is given up by its kid where resets are accepted: --rollback says so', async () => {
    const { code, stderr } = await command(store, ['rotate', KIND, '--rollback', '--accept-resets', '2'], { clock });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--retire KID --accept-resets N')]);
  });
});

describe('a count', () => {
  test('is made after every consumer was found to use the new salt, never before', async () => {
    const OLD = '2027-01-01T00:00:00Z';
    let startedAt = OLD;
    const uses = [{ object: platform(KIND), container: 'main', how: 'volume' as const }];
    const pods = workloadsOf(
      () => [pod('auth-1', startedAt, { uses })],
      () => new Date('2027-01-02T12:00:00Z'),
    );
    editRecord(store, (record) => {
      const consumer = {
        workload: 'Deployment/hubble-system/auth',
        object: 'palette-hash-salt',
        reads: 'keyring',
        reload: 'restart',
      };
      record.spec.consumers = [consumer];
    });
    const watched = (options: RotateOptions = {}) => go({ workloads: pods, assumeConsumersCurrent: false, ...options });
    // v2 is promoted on what the Pods say; then the projections change once more, and nobody has them yet.
    pods.changedAt = async () => new Date('2026-12-01T00:00:00Z');
    await watched({
      agree: async ({ action }) => {
        if (action.startsWith('promote')) pods.changedAt = async () => clock.now();
      },
    });
    census.rehash(kidOf(1), kidOf(2));
    expect([statesOf(store, KIND), census.counts]).toEqual([PROMOTED, 0]);
    const waiting = await watched({ mayStart: false });
    expect(waiting).toMatchObject({ done: false, waitingFor: { blockers: [expect.stringContaining('auth-1')] } });
    expect([census.counts, (await watched({ mayStart: false, acceptResets: 0 })).done]).toEqual([0, false]);
    const changed = clock.now();
    pods.changedAt = async () => changed;
    startedAt = new Date(changed.getTime() + 3 * 60_000).toISOString();
    clock.advance(5 * 60);
    expect((await watched({ mayStart: false })).done).toBe(true);
    expect([statesOf(store, KIND), census.counts]).toEqual([RETIRED, 1]);
  });

  test('of one salt says nothing of another: which of two old ones is meant has to be said', async () => {
    await go();
    clock.advance(2 * DAY);
    census.put(4, kidOf(2));
    await go();
    expect(statesOf(store, KIND)).toBe('v1 trusted, v2 trusted, v3 active');
    const { details } = await refusal(accept(4));
    expect(details.map(({ message }) => message)).toEqual([1, 2].map((n) => `v${n} ${kidOf(n)}`));
    const request = { type: 'retire', kid: kidOf(2) } as const;
    expect((await refusal(go({ request, acceptResets: USERS }))).message).toContain('4 of 16');
    expect(await go({ request, acceptResets: 4 })).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe('v1 trusted, v2 retired, v3 active');
    census.rehash(kidOf(1), kidOf(3));
    // Records of a retired salt wait for their reset, and are known.
    await go({ mayStart: false });
    expect(statesOf(store, KIND)).toBe('v1 retired, v2 retired, v3 active');
  });

  test('in a rehearsal is said, and writes nothing; without a database that is said', async () => {
    await go();
    clock.advance(2 * DAY);
    const before = store.snapshot();
    expect((await go({ dryRun: true })).planned).toEqual([`publish a new version of ${KIND}`]);
    const look = { dryRun: true, mayStart: false };
    expect((await go(look)).notes).toEqual([expect.stringContaining('12 of 12 records')]);
    census.rehash(kidOf(1), kidOf(2));
    expect((await go(look)).planned).toEqual([`retire v1 of ${KIND}`]);
    census.beforeCount = gone;
    expect((await go(look)).notes[0]).toMatch(/nobody knows.*cannot be reached/);
    expect(store.snapshot()).toEqual(before);
  });

  test('is part of the plan', async () => {
    const plan = async (): Promise<string> => {
      const { code, stdout } = await command(store, ['rotate', KIND, '--plan', '--mongodb-uri', 'mongodb://db'], {
        clock,
        census,
      });
      expect(code).toBe(0);
      return stdout.replaceAll(/\s+/g, ' ');
    };
    expect(await plan()).toMatch(/promote v2.*retire v1 .*now 12 of 12 records in memory, users need it/);
    await go();
    census.rehash(kidOf(1), kidOf(2), 4);
    expect(await plan()).toMatch(/promote v3.*retire v1 .*now 8 of 12.*retire v2 .*now 4 of 12/);
    census.beforeCount = gone;
    expect(await plan()).toContain('now nobody knows how many do');
  });
});

test('killed at any write, the same command ends with the old salt retired', async () => {
  const toTheEnd = async (on: FaultyStore | MemoryStore): Promise<void> => {
    await rotate(on, KIND, { clock, census, assumeConsumersCurrent: true });
    await rotate(on, KIND, { clock, census, assumeConsumersCurrent: true, acceptResets: USERS });
  };
  const counting = new FaultyStore(storeWith(made));
  await toTheEnd(counting);
  for (let n = 1; n <= counting.writes; n += 3) {
    store = storeWith(made);
    clock.advance(DAY);
    await expect(toTheEnd(new FaultyStore(store).killAt(n, n % 2 === 0 ? 'before' : 'after'))).rejects.toThrow(
      'killed',
    );
    clock.advance(60);
    store = store.afterCrash();
    await toTheEnd(store);
    expect([n, statesOf(store, KIND), recordIn(store.snapshot()).ready]).toEqual([n, RETIRED, true]);
  }
});

describe('the command', () => {
  const line = (args: string) =>
    command(store, ['rotate', KIND, '-y', ...args.split(' ').filter((word) => word !== '')], { clock, census });
  const there = '--mongodb-uri mongodb://db';

  test('ends with 0 while it stays, 5 at a wrong count, 0 at the right one, and 1 without the database', async () => {
    expect((await line(there)).code).toBe(6);
    expect((await line(`${word(store)} ${there}`)).code).toBe(6);
    expect(await line(`${word(store)} ${there}`)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('12 of 12 records'),
    });
    expect((await line(`--accept-resets 11 ${there}`)).code).toBe(5);
    expect((await line('--accept-resets 12')).code).toBe(5);
    census.beforeCount = gone;
    expect((await line(`--accept-resets 12 ${there}`)).code).toBe(1);
    expect(statesOf(store, KIND)).toBe(PROMOTED);
    census.beforeCount = () => undefined;
    expect((await line(`--accept-resets 12 ${there} -o json`)).code).toBe(0);
    expect([statesOf(store, KIND), auditIn(store.snapshot()).at(-1).command]).toEqual([
      RETIRED,
      'rotate hash-salt --accept-resets 12',
    ]);
    // A repetition, however late, opens no rotation.
    clock.advance(2 * DAY);
    expect((await line(`--accept-resets 12 ${there}`)).code).toBe(0);
    expect(statesOf(store, KIND)).toBe(RETIRED);
  });

  /** A Pod that has not picked up what changes: there is something to wait for. */
  const behind = (): void => {
    editRecord(store, (record) => {
      const workload = 'Deployment/hubble-system/auth';
      record.spec.consumers = [{ workload, object: 'palette-hash-salt', reads: 'keyring', reload: 'restart' }];
    });
    const uses = [{ object: platform('hash-salt'), container: 'main', how: 'volume' as const }];
    const pods = () => [pod('auth-1', '2027-01-01T00:00:00Z', { uses })];
    onCluster(
      store,
      clock,
      workloadsOf(pods, () => clock.now()),
    );
  };

  /** `--wait`, with something that happens meanwhile; it may wait once. */
  const waits = async (args: string, meanwhile: () => unknown) => {
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
      if (pauses > 1) throw new Error('it waits for ever');
      clock.advance(60);
      await meanwhile();
    };
    const argv = ['rotate', KIND, '-y', '--wait', '-o', 'json', ...args.split(' ')];
    const { code, stdout, stderr } = await command(store, argv, { clock, census, pause });
    return { code, stderr, document: JSON.parse(stdout) };
  };

  test('that waits and is refused after it has published ends with 6, and tells of all that it wrote', async () => {
    behind();
    const { code, document } = await waits(there, () =>
      editRecord(store, (record) => {
        record.spec.hashSalt.census = null;
      }),
    );
    expect([code, document]).toMatchObject([
      6,
      {
        kind: 'RotateResult',
        done: false,
        transitions: [{ n: 2, to: 'published' }],
        versions: [{ state: 'active' }, { state: 'published' }],
        waitingFor: { reason: expect.stringContaining('no census'), blockers: [expect.stringContaining('hashSalt')] },
      },
    ]);
    expect(document.steps.length).toBeGreaterThan(0);
  });

  test('that waits accepts resets for the salt that was old when it began, and for no other', async () => {
    await go();
    editRecord(store, (record) => {
      record.keys[KIND].evidence = [];
    });
    behind();
    const { code, document } = await waits(`--accept-resets ${USERS} ${there}`, async () => {
      // Somebody else goes on meanwhile: v1 is retired, and v2 is old too.
      await go({ request: { type: 'retire', kid: kidOf(1) }, acceptResets: USERS });
      clock.advance(2 * DAY);
      census.records.clear();
      census.put(USERS, kidOf(2));
      await go();
      expect(statesOf(store, KIND)).toBe('v1 retired, v2 trusted, v3 active');
    });
    expect([code, document.transitions, statesOf(store, KIND)]).toEqual([0, [], 'v1 retired, v2 trusted, v3 active']);
  });
});
