import type { StoredObject } from '../../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../../ports/object-ref.ts';
import type { RawObject } from './decode.ts';

/** An object without what it holds: enough to replace it by, and to tell when it was changed. */
export interface SeenObject extends Pick<RawObject, 'uid' | 'json' | 'isTerminating'> {
  readonly stored: Omit<StoredObject, 'data'>;
}

/**
 * Objects as this process last met them. Who read one needs not read it again to replace it: its resourceVersion goes
 * along, and the API server refuses where it has moved on. Nothing of `data` is kept.
 */
export class Seen {
  readonly #objects = new Map<string, SeenObject>();

  note({ stored, uid, json, isTerminating }: RawObject): void {
    const { data: _, ...rest } = stored;
    const { data: __, ...others } = json;
    this.#objects.set(formatRef(stored.ref), { stored: rest, uid, json: others, isTerminating });
  }

  forget(ref: ObjectRef): void {
    this.#objects.delete(formatRef(ref));
  }

  of(ref: ObjectRef): SeenObject | undefined {
    return this.#objects.get(formatRef(ref));
  }
}
