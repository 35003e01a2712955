import { PaletteKeysError } from '../../errors.ts';

const MAGIC = Buffer.from('age-encryption.org/v1\n');

/** For thousands of recipients. */
const MAX_HEADER = 1_000_000;

/** Larger than the List of any installation. */
const MAX_PLAIN = 128 * 1024 * 1024;

const HINT = 'name a file that palette-keys backup has written';

/** The header of an age file, and what came along with it. Throws BACKUP_REJECTED as soon as it is no age file. */
export async function readHeader(file: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<{
  readonly head: Uint8Array;
  readonly more: AsyncIterator<Uint8Array>;
}> {
  const more: AsyncIterator<Uint8Array> = pieces(file);
  let head = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await more.next();
    if (done !== true) head = Buffer.concat([head, value]);
    const begins = Math.min(head.length, MAGIC.length);
    if (!head.subarray(0, begins).equals(MAGIC.subarray(0, begins)) || (done === true && begins < MAGIC.length)) {
      await more.return?.(undefined);
      throw rejected('it is not an age file', HINT);
    }
    const last = head.indexOf('\n---');
    if (done === true || (last !== -1 && head.includes('\n', last + 4))) return { head, more };
    if (head.length > MAX_HEADER) {
      await more.return?.(undefined);
      throw rejected('the header of the age file is larger than 1 MB', HINT);
    }
  }
}

/** What is left of a file after its header, with the header before it again. */
export function whole(head: Uint8Array, more: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  let isFirst = true;
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = isFirst ? { value: head, done: false } : await more.next();
      isFirst = false;
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await more.return?.(undefined);
    },
  });
}

/** Throws BACKUP_REJECTED for more than any installation comes to. */
export async function collect(plain: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of plain) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_PLAIN) throw rejected('it holds more than 128 MiB, the most that is read', HINT);
  }
  const all = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return all;
}

export function rejected(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('BACKUP_REJECTED', `the backup cannot be opened: ${message}`, { hint });
}

async function* pieces(file: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* file;
}
