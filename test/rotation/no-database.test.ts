// Covers: src/rotation/evidence/users.ts, src/rotation/perform/change-user.ts

/** The database user where nobody can be asked: nothing is begun that cannot be given up again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { ManualClock } from '../support/clock.ts';
import { recordIn } from '../support/installations.ts';
import { type MemoryDatabaseUsers, usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { type RotateOptions, rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const KIND = 'mongodb-auth';
const PUBLISHED = 'v1 active, v2 published';
const GIVEN_UP = 'v1 active, v2 retired';
let store: MemoryStore;
let clock: ManualClock;
let users: MemoryDatabaseUsers;
const fresh = installedOnce();

beforeEach(() => {
  const { made, ...rest } = fresh();
  ({ store, clock } = rest);
  users = usersOf(made);
});

/** Without the database. */
const go = (options: RotateOptions = {}) => rotate(store, KIND, { clock, assumeConsumersCurrent: true, ...options });
const states = () => statesOf(store, KIND);
const names = () => [...users.users.keys()];
const keyIn = () => recordIn(store.snapshot()).keys[KIND];
const WAYS: readonly (readonly [string, () => RotateOptions])[] = [
  ['--rollback', () => ({ request: { type: 'rollback' } })],
  ['--retire', () => ({ request: { type: 'retire', kid: keyIn().versions[1].kid } })],
];

/** A server that was there, and is not any more. */
function gone(): MemoryDatabaseUsers {
  users.tryLogin = async () => {
    throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'nobody answers', { hint: 'x' });
  };
  return users;
}

/** v2 is published, and its user is made unless consumers are not current. */
async function publish(assumeConsumersCurrent: boolean): Promise<void> {
  const agree: RotateOptions['agree'] = async ({ action }) => {
    if (action.startsWith('promote')) throw new Error('not yet');
  };
  await go({ users, agree, assumeConsumersCurrent }).catch(() => undefined);
  expect([states(), names()]).toEqual([PUBLISHED, assumeConsumersCurrent ? ['hubble', 'hubble-b'] : ['hubble']]);
}

test.each([{}, { compromised: true }])(
  'nothing is written (%j), and the way to name a database is said',
  async (flags) => {
    const before = store.snapshot();
    const { waitingFor, wrote } = await go(flags);
    expect([store.snapshot(), wrote]).toEqual([before, false]);
    expect(waitingFor).toMatchObject({
      reason: 'nobody knows which users the database server has (no database is named)',
      blockers: [expect.stringContaining('--mongodb-admin-uri-file')],
      stuck: true,
    });
  },
);

test('nothing is written where the database does not answer', async () => {
  const before = store.snapshot();
  await expect(go({ users: gone() })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(store.snapshot()).toEqual(before);
});

describe.each(WAYS)('%s of a published version', (_, request) => {
  test('whose user was never made needs no database, and says which user may have been made by hand', async () => {
    await publish(false);
    const { done, notes } = await go(request());
    expect([done, states(), notes]).toEqual([
      true,
      GIVEN_UP,
      [expect.stringContaining('a user hubble-b, drop it by hand')],
    ]);
  });

  test('whose user was never made is the same where the database no longer answers', async () => {
    await publish(false);
    const { notes } = await go({ ...request(), users: gone() });
    expect([states(), notes]).toEqual([GIVEN_UP, [expect.stringContaining('nobody answers')]]);
  });

  test('asks a database that answers, and says nothing of a user that is not there', async () => {
    await publish(false);
    const { notes } = await go({ ...request(), users });
    expect([states(), notes]).toEqual([GIVEN_UP, []]);
  });

  test('whose user may be there waits for the database, or for the word that the user is dropped by hand', async () => {
    await publish(true);
    const { waitingFor } = await go(request());
    expect([states(), waitingFor?.blockers]).toEqual([
      PUBLISHED,
      [expect.stringContaining('--mongodb-uri-file'), expect.stringContaining('--no-tenant-store')],
    ]);
    await expect(go({ ...request(), users: gone() })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    const { notes } = await go({ ...request(), noTenantStore: true });
    expect([states(), notes]).toEqual([GIVEN_UP, [expect.stringContaining('a user hubble-b, drop it by hand')]]);
  });
});

test('a user that may be there is noted before it is made', async () => {
  users.beforeWrite = () => {
    throw new Error('killed');
  };
  await expect(go({ users })).rejects.toThrow('killed');
  expect([states(), names()]).toEqual([PUBLISHED, ['hubble']]);
  expect((await go({ request: { type: 'rollback' } })).done).toBe(false);
  expect(states()).toBe(PUBLISHED);
});

test('the word for a published version says nothing of one that was in use', async () => {
  await go({ users });
  expect(states()).toBe('v1 trusted, v2 active');
  const request = { type: 'retire', kid: keyIn().versions[0].kid } as const;
  expect((await go({ request, noTenantStore: true })).waitingFor?.reason).toContain('nobody knows which users');
  expect(states()).toBe('v1 trusted, v2 active');
});

describe('in an emergency a published version', () => {
  test('is not waited for: it goes once its replacement is active', async () => {
    await publish(false);
    // Nobody can tell whose that user is: the version cannot be given up.
    users.users.set('hubble-b', { password: 'of somebody', roles: [] });
    const { waitingFor } = await go({ users, compromised: true });
    expect([states(), waitingFor?.reason]).toEqual([
      'v1 trusted, v2 published, v3 active',
      'the server has a user hubble-b, and does not take its login',
    ]);
    users.users.delete('hubble-b');
    expect(await go({ users, compromised: true })).toMatchObject({ done: true });
    expect([states(), names()]).toEqual(['v1 retired, v2 retired, v3 active', ['hubble-c']]);
  });

  test('goes with its user', async () => {
    await publish(true);
    expect(await go({ users, compromised: true })).toMatchObject({ done: true });
    expect([states(), names()]).toEqual(['v1 retired, v2 retired, v3 active', ['hubble-c']]);
  });
});
