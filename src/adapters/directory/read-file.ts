import { sha256Hex } from '../../crypto/digest.ts';
import { errno, ifThere } from './failures.ts';
import { type FileStatus, type OpenFile, TO_READ } from './files.ts';
import { MAX_BYTES, type Place } from './layout.ts';
import { assertSafe, offencesOf, unsafe } from './safety.ts';

/** `reason`: why there are no bytes to be had, although something stands there. */
export type FileContent =
  | { readonly bytes: Uint8Array; readonly version: string }
  | { readonly bytes: undefined; readonly reason: string; readonly version: string };

/** undefined: nothing of that name. */
export async function readContent(place: Place, path: string): Promise<FileContent | undefined> {
  const seen = await ifThere(place.files.lstat(path));
  if (seen === undefined) return undefined;
  assertSafe(place, path, seen);
  // Never opened: a FIFO would block, and a device may do anything.
  if (seen.kind !== 'file') return without('is not a regular file', seen);
  const handle = await openToRead(place, path);
  if (handle === undefined) return undefined;
  try {
    const status = await handle.stat();
    assertSafe(place, path, status);
    if (status.kind !== 'file') return without('is not a regular file', status);
    if (status.size > MAX_BYTES) return without('is larger than 1.5 MiB', status);
    const bytes = await handle.read(MAX_BYTES);
    return bytes.length > MAX_BYTES ? without('is larger than 1.5 MiB', status) : { bytes, version: versionOf(bytes) };
  } finally {
    await handle.close();
  }
}

export function versionOf(bytes: Uint8Array): string {
  return sha256Hex(bytes);
}

/** A small file of ours; without text: it can be none. undefined: not there. */
export async function readSmallFile(
  place: Place,
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string | undefined } | undefined> {
  const seen = await ifThere(place.files.lstat(path));
  if (seen === undefined) return undefined;
  if (seen.kind !== 'file') return { text: undefined };
  const handle = await openToRead(place, path);
  if (handle === undefined) return undefined;
  try {
    const { kind } = await handle.stat();
    const bytes = kind === 'file' ? await handle.read(maxBytes) : undefined;
    return { text: bytes === undefined || bytes.length > maxBytes ? undefined : new TextDecoder().decode(bytes) };
  } finally {
    await handle.close();
  }
}

async function openToRead(place: Place, path: string): Promise<OpenFile | undefined> {
  try {
    return await ifThere(place.files.open(path, TO_READ));
  } catch (error) {
    // O_NOFOLLOW: a symlink took its place since lstat.
    if (errno(error) === 'ELOOP') throw unsafe(place, offencesOf(place, path, await place.files.lstat(path)));
    throw error;
  }
}

/** There are no bytes to hash (or too many), so the file's identity and time of change tell whether it is the same. */
function without(reason: string, { dev, ino, size, changed }: FileStatus): FileContent {
  return { bytes: undefined, reason, version: `unread-${dev}-${ino}-${size}-${changed}` };
}
