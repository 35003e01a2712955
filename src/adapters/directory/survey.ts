import { PaletteKeysError } from '../../errors.ts';
import type { ObjectKind } from '../../ports/object-ref.ts';
import { errno, ifThere } from './failures.ts';
import type { FileStatus } from './files.ts';
import { folderName, inside, isNamespaceName, KINDS, objectName, type Place } from './layout.ts';
import { isGuardName } from './lock/lock-file.ts';
import { isOwnFile, notAStore, type RootEntry, recognise } from './recognise.ts';
import { type Offence, offencesOf, unsafe } from './safety.ts';
import { parseTempName } from './temp-file.ts';

/** What stands in the store, from names and lstat alone. */
export interface Survey {
  /** Namespace → kind → names of objects. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<ObjectKind, readonly string[]>>>;
  readonly folders: readonly string[];
  readonly temps: readonly string[];
  readonly guards: readonly string[];
}

/** Throws where it is not a store, or cannot be trusted with keys. undefined: there is no such folder. */
export async function survey(place: Place): Promise<Survey | undefined> {
  const { root, files } = place;
  const status = await ifThere(files.lstat(root));
  if (status === undefined) return undefined;
  // Not followed, not even to say more about it.
  if (status.kind === 'symlink') throw unsafe(place, offencesOf(place, root, status));
  if (status.kind !== 'folder') throw notAFolder(root);

  const walk = new Walk(place);
  walk.judge(root, status);
  const entries = await rootEntries(place, walk);
  // First of all: whoever is told to chmod somebody's repository has been led astray.
  if (!(await recognise(place, entries))) throw notAStore(root);
  for (const entry of entries) await walk.enter(entry);
  if (walk.offences.length > 0) throw unsafe(place, walk.offences);
  return walk;
}

async function rootEntries(place: Place, walk: Walk): Promise<readonly RootEntry[]> {
  const found: RootEntry[] = [];
  for (const name of await walk.names(place.root)) {
    const path = inside(place.root, name);
    const status = await walk.orNothing(place.files.lstat(path));
    if (status === undefined) continue;
    const mayHoldObjects = status.kind === 'folder' && isNamespaceName(name);
    found.push({ name, path, status, children: mayHoldObjects ? await namesIfReadable(place, path) : [] });
  }
  return found;
}

class Walk implements Survey {
  readonly namespaces = new Map<string, Readonly<Record<ObjectKind, readonly string[]>>>();
  readonly folders: string[] = [];
  readonly temps: string[] = [];
  readonly guards: string[] = [];
  readonly offences: Offence[] = [];
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  judge(path: string, status: FileStatus): void {
    this.offences.push(...offencesOf(this.#place, path, status));
    if (status.kind === 'folder') this.folders.push(path);
  }

  async names(folder: string): Promise<readonly string[]> {
    return (await this.orNothing(this.#place.files.readdir(folder))) ?? [];
  }

  async enter({ name, path, status }: RootEntry): Promise<void> {
    if (parseTempName(name) !== undefined) this.temps.push(path);
    if (isGuardName(name)) this.guards.push(path);
    const isNamespace = isNamespaceName(name) && (status.kind === 'folder' || status.kind === 'symlink');
    if (!isNamespace && !isOwnFile(name)) return;
    this.judge(path, status);
    if (!isNamespace || status.kind !== 'folder') return;
    const found: Record<ObjectKind, readonly string[]> = { Secret: [], ConfigMap: [] };
    for (const kind of KINDS) found[kind] = await this.#objects(inside(path, folderName(kind)));
    this.namespaces.set(name, found);
  }

  /** What cannot be read is an error, save where it is known already that something here is somebody else's. */
  async orNothing<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await ifThere(work);
    } catch (error) {
      if (errno(error) === 'EACCES' && this.offences.length > 0) return undefined;
      throw error;
    }
  }

  async #objects(folder: string): Promise<readonly string[]> {
    const status = await this.orNothing(this.#place.files.lstat(folder));
    if (status === undefined) return [];
    this.judge(folder, status);
    if (status.kind !== 'folder') return [];
    const found: string[] = [];
    const judged = (await this.names(folder)).map(async (file) => {
      const path = inside(folder, file);
      const name = objectName(file);
      const isTemp = parseTempName(file) !== undefined;
      if (name === undefined && !isTemp) return;
      const there = await this.orNothing(this.#place.files.lstat(path));
      if (there === undefined) return;
      this.offences.push(...offencesOf(this.#place, path, there));
      if (isTemp) this.temps.push(path);
      if (name !== undefined) found.push(name);
    });
    await Promise.all(judged);
    return found.sort();
  }
}

/** Only to recognise a store; one that is recognised is walked through again, and then nothing is passed over. */
async function namesIfReadable(place: Place, folder: string): Promise<readonly string[]> {
  return place.files.readdir(folder).catch(() => []);
}

function notAFolder(root: string): PaletteKeysError {
  return new PaletteKeysError('NOT_A_STORE', `${root}: is there, but is not a folder`, {
    hint: 'give --dir a folder, or a name that is free: the folder is then made',
  });
}
