import type { StoredObject } from '../../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../../ports/object-ref.ts';
import { objectAt } from '../json.ts';
import type { RawObject } from './decode.ts';
import { lastChange } from './last-change.ts';

/** Enough of an object to replace it. */
export interface Replaceable extends Pick<RawObject, 'uid' | 'json' | 'isTerminating'> {
  readonly stored: Omit<StoredObject, 'data'>;
}

/** An object without what it holds. */
export interface SeenObject extends Replaceable {
  /** RFC 3339; undefined where the server did not say. */
  readonly changedAt: string | undefined;
}

/**
 * Objects as this process last met them, replaced without another read: the server refuses an old resourceVersion.
 * Neither `data` nor `managedFields` is kept: they are larger than all the rest.
 */
export class Seen {
  readonly #objects = new Map<string, SeenObject>();

  note(found: RawObject): void {
    this.#objects.set(formatRef(found.stored.ref), withoutContents(found));
  }

  forget(ref: ObjectRef): void {
    this.#objects.delete(formatRef(ref));
  }

  of(ref: ObjectRef): SeenObject | undefined {
    return this.#objects.get(formatRef(ref));
  }
}

function withoutContents({ stored, uid, json, isTerminating }: RawObject): SeenObject {
  const { data: _, ...rest } = stored;
  const { data: __, metadata: ___, ...others } = json;
  const { managedFields: ____, ...metadata } = objectAt(json, 'metadata');
  return { stored: rest, uid, json: { ...others, metadata }, isTerminating, changedAt: lastChange(json) };
}
