import { PaletteKeysError } from '../../errors.ts';
import { authDatabaseOf } from '../../installation/mongodb-uri.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { appendAudit } from '../../reconcile/audit/log.ts';
import { withLock } from '../../reconcile/lock.ts';
import { readBack } from '../../reconcile/write/record.ts';
import { updateRecord } from '../../reconcile/write/update-record.ts';
import { reachUsers } from '../evidence/users.ts';
import { entryName } from '../facts/confirmation.ts';
import { isUserMade, withUserMade } from '../facts/users.ts';
import { versionOf } from '../gate.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing, RotatePorts } from './ports.ts';

const KIND = 'mongodb-auth';

/** Under the lock, in the states that were decided on: after a way back the old user is needed. Throws REFUSED. */
export async function changeUser(
  { work, n }: Extract<Action, { type: 'changeUser' }>,
  { context, ports, tell }: Performing,
): Promise<Performed> {
  const { kind, key, record } = context;
  tell({ type: 'user', deed: `${work} v${n}` });
  const reached = await reachUsers(n, context, ports);
  if ('reason' in reached) return 'same';
  const { server, login, activeLogin } = reached;
  const { admin } = server;
  if (admin === undefined) return 'same';
  const { username } = login;
  const action = `${work === 'create' ? 'make' : 'drop'} the user ${username} in ${admin.location}`;
  await ports.agree({ kind, action, plan: undefined, irrevocable: undefined });
  return withLock<Performed>(ports, async () => {
    if (!(await stands(record, kind, ports))) return 'changed';
    ports.signal.throwIfAborted();
    if (work === 'create') await noteMade(n, record, ports);
    if (work === 'drop') await admin.drop(username);
    else if ((await admin.create(login, activeLogin.username)) === 'exists') {
      // Another run of ours may have been quicker.
      const { accepted } = await server.tryLogin(login);
      if (!accepted) throw leftOver(username, record.spec);
    }
    tell({ type: 'did', effect: `${work === 'drop' ? 'dropped' : 'made'} the user ${username}` });
    const object = `user ${username} in ${admin.location}`;
    const changes = [{ action: work, object, key: kind, kid: versionOf(key, n).kid }];
    await appendAudit(record, { changes, result: 'done' }, ports);
    return 'changed';
  });
}

async function noteMade(n: number, { spec }: InstallationRecord, ports: RotatePorts): Promise<void> {
  const change = (record: InstallationRecord): InstallationRecord => {
    const key = record.keys[KIND];
    if (key === undefined || isUserMade(key, n)) return record;
    return { ...record, keys: { ...record.keys, [KIND]: { ...key, evidence: withUserMade(key.evidence, n) } } };
  };
  await updateRecord(spec.ledgerNamespace, change, ports);
}

async function stands(before: InstallationRecord, kind: KindId, { store }: RotatePorts): Promise<boolean> {
  const now = await readBack(store, before.spec.ledgerNamespace);
  const statesIn = (record: InstallationRecord | undefined) => record?.keys[kind]?.versions.map(entryName).join();
  return statesIn(now?.record) === statesIn(before);
}

/** An older rotation has left it, or somebody else has made it: its password is not ours, and stays as it is. */
function leftOver(username: string, { mongodb }: InstallationSpec): PaletteKeysError {
  const database = authDatabaseOf(mongodb.uri) ?? 'admin';
  return new PaletteKeysError('REFUSED', `there is a user ${username} already, with another password`, {
    hint: `if nothing uses it, drop it (mongosh: db.getSiblingDB("${database}").dropUser("${username}")), and run the command again`,
  });
}
