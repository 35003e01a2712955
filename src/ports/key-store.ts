/**
 * Where keys live: a port with two adapters (a directory of manifests, a Kubernetes API) and one in memory for tests.
 * One contract suite (test/support/key-store-contract.ts) runs on all of them.
 */

import type { Cluster } from './cluster.ts';
import type { Entries, NewObject } from './new-object.ts';
import type { ObjectRef } from './object-ref.ts';

export type { Entries, NewObject };

export interface StoredObject extends NewObject {
  readonly damage?: undefined;
  /** Opaque; equal exactly when the object has not changed between two reads. */
  readonly version: string;
}

/** Something stands under that name, but it cannot be read as an object; `damage` says why, without quoting it. */
export interface DamagedObject {
  readonly ref: ObjectRef;
  readonly damage: string;
  readonly version: string;
}

export type FoundObject = StoredObject | DamagedObject;

/** Who holds, or wants, the lock. Times are RFC 3339. */
export interface LockHolder {
  readonly command: string;
  readonly user: string;
  readonly since: string;
}

export interface Lock {
  /** Gives the lock back. Never throws: what is left behind is taken over by the next run. */
  release(): Promise<void>;
}

/** How a store is searched for keys that lie about in it. */
export interface KeySearch {
  /** Objects that the program itself reads, by `formatRef`: they are left out. */
  readonly known: ReadonlySet<string>;
  /** Where a cluster is searched for Secrets; a folder is searched as a whole. */
  readonly namespaces: readonly string[];
  /** The kids of the keys that a file, or a Secret as a manifest, holds. */
  find(bytes: Uint8Array): readonly string[];
}

export interface Leftover {
  /** For people: a path, or a Secret. */
  readonly place: string;
  /** True of a temp file that a run left: whoever takes the lock next deletes it. */
  readonly isTemp: boolean;
  /** What the search found in it. */
  readonly kids: readonly string[];
  /** Why it was not searched; undefined where it was. */
  readonly unread?: string;
  /** Deletes it. */
  readonly command: string;
}

/**
 * The contract.
 *
 * - Not found: only a definite 'it is not there' yields undefined or an empty list. Every other failure
 *   (permission, time-out, I/O, a broken answer) throws PaletteKeysError; nothing is ever assumed missing.
 * - Atomic: a reader sees an object whole or not at all, also after a crash at any point.
 * - Concurrency: of any number of concurrent `create`s of one name exactly one returns 'created', and its bytes stay.
 *   `replace` and `remove` act only if the object still has the version that was read; `replace` never creates.
 * - Durable: when a write returns, the object survives a power cut.
 * - The lock keeps people apart and gives a clear message; correctness rests on `create` and `replace` alone.
 */
export interface KeyStore {
  readonly kind: 'directory' | 'kubernetes';
  /** For people: the folder, or the cluster's context and address. */
  readonly location: string;
  /** What only a live cluster can tell; undefined for every other store. */
  readonly cluster: Cluster | undefined;

  /** Namespaces in which a record or a root key of the ledger stands, as far as the store can tell without being told where to look. */
  ledgerNamespaces(): Promise<readonly string[]>;

  /** Ours, and the damaged ones, by kind and name; not those with the label `palette-keys.dev/kind` of `without`. */
  list(namespace: string, without?: string): Promise<readonly FoundObject[]>;

  get(ref: ObjectRef): Promise<FoundObject | undefined>;

  /** 'exists': the name is taken; nothing was written. */
  create(object: NewObject): Promise<'created' | 'exists'>;

  /** 'conflict': the object changed or is gone; nothing was written. */
  replace(object: NewObject, version: string): Promise<'replaced' | 'conflict'>;

  /** 'conflict': the object changed or is gone; nothing was deleted. Needs the lock. */
  remove(ref: ObjectRef, version: string): Promise<'removed' | 'conflict'>;

  /** Those of the namespaces that the store does not have yet. */
  missingNamespaces(namespaces: readonly string[]): Promise<readonly string[]>;

  /** Adds namespaces; one that is there is left as it is. Needs the lock. */
  addNamespaces(namespaces: readonly string[]): Promise<void>;

  /** Temp files that runs left; unknown files and Secrets with a key, or unread. Not what a run is about to name. */
  leftovers(search: KeySearch): Promise<readonly Leftover[]>;

  /** Takes the store's lock, deletes the temp files that runs left, or throws LOCK_HELD naming the holder. Makes the store if it is not there. */
  lock(holder: LockHolder): Promise<Lock>;
}
