/**
 * One collection in memory, for numbers of documents that FerretDB is too slow for: answers the commands that
 * src/adapters/mongodb/tenant-store.ts sends, and refuses all others, whatever the database. A document is kept as its
 * BSON, so that a million take about 1 GiB. One command at a time takes effect, so updates are compare-and-swap. It
 * follows MongoDB's documentation; it is not MongoDB.
 */
import { Binary, BSON, Long } from 'mongodb';
import { type Command, failed } from './fake-server.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Stored {
  readonly kid: string | undefined;
  readonly bytes: Uint8Array;
}

interface Delete {
  readonly q: Fields;
  readonly limit: number;
}

interface Update {
  readonly q: Fields;
  readonly u: { readonly $set: Fields };
}

/** Of a first batch where nobody asked for another number; no batch is much larger than so many bytes. */
const BATCH = 101;
const BATCH_BYTES = 4 << 20;
const BAD_VALUE = 2;
const DUPLICATE_KEY = 11_000;

export class FakeCollection {
  readonly #documents = new Map<unknown, Stored>();
  readonly #counts = new Map<string | undefined, number>();
  readonly #cursors = new Map<string, Iterator<Stored>>();
  #lastCursor = 0;

  /** The reply to a command. */
  answer(command: Command): object {
    try {
      if ('insert' in command) return this.#insert(command['documents'] as readonly Fields[]);
      if ('find' in command) return this.#find(command);
      if ('getMore' in command) return this.#getMore(command);
      if ('killCursors' in command) return this.#killCursors(command['cursors'] as readonly unknown[]);
      if ('update' in command) return this.#update(command['updates'] as readonly Update[]);
      if ('delete' in command) return this.#delete(command['deletes'] as readonly Delete[]);
      if ('aggregate' in command) return this.#count(command);
      if ('createIndexes' in command) return {};
      return failed(59, 'no such command');
    } catch (error) {
      if (error instanceof UnknownToFake) return failed(BAD_VALUE, error.message);
      throw error;
    }
  }

  #insert(documents: readonly Fields[]): object {
    const writeErrors: object[] = [];
    for (const [index, document] of documents.entries()) {
      if (this.#documents.has(document['_id'])) writeErrors.push({ index, code: DUPLICATE_KEY, errmsg: 'E11000' });
      else this.#put(document);
    }
    return { n: documents.length - writeErrors.length, ...(writeErrors.length === 0 ? {} : { writeErrors }) };
  }

  #find({ filter, sort, batchSize }: Command): object {
    const id = String(++this.#lastCursor);
    const wanted = (filter ?? {}) as Fields;
    this.#cursors.set(id, sort === undefined ? this.#select(wanted) : this.#inOrder(wanted, sort));
    return this.#next(id, 'firstBatch', Number(batchSize ?? BATCH));
  }

  #getMore({ getMore, batchSize }: Command): object {
    const id = String(getMore);
    if (!this.#cursors.has(id)) return failed(43, `cursor id ${id} not found`);
    return this.#next(id, 'nextBatch', Number(batchSize ?? Number.MAX_SAFE_INTEGER));
  }

  #killCursors(cursors: readonly unknown[]): object {
    return { cursorsKilled: cursors.filter((id) => this.#cursors.delete(String(id))), cursorsNotFound: [] };
  }

  /** The next documents of a cursor, which is gone when it has no more. */
  #next(id: string, name: string, size: number): Uint8Array {
    const batch: Uint8Array[] = [];
    for (let bytes = 0; batch.length < size && bytes < BATCH_BYTES; bytes += batch.at(-1)?.length ?? 0) {
      const { done, value } = this.#cursors.get(id)?.next() ?? { done: true };
      if (done !== true) batch.push(value.bytes);
      else {
        this.#cursors.delete(id);
        return cursorReply(Long.ZERO, name, batch);
      }
    }
    return cursorReply(Long.fromString(id), name, batch);
  }

  /** By the index of `_id`. */
  *#inOrder(filter: Fields, sort: unknown): Generator<Stored> {
    if (Object.keys(filter).length > 0 || JSON.stringify(sort) !== '{"_id":1}') throw new UnknownToFake('sort');
    const ids = Array.from(this.#documents.keys(), (id) => ({ id, bytes: Buffer.from(String(id)) }));
    for (const { id } of ids.sort((a, b) => Buffer.compare(a.bytes, b.bytes))) {
      const stored = this.#documents.get(id);
      if (stored !== undefined) yield stored;
    }
  }

  /** Lazily, so that a cursor sees what changes before it gets there, as MongoDB's do. */
  *#select(filter: Fields): Generator<Stored> {
    const [name, ...others] = Object.keys(filter);
    const wanted = name === undefined ? undefined : (filter[name] as { readonly $in?: readonly unknown[] }).$in;
    if (name === undefined) yield* this.#documents.values();
    else if (others.length > 0 || wanted === undefined) throw new UnknownToFake('filter');
    else if (name === '_id')
      for (const id of wanted) yield* [this.#documents.get(id)].filter((found) => found !== undefined);
    else if (name === 'wrapped.kid') {
      const kids = new Set(wanted);
      for (const stored of this.#documents.values()) if (kids.has(stored.kid)) yield stored;
    } else throw new UnknownToFake('filter');
  }

  #update(updates: readonly Update[]): object {
    let n = 0;
    for (const { q, u } of updates) {
      if (Object.keys(u).join() !== '$set') throw new UnknownToFake('update');
      const before = this.#holding(q);
      if (before === undefined) continue;
      this.#put({ ...before, ...u.$set });
      n += 1;
    }
    return { n, nModified: n };
  }

  #delete(deletes: readonly Delete[]): object {
    const before = this.#documents.size;
    for (const { q, limit } of deletes) {
      if (limit === 0 && Object.keys(q).length === 0) {
        this.#documents.clear();
        this.#counts.clear();
      } else if (this.#holding(q) !== undefined) this.#take(q['_id']);
    }
    return { n: before - this.#documents.size };
  }

  /** The document that still holds the wrapped key that was read. */
  #holding(q: Fields): Fields | undefined {
    if (Object.keys(q).join() !== '_id,wrapped.kid,wrapped.ciphertext') throw new UnknownToFake('filter');
    const stored = this.#documents.get(q['_id']);
    if (stored === undefined || stored.kid !== q['wrapped.kid']) return undefined;
    const document = BSON.deserialize(stored.bytes);
    const [there, asked] = [document['wrapped'].ciphertext, q['wrapped.ciphertext']];
    const same =
      there instanceof Binary && asked instanceof Binary && Buffer.compare(there.value(), asked.value()) === 0;
    return same ? document : undefined;
  }

  #count({ pipeline }: Command): object {
    const [stage, ...others] = pipeline as readonly { readonly $group?: Fields }[];
    const { _id, ...sums } = stage?.$group ?? {};
    const [name] = Object.keys(sums);
    if (others.length > 0 || _id !== '$wrapped.kid' || name === undefined) throw new UnknownToFake('pipeline');
    const groups = [...this.#counts].map(([kid, count]) => BSON.serialize({ _id: kid ?? null, [name]: count }));
    return cursorReply(Long.ZERO, 'firstBatch', groups);
  }

  #put(document: Fields): void {
    const { _id } = document;
    const kid = (document['wrapped'] as Fields | undefined)?.['kid'];
    const stored = { kid: typeof kid === 'string' ? kid : undefined, bytes: BSON.serialize(document) };
    this.#tally(this.#documents.get(_id), -1);
    this.#documents.set(_id, stored);
    this.#tally(stored, 1);
  }

  #take(id: unknown): void {
    this.#tally(this.#documents.get(id), -1);
    this.#documents.delete(id);
  }

  #tally(stored: Stored | undefined, change: number): void {
    if (stored === undefined) return;
    const count = (this.#counts.get(stored.kid) ?? 0) + change;
    if (count === 0) this.#counts.delete(stored.kid);
    else this.#counts.set(stored.kid, count);
  }
}

/** Something that the program did not send when this was written: to be added here, not to be guessed at. */
class UnknownToFake extends Error {}

/** `{ cursor: { id, ns, [name]: documents }, ok: 1 }`, without decoding the documents (bsonspec.org, version 1.1). */
function cursorReply(id: Long, name: string, documents: readonly Uint8Array[]): Uint8Array {
  const batch = documentOf(documents.flatMap((document, index) => element(0x03, String(index), document)));
  const cursor = documentOf([fields({ id, ns: 'fake.collection' }), ...element(0x04, name, batch)]);
  return documentOf([...element(0x03, 'cursor', cursor), fields({ ok: 1 })]);
}

function documentOf(elements: readonly Uint8Array[]): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeInt32LE(elements.reduce((sum, { length }) => sum + length, 5));
  return Buffer.concat([size, ...elements, Buffer.alloc(1)]);
}

function element(type: number, name: string, value: Uint8Array): readonly Uint8Array[] {
  return [Buffer.from(`${String.fromCharCode(type)}${name}\0`), value];
}

function fields(values: Fields): Uint8Array {
  return BSON.serialize(values).subarray(4, -1);
}
