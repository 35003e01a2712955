import {
  type AnyBulkWriteOperation,
  type Collection,
  type Filter,
  type FindCursor,
  MongoBulkWriteError,
  type MongoClient,
} from 'mongodb';
import { PaletteKeysError } from '../../errors.ts';
import {
  DAMAGE,
  type FoundTenant,
  type Replacement,
  type TenantCopy,
  type TenantDocument,
  type TenantStore,
  type WrappedKey,
} from '../../ports/tenant-store.ts';
import { type Connection, connectTo, hostsOf, makeClient, withAuthSource } from './connect.ts';
import { decode, decodeLeniently } from './decode.ts';
import { explain } from './explain.ts';
import { toExtendedJson } from './extended-json.ts';
import { onOnePrimary } from './primary.ts';
import { lookUpServers } from './srv.ts';

export interface TenantStoreOptions extends Connection {
  readonly database: string;
  readonly collection: string;
}

/** Documents of one answer of the server. */
const BATCH = 250;
const DUPLICATE_KEY = 11_000;

/** Connects. Throws USAGE, DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function openMongodbTenantStore(options: TenantStoreOptions): Promise<TenantStore> {
  const { uri, database, collection, withinMs } = options;
  const client = makeClient(await withAuthSource(options));
  const location = `MongoDB at ${hostsOf(uri)}, ${database}.${collection}`;
  const close = (): Promise<void> => client.close().catch(() => undefined);
  // What is still under way when the time is over fails with the connection.
  const deadline = withinMs === undefined ? undefined : setTimeout(close, withinMs).unref();
  try {
    if (withinMs !== undefined) await lookUpServers(uri, withinMs);
    const documents = (await connectTo(client, database)).collection<TenantDocument>(collection);
    return new MongodbTenantStore(client, documents, location);
  } catch (error) {
    clearTimeout(deadline);
    await close();
    throw explain(error, location);
  }
}

class MongodbTenantStore implements TenantStore {
  readonly location: string;
  readonly #client: MongoClient;
  readonly #documents: Collection<TenantDocument>;

  constructor(client: MongoClient, documents: Collection<TenantDocument>, location: string) {
    this.#client = client;
    this.#documents = documents;
    this.location = location;
  }

  scan(kids?: readonly string[]): AsyncGenerator<readonly FoundTenant[]> {
    const filter: Filter<TenantDocument> = kids === undefined ? {} : { 'wrapped.kid': { $in: [...kids] } };
    return this.#batches(this.#documents.find<Uint8Array>(filter, { batchSize: BATCH, raw: true }));
  }

  scanInOrder(): AsyncGenerator<readonly FoundTenant[]> {
    return this.#batches(this.#documents.find<Uint8Array>({}, { batchSize: BATCH, raw: true, sort: { _id: 1 } }));
  }

  #batches(cursor: FindCursor<Uint8Array>): AsyncGenerator<readonly FoundTenant[]> {
    return onOnePrimary(this.#client, this.location, batchesOf(cursor));
  }

  async get(ids: readonly string[]): Promise<readonly FoundTenant[]> {
    // Text beside the tenant key may be anything: what is asked for here is removed without a look at it.
    return (await this.#bytesOf(ids)).map(decodeLeniently);
  }

  async copies(ids: readonly string[]): Promise<readonly TenantCopy[]> {
    return (await this.#bytesOf(ids)).map((bytes) => ({
      found: decodeLeniently(bytes),
      extendedJson: toExtendedJson(bytes),
    }));
  }

  #bytesOf(ids: readonly string[]): Promise<readonly Uint8Array[]> {
    const cursor = this.#documents.find<Uint8Array>({ _id: { $in: [...ids] } }, { raw: true });
    return this.#try(() => cursor.toArray());
  }

  async countByKid(): Promise<ReadonlyMap<string | undefined, number>> {
    const group = { $group: { _id: '$wrapped.kid', count: { $sum: 1 } } };
    const counts = new Map<string | undefined, number>();
    const groups = this.#documents.aggregate<Uint8Array>([group], { raw: true });
    for await (const bytes of onOnePrimary(this.#client, this.location, groups)) {
      const { _id, count, [DAMAGE]: damage } = decode(bytes);
      const kid = typeof _id === 'string' && damage === undefined ? _id : undefined;
      counts.set(kid, (counts.get(kid) ?? 0) + Number(count));
    }
    return counts;
  }

  async add(documents: readonly TenantDocument[]): Promise<readonly string[]> {
    if (documents.length === 0) return [];
    return this.#try(async () => {
      try {
        await this.#documents.insertMany(
          documents.map((document) => ({ ...document })),
          { ordered: false },
        );
        return [];
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) throw error;
        const failed = [error.writeErrors].flat();
        if (failed.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
        return await this.#present(failed.flatMap(({ index }) => documents[index]?._id ?? []));
      }
    });
  }

  /** The ids, all of which have to be there: another unique index refuses a document by the same code. */
  async #present(ids: readonly string[]): Promise<readonly string[]> {
    const found = await this.#documents.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    if (found.length === new Set(ids).size) return ids;
    throw new PaletteKeysError(
      'DATABASE_UNAVAILABLE',
      `${this.location}: a unique index of the collection, other than that of _id, does not take a document`,
      { hint: 'look at the indexes of the collection: db.COLLECTION.getIndexes() in mongosh' },
    );
  }

  async replace(changes: readonly Replacement[]): Promise<number> {
    const operations = changes.map(
      ({ id, before, after, at }): AnyBulkWriteOperation<TenantDocument> => ({
        updateOne: { filter: stillHolding(id, before), update: { $set: { wrapped: after, rewrappedAt: at } } },
      }),
    );
    if (operations.length === 0) return 0;
    return (await this.#try(() => this.#documents.bulkWrite(operations, { ordered: false }))).matchedCount;
  }

  async remove(documents: readonly TenantDocument[]): Promise<number> {
    const operations = documents.map(
      ({ _id, wrapped }): AnyBulkWriteOperation<TenantDocument> => ({
        deleteOne: { filter: stillHolding(_id, wrapped) },
      }),
    );
    if (operations.length === 0) return 0;
    return (await this.#try(() => this.#documents.bulkWrite(operations, { ordered: false }))).deletedCount;
  }

  async ensureIndex(): Promise<void> {
    await this.#try(() => this.#documents.createIndex({ 'wrapped.kid': 1 }));
  }

  async close(): Promise<void> {
    await this.#client.close().catch(() => undefined);
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explain(error, this.location);
    }
  }
}

async function* batchesOf(cursor: FindCursor<Uint8Array>): AsyncGenerator<readonly FoundTenant[]> {
  try {
    while (await cursor.hasNext()) yield cursor.readBufferedDocuments().map(decode);
  } finally {
    await cursor.close().catch(() => undefined);
  }
}

function stillHolding(id: string, { kid, ciphertext }: WrappedKey): Filter<TenantDocument> {
  return { _id: id, 'wrapped.kid': kid, 'wrapped.ciphertext': ciphertext };
}
