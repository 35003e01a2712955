import { unlessDamaged } from '../../errors.ts';
import type { FoundObject, NewObject } from '../../ports/key-store.ts';
import { formatRef, type ObjectKind, type ObjectRef } from '../../ports/object-ref.ts';
import { ifThere } from './failures.ts';
import type { Folders } from './folders.ts';
import { KINDS, objectName, type Place, pathOf } from './layout.ts';
import { readContent, versionOf } from './read-file.ts';
import { readManifest } from './yaml/read-manifest.ts';
import { writeManifest } from './yaml/write-manifest.ts';

/** Files that are read at a time: enough to keep the disk busy, too few to run out of file descriptors. */
const READERS = 16;

export class Objects {
  readonly #place: Place;
  readonly #folders: Folders;
  /** What files with that name and digest mean; only while a run holds the lock, and reads the same files three times. */
  #known: Map<string, NewObject> | undefined;

  constructor(place: Place, folders: Folders) {
    this.#place = place;
    this.#folders = folders;
  }

  async get(ref: ObjectRef): Promise<FoundObject | undefined> {
    const path = pathOf(this.#place.root, ref);
    if ((await this.#folders.toRead(ref)) === undefined) return undefined;
    const content = await readContent(this.#place, path);
    if (content === undefined) return undefined;
    const { bytes, version } = content;
    if (bytes === undefined) return { ref, damage: content.reason, version };
    const known = this.#known?.get(keyOf(ref, version));
    if (known !== undefined) return { ...copyOf(known), version };
    const read = (): FoundObject => {
      const object = readManifest(ref, bytes);
      this.#known?.set(keyOf(ref, version), copyOf(object));
      return { ...object, version };
    };
    return unlessDamaged(read, (damage) => ({ ref, damage, version }));
  }

  /** From now on, what a file means is remembered until `forget`. */
  remember(): void {
    this.#known = new Map();
  }

  /** What was written need not be parsed to be read back: that the bytes are the same is enough. */
  note(object: NewObject, bytes: Uint8Array): void {
    this.#known?.set(keyOf(object.ref, versionOf(bytes)), copyOf(object));
  }

  /** Overwrites the keys that were remembered. */
  forget(): void {
    for (const { data } of this.#known?.values() ?? []) {
      for (const bytes of Object.values(data)) bytes.fill(0);
    }
    this.#known = undefined;
  }

  async list(namespace: string, without?: string): Promise<readonly FoundObject[]> {
    const refs: ObjectRef[] = [];
    for (const kind of KINDS) refs.push(...(await this.#refs(namespace, kind)));
    const found: (FoundObject | undefined)[] = [];
    const queue = refs.entries();
    const reader = async (): Promise<void> => {
      for (const [n, ref] of queue) found[n] = await this.get(ref);
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    return found.filter((object) => object !== undefined).filter((object) => isListed(object, without));
  }

  async #refs(namespace: string, kind: ObjectKind): Promise<readonly ObjectRef[]> {
    const folder = await this.#folders.toRead({ namespace, kind });
    const files = folder === undefined ? undefined : await ifThere(this.#place.files.readdir(folder));
    const names = (files ?? []).map(objectName).filter((name) => name !== undefined);
    return names.sort().map((name) => ({ kind, namespace, name }));
  }
}

function keyOf(ref: ObjectRef, version: string): string {
  return `${formatRef(ref)} ${version}`;
}

/** Its own bytes: whoever was given an object overwrites them when done. */
function copyOf(object: NewObject): NewObject {
  const data = Object.entries(object.data).map(([name, bytes]) => [name, Uint8Array.from(bytes)]);
  return { ...object, data: Object.fromEntries(data) };
}

/** True of what is labelled as ours, but for that kind, and of what is damaged. */
function isListed(object: FoundObject, without: string | undefined): boolean {
  if (object.damage !== undefined) return true;
  const { labels } = object;
  const isLeftOut = without !== undefined && labels['palette-keys.dev/kind'] === without;
  return labels['app.kubernetes.io/managed-by'] === 'palette-keys' && !isLeftOut;
}

/** An immutable object's data stays as it is, as the API server has it; labels and annotations may change. */
export function assertChangeable(current: FoundObject, object: NewObject): void {
  if (current.damage !== undefined || !current.immutable) return;
  const fixed = ({ ref, type, immutable, data }: NewObject): string =>
    versionOf(writeManifest({ ref, type, immutable, data, labels: {}, annotations: {} }));
  if (fixed(current) !== fixed(object)) throw new Error(`${formatRef(object.ref)} is immutable`);
}
