import { PaletteKeysError } from '../../errors.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';
import { errno, ifThere } from './failures.ts';
import type { FileStatus } from './files.ts';
import type { FolderSync } from './folder-sync.ts';
import { FOLDER_MODE, kindFolder, namespaceFolder, type Place } from './layout.ts';
import { assertSafe } from './safety.ts';

/** The folders in which objects stand: looked at once each, made as needed. */
export class Folders {
  readonly #place: Place;
  readonly #sync: FolderSync;
  readonly #safe = new Set<string>();
  readonly #made = new Map<string, Promise<void>>();

  constructor(place: Place, sync: FolderSync) {
    this.#place = place;
    this.#sync = sync;
  }

  /** undefined: it is not there, nor is anything in it. */
  async toRead({ namespace, kind }: Pick<ObjectRef, 'namespace' | 'kind'>): Promise<string | undefined> {
    const [outer, inner] = this.#paths(namespace, kind);
    return (await this.#check(outer)) && (await this.#check(inner)) ? inner : undefined;
  }

  /** Once it returns, the folder is there, and stays after a power cut. */
  async toWrite({ namespace, kind }: Pick<ObjectRef, 'namespace' | 'kind'>): Promise<string> {
    const [outer, inner] = this.#paths(namespace, kind);
    await this.#make(outer, this.#place.root);
    await this.#make(inner, outer);
    return inner;
  }

  #paths(namespace: string, kind: ObjectRef['kind']): readonly [string, string] {
    const { root } = this.#place;
    return [namespaceFolder(root, namespace), kindFolder(root, namespace, kind)];
  }

  async #check(path: string): Promise<boolean> {
    if (this.#safe.has(path)) return true;
    const status = await ifThere(this.#place.files.lstat(path));
    if (status === undefined) return false;
    assertSafeFolder(this.#place, path, status);
    this.#safe.add(path);
    return true;
  }

  #make(path: string, parent: string): Promise<void> {
    const made = this.#made.get(path) ?? this.#makeOnce(path, parent);
    this.#made.set(path, made);
    made.catch(() => this.#made.delete(path));
    return made;
  }

  async #makeOnce(path: string, parent: string): Promise<void> {
    await makeFolder(this.#place, path);
    // Also where another process made it: whether that one got as far as this cannot be known.
    await this.#sync.sync(parent);
  }
}

export async function makeFolder(place: Place, path: string, onMade?: () => void): Promise<void> {
  const { files } = place;
  try {
    await files.mkdir(path, FOLDER_MODE);
    onMade?.();
    // The umask may have taken bits away; a setgid bit inherited from above is nobody's access.
    if (((await files.lstat(path)).mode & 0o777) !== FOLDER_MODE) await files.chmod(path, FOLDER_MODE);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
  }
  assertSafeFolder(place, path, await files.lstat(path));
}

function assertSafeFolder(place: Place, path: string, status: FileStatus): void {
  assertSafe(place, path, status);
  if (status.kind === 'folder') return;
  throw new PaletteKeysError('STORE_UNAVAILABLE', `${path}: is there, but is not a folder`, {
    hint: 'move it away: a folder of the store belongs there',
  });
}
