import { PaletteKeysError } from '../../errors.ts';
import { type Target, writing } from './api/call.ts';
import { type ApiClient, Garbled } from './api/client.ts';
import { ApiFailure, isAmbiguous, isMissing, isTaken } from './api/failure.ts';
import { type JsonObject, objectAt, textAt } from './json.ts';

export async function hasNamespace(client: ApiClient, name: string): Promise<boolean> {
  try {
    await client.read(target('get', name), (json) => expectNamespace(json, name));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    // Who works in some namespaces only may often not read Namespaces; should it be missing, the first write says so.
    if (error instanceof ApiFailure && error.http === 403 && error.status !== undefined) return true;
    throw error;
  }
}

/** Makes a namespace; one that is there is as good. */
export async function addNamespace(client: ApiClient, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const call = writing(target('create', name), body);
  const backoff = client.backoff();
  for (;;) {
    try {
      await client.send(call, (json) => expectNamespace(json, name));
      return;
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (isTaken(error)) return refuseTerminating(error, name);
      // What comes of it is the same whoever made it: so it may simply be asked for again.
      if (isAmbiguous(error) && (await hasNamespace(client, name))) return;
      await backoff.wait(error, client.signal);
    }
  }
}

function target(verb: 'get' | 'create', name: string): Target {
  return { verb, group: '', resource: 'namespaces', namespace: undefined, name };
}

function expectNamespace(json: JsonObject, name: string): void {
  if (textAt(json, 'kind') !== 'Namespace' || textAt(objectAt(json, 'metadata'), 'name') !== name) {
    throw new Garbled('it does not hold the namespace that was asked for');
  }
}

function refuseTerminating({ status }: ApiFailure, name: string): void {
  if (!status?.message.startsWith('object is being deleted')) return;
  throw new PaletteKeysError('CONFLICT', `namespace ${name} is being deleted`, {
    hint: `wait until it is gone, then run the command again; what holds it: kubectl get namespace ${name} -o yaml`,
  });
}
