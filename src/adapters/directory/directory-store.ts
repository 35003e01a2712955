import { PaletteKeysError } from '../../errors.ts';
import type { FoundObject, KeySearch, KeyStore, Leftover, Lock, LockHolder, NewObject } from '../../ports/key-store.ts';
import { formatRef, type ObjectKind, type ObjectRef } from '../../ports/object-ref.ts';
import { explainingFailures, isMissing } from './failures.ts';
import { type FileSystem, nodeFiles } from './files.ts';
import { FolderSync } from './folder-sync.ts';
import { Folders } from './folders.ts';
import { type Place, pathOf, withoutTrailingSlashes } from './layout.ts';
import { findLeftovers } from './leftovers.ts';
import { acquireLock, type Claim, isStillOurs, releaseClaim } from './lock/lock.ts';
import { type ProcessIdentity, systemProcess } from './lock/process-identity.ts';
import { assertChangeable, Objects } from './objects.ts';
import { publish, renameOver } from './publish.ts';
import { makeRoot, prepare } from './set-up.ts';
import { survey } from './survey.ts';
import { discardAfter, writeTemp } from './temp-file.ts';
import {
  formatNamespaces,
  namespaceManifest,
  namespacesPath,
  readNamespaces,
  sortsBeforeList,
} from './yaml/namespaces-file.ts';
import { writeManifest } from './yaml/write-manifest.ts';

export interface DirectoryStoreOptions {
  readonly files?: FileSystem;
  readonly process?: ProcessIdentity;
}

/** The store in a folder of manifests. Nothing is touched before it is used. */
export function openDirectoryStore(path: string, options: DirectoryStoreOptions = {}): KeyStore {
  return new DirectoryStore(path, options);
}

const RECORD_NAME = 'palette-keys-installation';

class DirectoryStore implements KeyStore {
  readonly kind = 'directory';
  readonly cluster = undefined;
  readonly location: string;
  readonly #place: Place;
  readonly #sync: FolderSync;
  readonly #folders: Folders;
  readonly #objects: Objects;
  readonly #listed = new Set<string>();
  #surveyed: Promise<boolean> | undefined;
  #claim: Claim | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #creations = new Set<Promise<void>>();

  constructor(path: string, { files = nodeFiles, process = systemProcess() }: DirectoryStoreOptions) {
    this.location = path;
    this.#place = { root: withoutTrailingSlashes(path), files, self: process };
    this.#sync = new FolderSync(files);
    this.#folders = new Folders(this.#place, this.#sync);
    this.#objects = new Objects(this.#place, this.#folders);
  }

  ledgerNamespaces(): Promise<readonly string[]> {
    return this.#explained(async () => {
      const found = await survey(this.#place);
      if (found === undefined) return [];
      this.#surveyed ??= Promise.resolve(true);
      return [...found.namespaces].flatMap(([name, objects]) => (holdsLedger(objects) ? [name] : [])).sort();
    });
  }

  list(namespace: string, without?: string): Promise<readonly FoundObject[]> {
    return this.#explained(async () => ((await this.#isThere()) ? this.#objects.list(namespace, without) : []));
  }

  get(ref: ObjectRef): Promise<FoundObject | undefined> {
    return this.#explained(async () => ((await this.#isThere()) ? this.#objects.get(ref) : undefined));
  }

  create(object: NewObject): Promise<'created' | 'exists'> {
    const creation = this.#explained(async () => {
      const path = pathOf(this.#place.root, object.ref);
      const bytes = writeManifest(object);
      await this.#assertListed(object.ref);
      const folder = await this.#folders.toWrite(object.ref);
      this.#objects.note(object, bytes);
      const created = await publish(this.#place, folder, path, bytes);
      // Also if another one was first: who goes on with its key must find that key again after a power cut.
      await this.#sync.sync(folder);
      return created ? 'created' : 'exists';
    });
    const ended = creation.then(ignore, ignore).finally(() => this.#creations.delete(ended));
    this.#creations.add(ended);
    return creation;
  }

  replace(object: NewObject, version: string): Promise<'replaced' | 'conflict'> {
    return this.#locked(async (claim) => {
      const path = pathOf(this.#place.root, object.ref);
      const bytes = writeManifest(object);
      const current = await this.#objects.get(object.ref);
      if (current?.version !== version) return 'conflict';
      assertChangeable(current, object);
      this.#objects.note(object, bytes);
      await this.#put(claim, await this.#folders.toWrite(object.ref), path, bytes);
      return 'replaced';
    });
  }

  remove(ref: ObjectRef, version: string): Promise<'removed' | 'conflict'> {
    return this.#locked(async (claim) => {
      const current = await this.#objects.get(ref);
      if (current?.version !== version) return 'conflict';
      if (!(await isStillOurs(this.#place, claim))) throw lockLost(this.location);
      await this.#place.files.unlink(pathOf(this.#place.root, ref));
      await this.#sync.sync(await this.#folders.toWrite(ref));
      return 'removed';
    });
  }

  missingNamespaces(namespaces: readonly string[]): Promise<readonly string[]> {
    return this.#explained(async () => {
      await this.#isThere();
      const listed = await readNamespaces(this.#place);
      return [...new Set(namespaces)].filter((namespace) => !listed.has(namespace));
    });
  }

  addNamespaces(namespaces: readonly string[]): Promise<void> {
    return this.#locked(async (claim) => {
      const listed = await readNamespaces(this.#place);
      const missing = namespaces.filter((namespace) => !listed.has(namespace));
      const refused = missing.find(sortsBeforeList);
      if (refused !== undefined)
        throw new Error(`namespace ${refused}: kubectl would meet it before the list of namespaces`);
      if (missing.length === 0) return;
      const all = new Map([...listed, ...missing.map((name) => [name, namespaceManifest(name)] as const)]);
      await this.#put(claim, this.#place.root, namespacesPath(this.#place), formatNamespaces(all));
    });
  }

  leftovers(search: KeySearch): Promise<readonly Leftover[]> {
    return this.#explained(async () => ((await this.#isThere()) ? findLeftovers(this.#place, search) : []));
  }

  lock(holder: LockHolder): Promise<Lock> {
    return this.#explained(async () => {
      const undo = (await survey(this.#place)) === undefined ? await makeRoot(this.#place) : undefined;
      const claim = await acquireLock(this.#place, holder).catch(async (error: unknown) => {
        await undo?.();
        throw error;
      });
      try {
        await prepare(this.#place, this.#sync);
      } catch (error) {
        await releaseClaim(this.#place, claim);
        throw error;
      }
      this.#claim = claim;
      this.#objects.remember();
      return { release: () => this.#release(claim) };
    });
  }

  async #release(claim: Claim): Promise<void> {
    if (this.#claim !== claim) return;
    this.#claim = undefined;
    // Of several creates one may have failed and ended the run; the program must not exit while others hold temp files.
    await Promise.all([this.#turn, ...this.#creations]);
    this.#objects.forget();
    await releaseClaim(this.#place, claim);
  }

  /** One after the other, under the lock: between reading a version and renaming over it, nobody may come in. */
  #locked<T>(work: (claim: Claim) => Promise<T>): Promise<T> {
    const claim = this.#claim;
    if (claim === undefined) return Promise.reject(new Error('changing what exists needs the lock of the store'));
    const turn = this.#turn.then(() => this.#explained(() => work(claim)));
    this.#turn = turn.then(ignore, ignore);
    return turn;
  }

  async #put(claim: Claim, folder: string, path: string, bytes: Uint8Array): Promise<void> {
    const temp = await writeTemp(this.#place, folder, bytes);
    try {
      if (!(await isStillOurs(this.#place, claim))) throw lockLost(this.location);
      await renameOver(this.#place, temp, path);
    } catch (error) {
      const failed = isMissing(error) && !(await isStillOurs(this.#place, claim)) ? lockLost(this.location) : error;
      throw await discardAfter(failed, this.#place, temp.path);
    }
    await this.#sync.sync(folder);
  }

  /** `kubectl create -R` accepts the store only if every namespace is on the list. */
  async #assertListed(ref: ObjectRef): Promise<void> {
    if (this.#listed.has(ref.namespace)) return;
    await this.#isThere();
    const listed = await readNamespaces(this.#place);
    if (!listed.has(ref.namespace)) throw new Error(`${formatRef(ref)}: its namespace has not been added`);
    this.#listed.add(ref.namespace);
  }

  /** Whether there is a folder; all of it is looked at before the first file is read. */
  #isThere(): Promise<boolean> {
    if (this.#surveyed !== undefined) return this.#surveyed;
    const surveyed = survey(this.#place).then((found) => found !== undefined);
    this.#surveyed = surveyed;
    // What was not there, or not safe, may be so the next time.
    const forget = (): void => {
      this.#surveyed = undefined;
    };
    surveyed.then((found) => (found ? undefined : forget()), forget);
    return surveyed;
  }

  #explained<T>(work: () => Promise<T>): Promise<T> {
    return explainingFailures(this.location, work);
  }
}

/** By names alone, so that damage does not hide a ledger. */
function holdsLedger({ Secret, ConfigMap }: Readonly<Record<ObjectKind, readonly string[]>>): boolean {
  return ConfigMap.includes(RECORD_NAME) || Secret.some((name) => /key-root-key-v[1-9]\d*$/.test(name));
}

function ignore(): void {
  // The outcome is somebody else's.
}

function lockLost(location: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${location}: the lock of this run was removed meanwhile`, {
    hint: 'let no two runs work on the folder at a time, then run the command again: it goes on where it stopped',
  });
}
