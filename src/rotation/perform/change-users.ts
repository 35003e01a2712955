import { PaletteKeysError } from '../../errors.ts';
import { authDatabaseOf } from '../../installation/mongodb-uri.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { appendAudit } from '../../reconcile/audit/log.ts';
import { readBack } from '../../reconcile/write/record.ts';
import { updateRecord } from '../../reconcile/write/update-record.ts';
import { entryName } from '../confirmation.ts';
import { reachUsers } from '../evidence/users.ts';
import { type Evidence, type GateInput, versionOf } from '../gate.ts';
import { dueWork } from '../gates/mongodb-auth.ts';
import { isUserMade, withUserMade } from '../users.ts';
import type { RotatePorts, RotationContext } from './request.ts';
import type { Log } from './rotation-log.ts';

const KIND = 'mongodb-auth';

/**
 * Makes or drops the user where that alone is left before the step, once a run. Returns whether all has to be read anew.
 * Under the lock, and only while every version is in the state that was decided on: whoever went back meanwhile needs the
 * old user. Throws REFUSED.
 */
export async function changeUsers(
  gateInput: GateInput,
  evidence: Evidence,
  { input, observation, record }: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<boolean> {
  const { step, kind } = gateInput;
  if (kind !== KIND || !('n' in step) || input.dryRun) return false;
  const work = dueWork(gateInput, evidence, ports.clock.now());
  const deed = `${work} v${step.n}`;
  // What it has not brought about it would not a second time.
  if (work === undefined || log.usersChanged.has(deed)) return false;
  const reached = await reachUsers(step.n, observation, ports);
  if ('reason' in reached) return false;
  const { server, login, activeLogin } = reached;
  const { admin } = server;
  if (admin === undefined) return false;
  const { username } = login;
  log.usersChanged.add(deed);
  const action = `${work === 'create' ? 'make' : 'drop'} the user ${username} in ${admin.location}`;
  await input.agree({ kind, action, plan: undefined, irrevocable: undefined });
  const { store, clock, actor, signal } = ports;
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  try {
    if (!(await stands(record, kind, ports))) return true;
    signal.throwIfAborted();
    if (work === 'create') await noteMade(step.n, record, ports);
    if (work === 'drop') await admin.drop(username);
    else if ((await admin.create(login, activeLogin.username)) === 'exists') {
      // Another run of ours may have been quicker.
      const { accepted } = await server.tryLogin(login);
      if (!accepted) throw leftOver(username, record.spec);
    }
    log.did(`${work === 'drop' ? 'dropped' : 'made'} the user ${username}`);
    const changes = [
      {
        action: work,
        object: `user ${username} in ${admin.location}`,
        key: kind,
        kid: versionOf(gateInput, step.n).kid,
      },
    ];
    await appendAudit(record, { changes, result: 'done' }, ports);
  } finally {
    await lock.release();
  }
  return true;
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
