// Covers: src/cli/rotate/run.ts

import { expect, test } from 'vitest';
import { usageError } from '../../src/errors.ts';
import { command } from '../backup/bench.ts';
import { editRecord } from '../support/installations.ts';
import { statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const fresh = installedOnce();

/** An installation with a root key under way, in whose record is a connection that no run uses. */
async function bed() {
  const { store, clock } = fresh();
  const open = () => Promise.reject(usageError('the connection string turns TLS off', 'leave it out'));
  const database = { openTenantStore: open, openDatabaseUsers: open };
  const rotate = (line: string) => command(store, ['rotate', ...line.split(' ')], { clock, ...database });
  await rotate('root-key -y');
  await rotate(`root-key -y ${word(store)}`);
  editRecord(store, (record) => {
    record.spec.mongodb.uri = 'mongodb://db/?tls=false';
  });
  await rotate('jwt-signing-key -y');
  await rotate(`jwt-signing-key -y ${word(store)}`);
  return { store, clock, rotate };
}

test('--due with a useless connection is a wrong usage (2) where it has written nothing', async () => {
  const { store, rotate } = await bed();
  const before = store.snapshot();
  expect((await rotate('--due -y -q')).code).toBe(2);
  expect(store.snapshot()).toEqual(before);
});

test('--due with a useless connection does not say 2, nothing was written, where another kind was', async () => {
  const { store, clock, rotate } = await bed();
  clock.advance(3600);
  const { code, stdout } = await rotate('--due -y -o json');
  expect(statesOf(store, 'jwt-signing-key')).toBe('v1 trusted, v2 active');
  const { failures } = JSON.parse(stdout);
  expect([code, failures[0]]).toMatchObject([5, { key: 'root-key', code: 'USAGE' }]);
});
