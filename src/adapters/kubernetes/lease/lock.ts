import { randomBytes } from 'node:crypto';
import { PaletteKeysError } from '../../../errors.ts';
import type { Lock, LockHolder } from '../../../ports/key-store.ts';
import { fateOf, type ProcessIdentity } from '../../directory/lock/process-identity.ts';
import { writing } from '../api/call.ts';
import type { ApiClient } from '../api/client.ts';
import { ApiFailure, isConflict, isMissing, isTaken } from '../api/failure.ts';
import { addNamespace } from '../namespaces.ts';
import { HeldLease } from './held-lease.ts';
import { decodeLease, type Holding, holding, LEASE_NAME, type Lease, leaseTarget, taken } from './lease-object.ts';

export interface LockPlace {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly self: ProcessIdentity;
  readonly warn: (message: string) => void;
}

/** How often one may find that the lease changed hands meanwhile; each time, somebody else got on. */
const TRIES = 20;

/** The Date header is cut to the second, and the holder's idea of it may be a second old. */
const SLACK_MS = 2000;

/**
 * Takes the lease; one that has lapsed by the API server's clock, or whose holder is dead, is taken over. It only gives
 * a clear message: POST and preconditions keep the writes right.
 */
export async function acquireLock(place: LockPlace, holder: LockHolder): Promise<Lock> {
  const { client, namespace, self } = place;
  const ours = holding(holder, self.origin, randomBytes(16).toString('hex'));
  const backoff = client.backoff();
  for (let n = 0; n < TRIES; n += 1) {
    const there = await findLease(client, namespace);
    if (there?.holding?.nonce === ours.nonce) return new HeldLease(place, there, ours);
    if (there !== undefined) refuseIfHeld(place, there);
    try {
      return new HeldLease(place, await take(place, there, ours), ours);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isNamespaceMissing(error)) await addNamespace(client, namespace);
      // Whoever was first, or whether it was us after all, the next look will tell.
      else if (!isTaken(error) && !isConflict(error) && !isMissing(error)) await backoff.wait(error, client.signal);
    }
  }
  throw new PaletteKeysError('LOCK_HELD', `namespace ${namespace}: the lock keeps changing hands`, {
    hint: 'many runs are at work on this installation: run the command again later',
  });
}

async function findLease(client: ApiClient, namespace: string): Promise<Lease | undefined> {
  try {
    return await client.read(leaseTarget('get', namespace), decodeLease);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** POST where there is none; else PUT with the uid and the resourceVersion that were read. */
function take({ client, namespace }: LockPlace, there: Lease | undefined, ours: Holding): Promise<Lease> {
  const target = leaseTarget(there === undefined ? 'create' : 'update', namespace);
  return client.send(writing(target, taken(there, namespace, ours, client.clock.now())), decodeLease);
}

/** The port has it that the lock makes the store where there is none; whether it may, the plan has looked at before. */
function isNamespaceMissing({ http, status }: ApiFailure): boolean {
  return http === 404 && status?.reason === 'NotFound' && status.kind === 'namespaces';
}

function refuseIfHeld({ client, namespace, self }: LockPlace, lease: Lease): void {
  const { identity, holding: by, acquired } = lease;
  const now = client.clock.now().getTime();
  if (identity === undefined || now > lease.lapses + SLACK_MS) return;
  if (by !== undefined && fateOf(by.origin, self.origin, self.lookUp) === 'gone') return;
  const who =
    by === undefined
      ? `${identity}, since ${acquired ?? 'an unknown time'}`
      : `'${by.holder.command}' by ${by.holder.user}, process ${by.origin.pid} on ${by.origin.host}, since ${by.holder.since}`;
  const age = Math.max(0, Math.round((now - lease.renewed) / 1000));
  const left = Math.max(1, Math.ceil((lease.lapses + SLACK_MS - now) / 1000));
  const message = `namespace ${namespace} is locked: ${who} (renewed ${age} s ago)`.replace(/\p{Cc}/gu, ' ');
  throw new PaletteKeysError('LOCK_HELD', message, {
    hint: `wait until it has finished, then run the command again; if it has died, the lock is free in ${left} s (it is the lease ${LEASE_NAME})`,
  });
}
