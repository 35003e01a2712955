import { PaletteKeysError } from '../../../errors.ts';
import type { NewObject } from '../../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../../ports/object-ref.ts';
import { type Call, getting, writing } from '../api/call.ts';
import type { ApiClient } from '../api/client.ts';
import { ApiFailure, isAmbiguous, isConflict, isMissing, isTaken } from '../api/failure.ts';
import { maskOf } from '../api/mask.ts';
import { holds, isEqual } from './compare.ts';
import { decodeObject } from './decode.ts';
import { encodeNew, encodeReplacement } from './encode.ts';
import { find } from './read.ts';
import type { Replaceable, Seen } from './seen.ts';

/**
 * Creates once. After an ambiguous POST the object is read back, and decides. Only the first POST's 'the name is taken'
 * is believed as it is: later it may be ours that took it.
 */
export async function createOnce(client: ApiClient, object: NewObject): Promise<'created' | 'exists'> {
  const { ref } = object;
  const call = writing({ ...getting(ref), verb: 'create' }, encodeNew(object), maskFor(object));
  const backoff = client.backoff();
  for (let isFirst = true; ; isFirst = false) {
    try {
      await client.send(call, (json) => decodeObject(json, ref));
      return 'created';
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isTaken(error) && isDeletionPending(error)) throw terminating(object);
      if (isTaken(error) && isFirst) return 'exists';
      if (isAmbiguous(error)) {
        const there = await find(client, ref, backoff.part());
        if (there !== undefined) return holds(there.stored, object) ? 'created' : 'exists';
      }
      await backoff.wait(error, client.signal);
    }
  }
}

/** Replaces the version that was read, by uid and resourceVersion; after an ambiguous answer it is read back. */
export async function replaceVersion(
  client: ApiClient,
  seen: Seen,
  object: NewObject,
  version: string,
): Promise<'replaced' | 'conflict'> {
  const { ref } = object;
  const known = seen.of(ref);
  const current = known?.stored.version === version ? known : await find(client, ref);
  if (current?.stored.version !== version) return 'conflict';
  refuseUnchangeable(current, object);
  const call = writing({ ...getting(ref), verb: 'update' }, encodeReplacement(current, object), maskFor(object));
  const backoff = client.backoff();
  for (let isFirst = true; ; isFirst = false) {
    try {
      seen.note(await client.send(call, (json) => decodeObject(json, ref)));
      return 'replaced';
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isMissing(error) || (isConflict(error) && isFirst)) return 'conflict';
      if (isAmbiguous(error)) {
        const there = await find(client, ref, backoff.part());
        if (there === undefined || there.uid !== current.uid) return 'conflict';
        if (there.stored.version !== version) return isEqual(there.stored, object) ? 'replaced' : 'conflict';
      }
      await backoff.wait(error, client.signal);
    }
  }
}

/** Has the API server check a write, and not carry it out. Who is quicker than the write itself is not its matter. */
export async function tryWriting(
  client: ApiClient,
  seen: Seen,
  object: NewObject,
  version: string | undefined,
): Promise<void> {
  const target = getting(object.ref);
  let call = writing({ ...target, verb: 'create' }, encodeNew(object), maskFor(object));
  if (version !== undefined) {
    const known = seen.of(object.ref);
    const current = known?.stored.version === version ? known : await find(client, object.ref);
    if (current?.stored.version !== version) return;
    refuseUnchangeable(current, object);
    call = writing({ ...target, verb: 'update' }, encodeReplacement(current, object), maskFor(object));
  }
  const backoff = client.backoff();
  for (;;) {
    try {
      return await client.send({ ...call, query: { ...call.query, dryRun: 'All' } }, () => undefined);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isTaken(error) || isConflict(error) || hasNoDryRun(error)) return;
      await backoff.wait(error, client.signal);
    }
  }
}

/** An admission webhook with side effects is not asked, and the API server says so. */
function hasNoDryRun({ status }: ApiFailure): boolean {
  return status?.message.includes('does not support dry run') === true;
}

/** Deletes the version that was read. Gone after an ambiguous answer: by us, or by somebody who wanted the same. */
export async function removeVersion(
  client: ApiClient,
  ref: ObjectRef,
  version: string,
): Promise<'removed' | 'conflict'> {
  const current = await find(client, ref);
  if (current?.stored.version !== version) return 'conflict';
  const resourceVersion = version.slice(current.uid.length + 1);
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: current.uid, resourceVersion } };
  const call: Call = { ...getting(ref), verb: 'delete', body };
  const backoff = client.backoff();
  for (let isFirst = true; ; isFirst = false) {
    try {
      await client.send(call, () => undefined);
      return 'removed';
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isMissing(error)) return isFirst ? 'conflict' : 'removed';
      if (isConflict(error)) return 'conflict';
      if (isAmbiguous(error) && (await find(client, ref, backoff.part())) === undefined) return 'removed';
      await backoff.wait(error, client.signal);
    }
  }
}

/** What the API server would refuse, said so that one knows what to do; and ledger entries are never touched. */
function refuseUnchangeable(current: Replaceable, object: NewObject): void {
  if (current.isTerminating) throw terminating(object);
  const { immutable, type } = current.stored;
  if (!immutable && type === object.type) return;
  const { kind, namespace, name } = object.ref;
  const what = immutable ? 'is immutable' : `is of type ${type}, which cannot be changed to ${object.type}`;
  throw new PaletteKeysError('REJECTED', `${formatRef(object.ref)} ${what}`, {
    hint: `if no key would be lost by it, delete it (kubectl delete ${kind.toLowerCase()} ${name} -n ${namespace}) and run the command again`,
  });
}

function maskFor({ ref, data }: NewObject): ReturnType<typeof maskOf> | undefined {
  return ref.kind === 'Secret' ? maskOf(data) : undefined;
}

function isDeletionPending({ status }: ApiFailure): boolean {
  return status?.message.startsWith('object is being deleted') === true;
}

function terminating({ ref: { kind, namespace, name }, ref }: NewObject): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${formatRef(ref)} is being deleted`, {
    hint: `wait until it is gone, then run the command again; a finalizer may hold it: kubectl get ${kind.toLowerCase()} ${name} -n ${namespace} -o yaml`,
  });
}
