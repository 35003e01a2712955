import { closeSync, constants, fstatSync, openSync, read, type Stats, statSync } from 'node:fs';
import { usageError } from '../../errors.ts';

/** The most that a file of the user may hold, by the name that messages give it. */
const LIMITS = { '1 MB': 1_000_000, '64 MB': 64_000_000, '1 GB': 1_000_000_000 } as const;
type Limit = keyof typeof LIMITS;

export interface ReadOptions {
  readonly limit: Limit;
  /** Ends the wait for a pipe that nobody writes to. */
  readonly signal: AbortSignal;
  /** Makes the error for a file over the limit. */
  readonly tooLarge?: (message: string, hint: string) => Error;
}

const STANDARD_INPUT: readonly string[] = ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'];

const CHUNK_BYTES = 65_536;

/** All of a file; `-` is stdin. Throws USAGE for no file or pipe or too large, as node:fs, and the signal's reason. */
export async function readUserFile(file: string, options: ReadOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of userFileChunks(file, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same piece by piece, so that a large file need not be in memory as a whole. */
export async function* userFileChunks(
  file: string,
  { limit, signal, tooLarge = usageError }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  const most = LIMITS[limit];
  const refusal = (): Error =>
    tooLarge(`${nameOf(file)} is larger than ${limit}, the most that is read`, 'check which file it is');
  let length = 0;
  for await (const chunk of chunksOf(file, most, refusal, signal)) {
    length += chunk.length;
    if (length > most) throw refusal();
    yield chunk;
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function chunksOf(
  file: string,
  most: number,
  refusal: () => Error,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  const isInput = STANDARD_INPUT.includes(file);
  // Looked at before it is opened: to open a device can do something already.
  const seen = isInput ? fstatSync(0) : statSync(file);
  const descriptor = socketDescriptor(file, seen);
  if (isNullDevice(seen)) return [];
  if (!isInput && isSameTerminal(seen)) return standardInput(signal);
  checkKind(nameOf(file), seen, isInput || descriptor !== undefined);
  if (seen.isFile() && seen.size > most) throw refusal();
  if (isInput) return seen.isFile() ? fileChunks(0, signal) : standardInput(signal);
  if (descriptor !== undefined) return pipeChunks(descriptor, signal);
  return opened(file, signal);
}

/** Without O_NONBLOCK, a pipe that has no writer would block a thread of the process, which then could not even exit. */
async function* opened(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const status = fstatSync(fd);
  if (status.isFIFO()) return yield* pipeChunks(fd, signal);
  try {
    checkKind(file, status, false);
    yield* fileChunks(fd, signal);
  } finally {
    closeSync(fd);
  }
}

/** From where the file stands: standard input may have been read in part. */
async function* fileChunks(fd: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = await readChunk(fd);
    signal.throwIfAborted();
    if (chunk.length === 0) return;
    yield chunk;
  }
}

function readChunk(fd: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    read(fd, Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null, (error, length, buffer) => {
      if (error === null) resolve(buffer.subarray(0, length));
      else reject(error);
    });
  });
}

/** A pipe ends when a writer has come and gone. The descriptor is closed with it. */
async function* pipeChunks(fd: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { Socket } = await import('node:net');
  yield* streamChunks(new Socket({ fd, readable: true, writable: false }), signal);
}

async function* standardInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (process.stdin.readableEnded || process.stdin.destroyed) {
    throw usageError('standard input can be read only once', 'name a file for one of the flags that read it');
  }
  yield* streamChunks(process.stdin, signal);
}

async function* streamChunks(stream: NodeJS.ReadStream | import('node:net').Socket, signal: AbortSignal) {
  const end = (): void => void stream.destroy(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of stream) yield chunk as Buffer;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** `/dev/fd/3` that is a socket, as some programs hand over a pipe: it cannot be opened by its name. */
function socketDescriptor(file: string, seen: Stats): number | undefined {
  const [, fd] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(file) ?? [];
  return fd !== undefined && seen.isSocket() ? Number(fd) : undefined;
}

/** `/dev/null` is as good as an empty file: it is what scripts name where there is none. */
function isNullDevice(seen: Stats): boolean {
  return seen.isCharacterDevice() && seen.rdev === statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
}

/** The terminal that standard input is, by its own name. */
function isSameTerminal(seen: Stats): boolean {
  return seen.isCharacterDevice() && process.stdin.isTTY === true && fstatSync(0).rdev === seen.rdev;
}

function checkKind(name: string, seen: Stats, isOpen: boolean): void {
  if (seen.isFile() || seen.isFIFO()) return;
  if (seen.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  if (isOpen && (seen.isSocket() || (seen.isCharacterDevice() && process.stdin.isTTY === true))) return;
  const kind = seen.isSocket() ? 'a socket' : 'a device';
  throw usageError(`${name} is ${kind}: only files and pipes are read`, 'check the path');
}
