/**
 * Where tenant keys live: a port with one adapter (MongoDB) and one in memory for tests. One contract suite
 * (test/support/tenant-store-contract.ts) runs on both.
 */

export interface WrappedKey {
  /** The root key's. */
  readonly kid: string;
  readonly alg: 'A256GCM';
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** One tenant's document (docs/tenant-keys.md). */
export interface TenantDocument {
  readonly _id: string;
  /** Length of the tenant key. */
  readonly bits: number;
  readonly wrapped: WrappedKey;
  readonly createdAt: Date;
  /** When it was last wrapped anew; null before the first time. */
  readonly rewrappedAt: Date | null;
}

/** On a document that could not be read as it stands: why, as what is said of the document. */
export const DAMAGE = Symbol('damage');

/** Stands for binary data of another subtype than 0, which no filter on its bytes alone would find. */
export class OtherBinary {
  readonly subtype: number;

  constructor(subtype: number) {
    this.subtype = subtype;
  }
}

/**
 * A document as it stands, whatever is in it: binary data in `wrapped` as Uint8Array, or as OtherBinary; other BSON types, and
 * those elsewhere, as the driver has them. Text that is not UTF-8 has U+FFFD for what cannot be read; scans mark a document that holds any, wherever that is.
 */
export type FoundTenant = Readonly<Record<string, unknown>> & { readonly [DAMAGE]?: string };

export interface TenantCopy {
  readonly found: FoundTenant;
  /** All of it, as one line of MongoDB Extended JSON v2; undefined where that cannot hold it. */
  readonly extendedJson: string | undefined;
}

export interface Replacement {
  readonly id: string;
  /** What has to stand there still. */
  readonly before: WrappedKey;
  readonly after: WrappedKey;
  readonly at: Date;
}

/**
 * The contract.
 *
 * - Every read is one with read concern `majority` from the primary, every write one with write concern `majority`:
 *   what was read cannot be rolled back, and what was written survives a failover.
 * - Constant memory: scans yield batches of a limited number; nothing is held longer than its reader holds it.
 * - A scan sees every document that was there from its beginning to its end; of those added, removed or changed
 *   meanwhile it may see the old, the new or none, and none twice after it was given away as another. Where another primary
 *   was elected meanwhile it throws at its end, as `countByKid` does.
 * - `add` only creates: of any number of concurrent ones for an id exactly one takes effect.
 * - `replace` and `remove` are compare-and-swap on (_id, wrapped.kid, wrapped.ciphertext): they touch a document only if
 *   it still holds the wrapped key that was read. They never create.
 * - Failures throw PaletteKeysError, with neither credentials nor documents in it. Several writes may then have been done.
 */
export interface TenantStore {
  /** For people: hosts, database and collection; no credentials. */
  readonly location: string;

  /** All documents, or those whose `wrapped.kid` is one of `kids`, in batches. */
  scan(kids?: readonly string[]): AsyncIterable<readonly FoundTenant[]>;

  /** All documents in the order of `_id`, in batches. The server sorts, by an index that every collection has. */
  scanInOrder(): AsyncIterable<readonly FoundTenant[]>;

  /** Those of the ids that are there, in any order. */
  get(ids: readonly string[]): Promise<readonly FoundTenant[]>;

  /** The same, with what brings them back. */
  copies(ids: readonly string[]): Promise<readonly TenantCopy[]>;

  /** How many documents have which `wrapped.kid`; undefined counts those where it is no string, or not UTF-8. */
  countByKid(): Promise<ReadonlyMap<string | undefined, number>>;

  /** Returns the ids that were there already, which stay as they were. */
  add(documents: readonly TenantDocument[]): Promise<readonly string[]>;

  /** Returns how many of them took effect. */
  replace(changes: readonly Replacement[]): Promise<number>;

  /** Returns how many were removed. */
  remove(documents: readonly TenantDocument[]): Promise<number>;

  /** Makes what the scan by kid is fast with, where it is missing. */
  ensureIndex(): Promise<void>;

  close(): Promise<void>;
}
