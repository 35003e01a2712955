import type { StoredObject } from '../../../ports/key-store.ts';
import type { ObjectKind, ObjectRef } from '../../../ports/object-ref.ts';
import type { Backoff } from '../api/backoff.ts';
import { type Call, getting, RESOURCE } from '../api/call.ts';
import { type ApiClient, Garbled } from '../api/client.ts';
import { ApiFailure, isMissing } from '../api/failure.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { decodeObject, type RawObject } from './decode.ts';

/** Objects of a page: ledger entries are small, but full audit logs hold a megabyte each. */
const PAGE = 50;

/** How often a list may begin anew because its continuation has expired (after about five minutes). */
const RESTARTS = 3;

/** undefined only if the API server says that this very object is not there. */
export async function find(client: ApiClient, ref: ObjectRef, backoff?: Backoff): Promise<RawObject | undefined> {
  try {
    return await client.read(getting(ref), (json) => decodeObject(json, ref), backoff);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** All objects of a kind in a namespace, or those with these labels. A namespace that is not there has none. */
export async function listAll(
  client: ApiClient,
  kind: ObjectKind,
  namespace: string,
  labelSelector?: string,
): Promise<readonly StoredObject[]> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await listOnce(client, kind, namespace, labelSelector);
    } catch (error) {
      // 410 Gone: the server no longer knows the state that the first pages were of.
      if (!(error instanceof ApiFailure) || error.http !== 410 || restarts >= RESTARTS) throw error;
    }
  }
}

interface Page {
  readonly objects: readonly StoredObject[];
  readonly next: string | undefined;
}

async function listOnce(client: ApiClient, kind: ObjectKind, namespace: string, labelSelector: string | undefined) {
  const target = { verb: 'list', group: '', resource: RESOURCE[kind], namespace, name: undefined } as const;
  const found: StoredObject[] = [];
  let next: string | undefined;
  do {
    const query = {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      limit: String(PAGE),
      ...(next === undefined ? {} : { continue: next }),
    };
    const call: Call = { ...target, query };
    const page: Page = await client.read(call, (json) => decodePage(json, kind, namespace));
    found.push(...page.objects);
    next = page.next;
  } while (next !== undefined);
  return found;
}

function decodePage(json: JsonObject, kind: ObjectKind, namespace: string): Page {
  const items = json['items'];
  if (textAt(json, 'kind') !== `${kind}List` || !Array.isArray(items)) throw new Garbled('it is not a list');
  const objects = items.map((item) => {
    if (!isObject(item)) throw new Garbled('it holds an item that is not an object');
    return decodeObject(item, { kind, namespace, name: undefined }).stored;
  });
  return { objects, next: textAt(objectAt(json, 'metadata'), 'continue') || undefined };
}
