import { sha256Hex } from '../../crypto/digest.ts';
import { errno, ifThere } from './failures.ts';
import { TO_MAKE } from './files.ts';
import { FILE_MODE, inside, type Place } from './layout.ts';
import { fateOf, type Origin } from './process-identity.ts';

/** A file, whole and on disk, that has no name yet that anybody looks at. */
export interface TempFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

let counter = 0;

/** Writes the bytes beside where they will stand. What fails leaves nothing behind. */
export async function writeTemp(place: Place, folder: string, bytes: Uint8Array): Promise<TempFile> {
  const { files } = place;
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
    await files.unlink(path).catch(() => undefined);
    throw error;
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
      await place.files.unlink(path).catch(() => undefined);
      throw error;
    }
  }
}

/** Best effort: a left-over is cleaned up by the first run that takes the lock after this process has ended. */
export async function discard(place: Place, temp: TempFile): Promise<void> {
  await place.files.unlink(temp.path).catch(() => undefined);
}

/** Deletes what dead processes left; a living one is about to link its own. Needs the lock. */
export async function sweepTemps(place: Place, paths: readonly string[]): Promise<void> {
  const here = shortened(place.self.origin);
  for (const path of paths) {
    const origin = parseTempName(path.slice(path.lastIndexOf('/') + 1));
    if (origin === undefined || fateOf(origin, here, place.self.lookUp) !== 'gone') continue;
    await ifThere(place.files.unlink(path));
  }
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
function shortened(origin: Origin): Origin {
  const digest = (text: string): string => sha256Hex(new TextEncoder().encode(text)).slice(0, 8);
  return {
    ...origin,
    host: digest(origin.host),
    bootId: origin.bootId === undefined ? undefined : digest(origin.bootId),
    pidNamespace: origin.pidNamespace?.replace(/\D/g, ''),
  };
}
