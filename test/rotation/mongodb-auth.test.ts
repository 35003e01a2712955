// Covers: src/rotation/evidence/users.ts, src/rotation/perform/change-user.ts, src/rotation/facts/users.ts

/** The rotation of the database user: nobody is cut off, and no password stays behind that opens something. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { encodeFormer } from '../../src/ledger/former-evidence.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  auditIn,
  init,
  ledgerRef,
  objectIn,
  RECORD,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { loginIn, type MemoryDatabaseUsers, usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { platform, type RotateOptions, rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const KIND = 'mongodb-auth';
const PERIOD = 5 * 60;
const PUBLISHED = 'v1 active, v2 published';
const PROMOTED = 'v1 trusted, v2 active';
const RETIRED = 'v1 retired, v2 active';

let made: Snapshot;
let store: MemoryStore;
let users: MemoryDatabaseUsers;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
  users = usersOf(made);
});

const go = (options: RotateOptions = {}) =>
  rotate(store, KIND, { clock, users, assumeConsumersCurrent: true, ...options });

const states = () => statesOf(store, KIND);
const mounted = (name: string): string =>
  Buffer.from(objectIn(store.snapshot(), platform(KIND)).data[name] ?? []).toString();
const names = () => [...users.users.keys()];
const evidence = (): object => encodeFormer(recordIn(store.snapshot()).keys[KIND].evidence);
const accepts = async (n: number): Promise<boolean> => (await users.tryLogin(loginIn(store.snapshot(), n))).accepted;
const kidOf = (n: number): string =>
  recordIn(store.snapshot()).keys[KIND].versions.find((version: { n: number }) => version.n === n).kid;

async function refusal(run: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await run.catch((reason: unknown) => reason);
  if (!(error instanceof PaletteKeysError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

/** Without an administrator's credential. */
function byHand(): void {
  users.admin = undefined;
}

describe('the whole road', () => {
  test('goes from one user to the other and back, and what mounts the Secret can log in all the time', async () => {
    const promoted = await go();
    const until = new Date(clock.now().getTime() + PERIOD * 1000);
    expect(promoted).toMatchObject({
      done: false,
      waitingFor: { reason: expect.stringContaining('second look'), until },
    });
    expect([states(), names(), mounted('username')]).toEqual([PROMOTED, ['hubble', 'hubble-b'], 'hubble-b']);
    expect([await accepts(1), await accepts(2)]).toEqual([true, true]);
    expect(users.users.get('hubble-b')?.roles).toEqual(['readWrite on hubbledb']);
    expect(faultsOf(store.snapshot(), smallSpec(), { [KIND]: 2 })).toEqual([]);
    clock.advance(PERIOD);
    expect(await go()).toMatchObject({ done: true });
    expect([states(), names(), await accepts(1), await accepts(2)]).toEqual([RETIRED, ['hubble-b'], false, true]);
    expect(faultsOf(store.snapshot(), smallSpec(), { [KIND]: 2 })).toEqual([]);
    clock.advance(2 * DAY);
    await go();
    clock.advance(PERIOD);
    expect(await go()).toMatchObject({ done: true });
    expect([states(), names(), mounted('username')]).toEqual([
      'v1 retired, v2 retired, v3 active',
      ['hubble'],
      'hubble',
    ]);
  });

  test('nothing is made before every consumer has the keyfile with both keys', async () => {
    const waiting = await go({ assumeConsumersCurrent: false });
    expect(waiting.waitingFor?.reason).toContain('a folder does not show what runs');
    expect([states(), users.deeds, mounted('username')]).toEqual([PUBLISHED, [], 'hubble']);
    expect(mounted('keyfile')).toMatch(/^- "[^"]+"\n- "[^"]+"\n$/);
  });

  test('no look counts before every consumer was confirmed to have the new user', async () => {
    await go({ assumeConsumersCurrent: false });
    const agree: RotateOptions['agree'] = async ({ action }) => {
      if (action.startsWith('promote')) throw new Error('not yet');
    };
    await expect(go({ agree })).rejects.toThrow('not yet');
    const waiting = await go({ assumeConsumersCurrent: false });
    expect([states(), waiting.waitingFor?.reason]).toEqual([PROMOTED, 'a folder does not show what runs']);
    expect(Object.keys(evidence())).toEqual(['v2.1.published', 'v2.user']);
    clock.advance(PERIOD);
    expect((await go()).waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
  });

  test('a rehearsal writes nothing and changes no user', async () => {
    await go({ assumeConsumersCurrent: false });
    const before = store.snapshot();
    const { planned } = await go({ dryRun: true });
    expect(planned?.slice(0, 3)).toEqual([
      expect.stringContaining('note that all consumers'),
      expect.stringContaining('make the user hubble-b'),
      expect.stringContaining('promote v2'),
    ]);
    expect([store.snapshot(), users.deeds]).toEqual([before, []]);
  });

  test('a compromised password is dropped at once, whoever has a session', async () => {
    users.open.set('hubble', [{ client: 'thief', member: 'mongo-0:27017' }]);
    expect(await go({ compromised: true })).toMatchObject({ done: true });
    expect([states(), names(), users.deeds]).toEqual([RETIRED, ['hubble-b'], ['create hubble-b', 'drop hubble']]);
  });

  test('the audit log has the looks and the states', async () => {
    await go();
    clock.advance(PERIOD);
    await go();
    const log = JSON.stringify(auditIn(store.snapshot()));
    for (const part of [
      'no session needs it',
      'user hubble-b in memory',
      'user hubble in memory',
      'published',
      'active',
      'retired',
    ])
      expect(log).toContain(part);
    for (const n of [1, 2]) expect(log).not.toContain(loginIn(store.snapshot(), n).password);
  });
});

describe('a session of the old user', () => {
  const session = { client: 'auth\u001b[31m (10.0.0.7)', member: 'mongo-1:27017' };

  test('keeps it, is named without control characters, and does not count for what comes later', async () => {
    users.open.set('hubble', [session, session]);
    const waiting = await go();
    expect(waiting.waitingFor).toMatchObject({
      reason: 'sessions of hubble are open',
      blockers: ['2 of auth\uFFFD[31m (10.0.0.7) on mongo-1:27017'],
    });
    clock.advance(PERIOD);
    expect([(await go()).done, states(), names()]).toEqual([false, PROMOTED, ['hubble', 'hubble-b']]);
    users.open.clear();
    expect((await go()).waitingFor?.reason).toContain('second look');
    clock.advance(PERIOD);
    expect((await go()).done).toBe(true);
  });

  test('that is open at the second look makes both begin anew', async () => {
    await go();
    users.open.set('hubble', [session]);
    clock.advance(PERIOD);
    expect((await go()).waitingFor?.reason).toBe('sessions of hubble are open');
    users.open.clear();
    expect((await go()).waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
    clock.advance(PERIOD - 1);
    expect((await go()).done).toBe(false);
    expect(states()).toBe(PROMOTED);
    clock.advance(1);
    expect((await go()).done).toBe(true);
  });

  test('of another user does not matter', async () => {
    users.open.set('hubble-b', [session]);
    await go();
    clock.advance(PERIOD);
    expect((await go()).done).toBe(true);
  });
});

describe('without an administrator', () => {
  test('it waits for the user to be made, and then for the old one to be dropped, and names both ways', async () => {
    byHand();
    const ways = [expect.stringContaining('--mongodb-admin-uri-file'), expect.stringContaining('by hand')];
    expect((await go()).waitingFor).toMatchObject({
      reason: 'the server does not take the login of hubble-b',
      blockers: ways,
    });
    const { username, password } = loginIn(store.snapshot(), 2);
    users.users.set(username, { password, roles: ['readWrite on hubbledb'] });
    expect((await go()).waitingFor).toMatchObject({ reason: 'the user hubble is still on the server', blockers: ways });
    expect(states()).toBe(PROMOTED);
    users.users.delete('hubble');
    expect(await go()).toMatchObject({ done: true });
    expect([states(), users.deeds]).toEqual([RETIRED, []]);
  });

  test('a user made with fewer rights is not promoted', async () => {
    byHand();
    await go();
    const { username, password } = loginIn(store.snapshot(), 2);
    users.users.set(username, { password, roles: ['read on hubbledb'] });
    users.blind.add(username);
    expect((await go()).waitingFor).toMatchObject({
      reason: 'the user hubble-b may not do what the active one may',
      blockers: ['readWrite on hubbledb', 'reading the tenant keys'],
    });
    expect(states()).toBe(PUBLISHED);
  });

  test('without a database it says how to name one', async () => {
    const { waitingFor } = await rotate(store, KIND, { clock, assumeConsumersCurrent: true });
    expect(waitingFor?.blockers).toEqual([expect.stringContaining('--mongodb-uri-file')]);
    expect(states()).toBe('v1 active');
  });

  test('a server that takes no login at all proves nothing', async () => {
    await go();
    users.users.clear();
    byHand();
    clock.advance(PERIOD);
    expect((await go()).waitingFor?.reason).toBe('the server does not take the login of the active user hubble-b');
    expect(states()).toBe(PROMOTED);
  });
});

describe('another server', () => {
  const ROLES = ['readWrite on hubbledb'];
  const reason = 'the server does not take the login of the active user hubble';

  test('with a user of the active name is none on which a user is made, nor one that is gone', async () => {
    users.users.set('hubble', { password: 'of staging', roles: [...ROLES, 'backup on admin'] });
    expect((await go()).waitingFor).toMatchObject({
      reason,
      blockers: [
        expect.stringContaining('--mongodb-uri-file'),
        expect.stringMatching(/give it the password of palette-mongodb-auth$/),
        expect.anything(),
      ],
    });
    expect([states(), users.deeds, mounted('username')]).toEqual([PUBLISHED, [], 'hubble']);
  });

  test('is not one on which a user by hand is promoted: nobody can tell which roles it lacks', async () => {
    byHand();
    await go();
    users.users.set('hubble', { password: 'of staging', roles: ROLES });
    users.users.set('hubble-b', { password: loginIn(store.snapshot(), 2).password, roles: ['read on hubbledb'] });
    expect((await go()).waitingFor?.reason).toBe(reason);
    expect(states()).toBe(PUBLISHED);
  });

  test('of which alone there is an administrator is none on which users are made or dropped', async () => {
    users.elsewhere = true;
    expect((await go()).waitingFor?.reason).toBe(reason);
    users.elsewhere = false;
    await go();
    users.elsewhere = true;
    clock.advance(PERIOD);
    expect((await go()).waitingFor?.reason).toBe(`${reason}-b`);
    expect([states(), names(), users.deeds]).toEqual([PROMOTED, ['hubble', 'hubble-b'], ['create hubble-b']]);
  });
});

test('an old user with another password is not gone, and is kept; without an administrator a refused login is enough', async () => {
  await go();
  users.users.set('hubble', { password: 'changed', roles: [] });
  clock.advance(PERIOD);
  expect((await go()).waitingFor?.reason).toBe('the server has a user hubble, and does not take its login');
  expect([states(), names()]).toEqual([PROMOTED, ['hubble', 'hubble-b']]);
  byHand();
  expect(await go()).toMatchObject({ done: true });
  expect([states(), names()]).toEqual([RETIRED, ['hubble', 'hubble-b']]);
});

test('a user of that name with another password is refused, kept, and named', async () => {
  users.users.set('hubble-b', { password: 'of somebody', roles: [] });
  // The run that has published waits: that it was refused would say that nothing was written.
  const { refused, waitingFor, transitions } = await go();
  expect([refused, waitingFor?.reason, transitions]).toMatchObject([
    true,
    'there is a user hubble-b already, with another password',
    [{ n: 2, to: 'published' }],
  ]);
  const { code, message, hint } = await refusal(go());
  expect([code, message]).toEqual(['REFUSED', waitingFor?.reason]);
  expect(hint).toContain('dropUser("hubble-b")');
  expect([states(), users.users.get('hubble-b')?.password]).toEqual([PUBLISHED, 'of somebody']);
  users.users.delete('hubble-b');
  expect((await go()).waitingFor?.reason).toContain('second look');
});

describe('going back', () => {
  const back: RotateOptions = { request: { type: 'rollback' } };

  test('before retirement needs nothing but that the old login works; the newer user then goes by the same gate', async () => {
    await go();
    await go({ ...back, assumeConsumersCurrent: false });
    expect([states(), mounted('username'), names()]).toEqual([
      'v1 active, v2 trusted',
      'hubble',
      ['hubble', 'hubble-b'],
    ]);
    await go();
    clock.advance(PERIOD);
    expect(await go()).toMatchObject({ done: true });
    expect([states(), names()]).toEqual(['v1 active, v2 retired', ['hubble']]);
  });

  test('to a user that was dropped already makes it again first', async () => {
    await go();
    users.users.delete('hubble');
    await go(back);
    expect([states(), names(), await accepts(1)]).toEqual(['v1 active, v2 trusted', ['hubble-b', 'hubble'], true]);
  });

  test('to a user that is gone is not gone where nobody can make it', async () => {
    await go();
    users.users.delete('hubble');
    byHand();
    expect((await go(back)).waitingFor?.reason).toBe('the server does not take the login of hubble');
    expect(states()).toBe(PROMOTED);
  });

  test('from an active user who was spoilt on the server goes to one that still works', async () => {
    await go();
    users.users.set('hubble-b', { password: 'changed', roles: [] });
    await go(back);
    expect([states(), mounted('username')]).toEqual(['v1 active, v2 trusted', 'hubble']);
  });

  test('to a reinstated version with the name of the active user is refused, and that user is never the one to drop', async () => {
    for (let round = 0; round < 2; round += 1) {
      await go();
      clock.advance(PERIOD);
      await go();
      clock.advance(2 * DAY);
    }
    await go({ request: { type: 'reinstate', kid: kidOf(1) } });
    const { message, hint } = await refusal(go(back));
    expect(message).toBe('the user hubble is that of v3, with the password of v3');
    expect(hint).toBe('palette-keys rotate mongodb-auth --again makes a user of another name');
    users.deeds.length = 0;
    await go({ request: { type: 'retire', kid: kidOf(1) } });
    expect([states(), names(), users.deeds]).toEqual(['v1 retired, v2 retired, v3 active', ['hubble'], []]);
    expect(await accepts(3)).toBe(true);
  });

  test('from a published version with the name of a reinstated one is the way out that the refusal names', async () => {
    await go();
    clock.advance(PERIOD);
    await go();
    clock.advance(2 * DAY);
    const agree: RotateOptions['agree'] = async ({ action }) => {
      if (!action.startsWith('publish')) throw new Error('not yet');
    };
    await expect(go({ agree })).rejects.toThrow('not yet');
    await go({ request: { type: 'reinstate', kid: kidOf(1) } });
    expect(states()).toBe('v1 trusted, v2 active, v3 published');
    expect(await refusal(go())).toMatchObject({
      message: 'the user hubble is that of v1, with the password of v1',
      hint: '--rollback gives it up; then palette-keys rotate mongodb-auth --again makes a user of another name',
    });
    await go(back);
    expect(states()).toBe('v1 trusted, v2 active, v3 retired');
    await go({ again: true });
    expect([states(), mounted('username')]).toEqual(['v1 trusted, v2 trusted, v3 retired, v4 active', 'hubble-c']);
  });

  test('is named where the server refuses the active user only if there is something to go back to', async () => {
    const spoil = (name: string) => users.users.set(name, { password: 'changed', roles: [] });
    const ways = async () => (await go()).waitingFor?.blockers.join();
    spoil('hubble');
    expect(await ways()).not.toContain('--rollback');
    expect(states()).toBe(PUBLISHED);
    store = storeWith(made);
    users = usersOf(made);
    await go();
    spoil('hubble-b');
    expect(await ways()).toContain('or go back: --rollback');
    expect(states()).toBe(PROMOTED);
  });

  test('from a published version drops the user that was made for it', async () => {
    users.beforeWrite = () => undefined;
    const agree: RotateOptions['agree'] = async ({ action }) => {
      if (action.startsWith('promote')) throw new Error('not yet');
    };
    await expect(go({ agree })).rejects.toThrow('not yet');
    expect([states(), names()]).toEqual([PUBLISHED, ['hubble', 'hubble-b']]);
    await go(back);
    expect([states(), names()]).toEqual(['v1 active, v2 retired', ['hubble']]);
  });

  test('a retired version comes back by --reinstate, and the next user has a third name', async () => {
    await go();
    clock.advance(PERIOD);
    await go();
    await go({ request: { type: 'reinstate', kid: kidOf(1) } });
    clock.advance(2 * DAY);
    await go();
    expect([states(), mounted('username')]).toEqual(['v1 trusted, v2 trusted, v3 active', 'hubble-c']);
    clock.advance(PERIOD);
    await go();
    expect([states(), names()]).toEqual(['v1 trusted, v2 retired, v3 active', ['hubble-c']]);
    await go({ request: { type: 'retire', kid: kidOf(1) } });
    expect(states()).toBe('v1 retired, v2 retired, v3 active');
  });
});

test('a record that is lost in between is rebuilt without retiring anybody: the old user goes by the same gate', async () => {
  await go();
  const keyfile = mounted('keyfile');
  for (const gone of [RECORD, platform(KIND)]) {
    store.take(gone);
    await init(store, { clock });
    expect([states(), mounted('username'), mounted('keyfile')]).toEqual([PROMOTED, 'hubble-b', keyfile]);
  }
  users.open.set('hubble', [{ client: 'auth', member: 'mongo-0:27017' }]);
  expect((await go()).waitingFor?.reason).toBe('sessions of hubble are open');
  users.open.clear();
  await go();
  clock.advance(PERIOD);
  expect(await go()).toMatchObject({ done: true });
  expect([states(), names()]).toEqual([RETIRED, ['hubble-b']]);
});

test('the keyfile keeps the key that members show who were not restarted, beside a version that was brought back', async () => {
  await go({ assumeConsumersCurrent: false });
  await go({ request: { type: 'rollback' } });
  await go({ request: { type: 'reinstate', kid: kidOf(2) } });
  clock.advance(2 * DAY);
  await go();
  expect(states()).toBe('v1 trusted, v2 trusted, v3 active');
  const keyOf = (n: number): string =>
    Buffer.from(objectIn(store.snapshot(), ledgerRef(KIND, n)).data['keyfile'] ?? []).toString();
  expect([1, 2, 3].filter((n) => mounted('keyfile').includes(keyOf(n)))).toEqual([1, 3]);
});

describe('two at once', () => {
  test('a user is not dropped for whom somebody went back while it was being asked', async () => {
    await go();
    clock.advance(PERIOD);
    let isBack = false;
    const agree: RotateOptions['agree'] = async ({ action }) => {
      if (!action.startsWith('drop') || isBack) return;
      isBack = true;
      await rotate(store.again(), KIND, { clock, users, request: { type: 'rollback' } });
    };
    await go({ agree });
    expect([states(), names(), mounted('username')]).toEqual([
      'v1 active, v2 trusted',
      ['hubble', 'hubble-b'],
      'hubble',
    ]);
  });

  test('one run makes the user, the other is told, and a third goes on', async () => {
    await go({ assumeConsumersCurrent: false });
    await Promise.allSettled([go(), rotate(store.again(), KIND, { clock, users, assumeConsumersCurrent: true })]);
    expect((await go()).waitingFor?.reason).toContain('second look');
    expect([states(), users.deeds]).toEqual([PROMOTED, ['create hubble-b']]);
  });
});

describe('killed', () => {
  async function toTheEnd(on: FaultyStore | MemoryStore): Promise<void> {
    for (let run = 0; run < 4; run++) {
      const { done } = await rotate(on, KIND, { clock, users, assumeConsumersCurrent: true });
      if (done) return;
      clock.advance(PERIOD);
    }
    throw new Error('it does not end');
  }

  async function converges(on: FaultyStore): Promise<void> {
    await expect(toTheEnd(on)).rejects.toThrow('killed');
    users.beforeWrite = () => undefined;
    const mountedLogin = { username: mounted('username'), password: mounted('password') };
    expect((await users.tryLogin(mountedLogin)).accepted).toBe(true);
    clock.advance(60);
    store = store.afterCrash();
    await toTheEnd(store);
    expect([states(), names(), await accepts(1), await accepts(2)]).toEqual([RETIRED, ['hubble-b'], false, true]);
    expect(faultsOf(store.snapshot(), smallSpec(), { [KIND]: 2 })).toEqual([]);
  }

  test('at any third write of the store, whoever mounts the Secret can log in, and the same command goes on', async () => {
    const counting = new FaultyStore(store);
    await toTheEnd(counting);
    for (let n = 1; n <= counting.writes; n += 3) {
      store = storeWith(made);
      users = usersOf(made);
      clock.advance(DAY);
      await converges(new FaultyStore(store).killAt(n, n % 2 === 0 ? 'before' : 'after'));
    }
  });

  test.each(['create hubble-b', 'drop hubble'])('before or after "%s", the same command goes on', async (deed) => {
    for (const moment of ['before', 'after'] as const) {
      store = storeWith(made);
      users = usersOf(made);
      const { admin } = users;
      if (admin === undefined) throw new Error('no administrator');
      const dies = async <T>(act: () => Promise<T>): Promise<T> => {
        if (moment === 'before') throw new Error('killed');
        await act();
        throw new Error('killed');
      };
      users.admin = deed.startsWith('create')
        ? { ...admin, create: (login, like) => dies(() => admin.create(login, like)) }
        : { ...admin, drop: (username) => dies(() => admin.drop(username)) };
      const dead = new FaultyStore(store);
      await expect(toTheEnd(dead)).rejects.toThrow('killed');
      expect((await users.tryLogin({ username: mounted('username'), password: mounted('password') })).accepted).toBe(
        true,
      );
      users.admin = admin;
      clock.advance(60);
      store = store.afterCrash();
      await toTheEnd(store);
      expect([states(), names()]).toEqual([RETIRED, ['hubble-b']]);
    }
  });
});
