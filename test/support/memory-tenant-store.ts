/** A TenantStore in memory, for unit tests. Documents can be put past the program, in any shape. */
import { BSON } from 'mongodb';
import { toExtendedJson } from '../../src/adapters/mongodb/extended-json.ts';
import type {
  FoundTenant,
  Replacement,
  TenantCopy,
  TenantDocument,
  TenantStore,
  WrappedKey,
} from '../../src/ports/tenant-store.ts';

const BATCH = 100;

export class MemoryTenantStore implements TenantStore {
  readonly location: string;
  readonly documents: Map<unknown, FoundTenant>;
  /** Called before every write; what it throws is the write's failure. */
  beforeWrite: () => void | Promise<void> = () => undefined;
  writes = 0;

  constructor(documents: Map<unknown, FoundTenant> = new Map(), location = 'memory') {
    this.documents = documents;
    this.location = location;
  }

  put(document: FoundTenant): void {
    this.documents.set(document['_id'], document);
  }

  scan(kids?: readonly string[]): AsyncGenerator<readonly FoundTenant[]> {
    const all = [...this.documents.values()];
    return this.#batches(all.filter((found) => kids === undefined || kids.includes(kidIn(found) ?? '')));
  }

  scanInOrder(): AsyncGenerator<readonly FoundTenant[]> {
    const ids = [...this.documents.keys()].sort((a, b) =>
      Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))),
    );
    return this.#batches(ids.map((id) => this.documents.get(id) ?? {}));
  }

  async *#batches(all: readonly FoundTenant[]): AsyncGenerator<readonly FoundTenant[]> {
    for (let at = 0; at < all.length; at += BATCH) {
      await Promise.resolve();
      yield all.slice(at, at + BATCH);
    }
  }

  async get(ids: readonly string[]): Promise<readonly FoundTenant[]> {
    return ids.map((id) => this.documents.get(id)).filter((found) => found !== undefined);
  }

  async copies(ids: readonly string[]): Promise<readonly TenantCopy[]> {
    return (await this.get(ids)).map((found) => ({ found, extendedJson: toExtendedJson(BSON.serialize(found)) }));
  }

  async countByKid(): Promise<ReadonlyMap<string | undefined, number>> {
    const counts = new Map<string | undefined, number>();
    for (const found of this.documents.values()) counts.set(kidIn(found), (counts.get(kidIn(found)) ?? 0) + 1);
    return counts;
  }

  async add(documents: readonly TenantDocument[]): Promise<readonly string[]> {
    await this.#write();
    const there = documents.filter(({ _id }) => this.documents.has(_id)).map(({ _id }) => _id);
    for (const document of documents) if (!this.documents.has(document._id)) this.put({ ...document });
    return there;
  }

  async replace(changes: readonly Replacement[]): Promise<number> {
    await this.#write();
    const fitting = changes.filter(({ id, before }) => this.#holds(id, before));
    for (const { id, after, at } of fitting) this.put({ ...this.documents.get(id), wrapped: after, rewrappedAt: at });
    return fitting.length;
  }

  async remove(documents: readonly TenantDocument[]): Promise<number> {
    await this.#write();
    return documents.filter(({ _id, wrapped }) => this.#holds(_id, wrapped) && this.documents.delete(_id)).length;
  }

  async ensureIndex(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  async #write(): Promise<void> {
    await this.beforeWrite();
    this.writes += 1;
  }

  #holds(id: string, { kid, ciphertext }: WrappedKey): boolean {
    const wrapped = this.documents.get(id)?.['wrapped'] as WrappedKey | undefined;
    return wrapped?.kid === kid && Buffer.compare(wrapped.ciphertext, ciphertext) === 0;
  }
}

function kidIn(found: FoundTenant): string | undefined {
  const kid = (found['wrapped'] as { readonly kid?: unknown } | undefined)?.kid;
  return typeof kid === 'string' ? kid : undefined;
}
