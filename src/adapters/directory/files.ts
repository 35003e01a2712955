import { type BigIntStats, constants } from 'node:fs';
import fs from 'node:fs/promises';

export type FileKind = 'file' | 'folder' | 'symlink' | 'other';

/** What lstat tells. Inode numbers are bigints: rounded to doubles, two of them could look equal. */
export interface FileStatus {
  readonly kind: FileKind;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly uid: number;
  /** Permission bits alone. */
  readonly mode: number;
  readonly size: number;
  /** Nanoseconds of the last change of bytes or metadata. */
  readonly changed: bigint;
}

export interface OpenFile {
  stat(): Promise<FileStatus>;
  /** From the beginning to the end, or to one byte more than `most`: it may grow meanwhile. */
  read(most: number): Promise<Uint8Array>;
  /** All of the bytes, or it throws. */
  write(bytes: Uint8Array): Promise<void>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The few calls that the store makes, as a port: how else would a disk be full at the fourth write of a test? */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<OpenFile>;
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  lstat(path: string): Promise<FileStatus>;
  readdir(path: string): Promise<readonly string[]>;
}

/** O_NONBLOCK: opening a FIFO that took a file's place since lstat must not wait for a writer. */
export const TO_READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
export const TO_MAKE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
export const FOLDER = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY;

export const nodeFiles: FileSystem = {
  open: async (path, flags, mode) => openFile(path, await fs.open(path, flags, mode)),
  link: (existing, path) => fs.link(existing, path),
  unlink: (path) => fs.unlink(path),
  rename: (from, to) => fs.rename(from, to),
  mkdir: (path, mode) => fs.mkdir(path, { mode }).then(() => undefined),
  rmdir: (path) => fs.rmdir(path),
  chmod: (path, mode) => fs.chmod(path, mode),
  lstat: async (path) => statusOf(await fs.lstat(path, { bigint: true })),
  readdir: (path) => fs.readdir(path),
};

/** Node's errors from an open file do not say which; a message about a full disk should. */
function openFile(path: string, handle: fs.FileHandle): OpenFile {
  const named = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { path }) : error;
    }
  };
  return {
    stat: async () => statusOf(await named(handle.stat({ bigint: true }))),
    read: (most) => named(readUpTo(handle, most + 1)),
    write: (bytes) => named(handle.writeFile(bytes)),
    chmod: (mode) => named(handle.chmod(mode)),
    sync: () => named(handle.sync()),
    close: () => named(handle.close()),
  };
}

async function readUpTo(handle: fs.FileHandle, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let left = length; left > 0; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(left, 65_536)), 0);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return Buffer.concat(chunks);
}

function statusOf(stats: BigIntStats): FileStatus {
  return {
    kind: kindOf(stats),
    dev: stats.dev,
    ino: stats.ino,
    uid: Number(stats.uid),
    mode: Number(stats.mode) & 0o7777,
    size: Number(stats.size),
    changed: stats.ctimeNs,
  };
}

function kindOf(stats: BigIntStats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
