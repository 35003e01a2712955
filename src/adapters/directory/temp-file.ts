import { sha256Hex } from '../../crypto/digest.ts';
import { alsoLeft, errno, ifThere, notDeleted } from './failures.ts';
import { TO_MAKE } from './files.ts';
import { FILE_MODE, inside, type Place } from './layout.ts';
import type { Origin } from './lock/process-identity.ts';

export interface TempFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

let counter = 0;

/** Writes the bytes beside where they will stand. What fails leaves nothing behind. */
export async function writeTemp(place: Place, folder: string, bytes: Uint8Array): Promise<TempFile> {
  const [path, handle] = await openNew(place, folder);
  try {
    try {
      await handle.write(bytes);
      const status = await handle.stat();
      // The umask may have taken bits away.
      if (status.mode !== FILE_MODE) await handle.chmod(FILE_MODE);
      // Before it gets its name: after a power cut a name must never lead to half a file.
      await handle.sync();
      return { path, dev: status.dev, ino: status.ino };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw await discardAfter(error, place, path);
  }
}

async function openNew(place: Place, folder: string) {
  for (;;) {
    counter += 1;
    const path = inside(folder, tempName(place.self.origin, counter));
    try {
      return [path, await place.files.open(path, TO_MAKE, FILE_MODE)] as const;
    } catch (error) {
      // Without /proc a dead process with our pid may have left one of that name: try the next number.
      if (errno(error) === 'EEXIST') continue;
      throw await discardAfter(error, place, path);
    }
  }
}

/** Deletes a temp file, which may hold a key: that it is still there is never passed over. */
export async function deleteTemp(place: Place, path: string): Promise<void> {
  try {
    await ifThere(place.files.unlink(path));
  } catch (error) {
    // Over NFS the answer to an unlink that was done may get lost.
    if ((await isThere(place, path)) !== false) throw notDeleted(error, path);
  }
}

/** For a temp file without a key, as a lock's: if it stays, the next run deletes it. */
export async function discardQuietly(place: Place, { path }: TempFile): Promise<void> {
  await place.files.unlink(path).catch(() => undefined);
}

/** Deletes the temp file of a write that has failed. Returns the failure, which names the file if it is still there. */
export async function discardAfter(error: unknown, place: Place, path: string): Promise<unknown> {
  return deleteTemp(place, path).then(
    () => error,
    () => alsoLeft(error, path),
  );
}

/** False only where it is certain. */
export async function isThere(place: Place, path: string): Promise<boolean> {
  return ifThere(place.files.lstat(path)).then(
    (status) => status !== undefined,
    () => true,
  );
}

const TEMP_NAME = /^\.palette-keys\.([0-9a-f]{8})\.([0-9a-f]{8}|-)\.(\d+|-)\.(\d+)\.(\d+|-)\.\d+\.tmp$/;

function tempName(origin: Origin, n: number): string {
  const { host, bootId, pidNamespace, pid, start } = shortened(origin);
  return `.palette-keys.${host}.${bootId ?? '-'}.${pidNamespace ?? '-'}.${pid}.${start ?? '-'}.${n}.tmp`;
}

/** The name carries its process, because a file that was cut off while being written can carry nothing else. */
export function parseTempName(name: string): Origin | undefined {
  const match = TEMP_NAME.exec(name);
  if (match === null) return undefined;
  const [host = '', bootId, pidNamespace, pid, start] = match.slice(1).map((part) => (part === '-' ? undefined : part));
  return { host, bootId, pidNamespace, pid: Number(pid), start };
}

/** As far as it fits into a file name. */
export function shortened(origin: Origin): Origin {
  const digest = (text: string): string => sha256Hex(new TextEncoder().encode(text)).slice(0, 8);
  return {
    ...origin,
    host: digest(origin.host),
    bootId: origin.bootId === undefined ? undefined : digest(origin.bootId),
    pidNamespace: origin.pidNamespace?.replace(/\D/g, ''),
  };
}
