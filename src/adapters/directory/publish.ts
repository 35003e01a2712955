import { PaletteKeysError } from '../../errors.ts';
import { errno, isMissing } from './failures.ts';
import type { Place } from './layout.ts';
import { deleteTemp, discardAfter, isThere, type TempFile, writeTemp } from './temp-file.ts';

/** What link(2) answers where a file cannot have two names (FAT, some network and overlay file systems). */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** How often another run, which has the lock by now, may delete our temp file before it got its name. */
const TRIES = 3;

/** Makes a file, whole or not at all; false: the name is taken. It survives a power cut once the folder is synced. */
export async function publish(place: Place, folder: string, path: string, bytes: Uint8Array): Promise<boolean> {
  for (let left = TRIES; ; left -= 1) {
    const temp = await writeTemp(place, folder, bytes);
    let isOurs: boolean;
    try {
      isOurs = await linkUnlessTaken(place, temp, path);
    } catch (error) {
      const isSwept = isMissing(error) && !(await isThere(place, temp.path));
      if (isSwept && left > 1) continue;
      throw isSwept ? swept(place, error) : await discardAfter(error, place, temp.path);
    }
    await deleteTemp(place, temp.path);
    return isOurs;
  }
}

/** Names the file by link(2), which never replaces. False: the name is taken. The caller discards the temp name. */
export async function linkUnlessTaken(place: Place, temp: TempFile, path: string): Promise<boolean> {
  try {
    await place.files.link(temp.path, path);
    return true;
  } catch (error) {
    // open(2), O_EXCL: over NFS the answer to a link that was made may get lost, and the repetition says EEXIST.
    if (await isAlready(place, temp, path)) return true;
    if (errno(error) === 'EEXIST') return false;
    if (NO_LINKS.has(errno(error))) throw linkUnsupported(place, error);
    throw error;
  }
}

/** Puts the file in the place of another one; readers see either the one or the other. Only safe under a lock. */
export async function renameOver(place: Place, temp: TempFile, path: string): Promise<void> {
  try {
    await place.files.rename(temp.path, path);
  } catch (error) {
    if (!(await isAlready(place, temp, path))) throw error;
  }
}

async function isAlready(place: Place, temp: TempFile, path: string): Promise<boolean> {
  try {
    const there = await place.files.lstat(path);
    return there.dev === temp.dev && there.ino === temp.ino;
  } catch {
    return false;
  }
}

function swept(place: Place, cause: unknown): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${place.root}: another run deleted what this one was writing`, {
    hint: 'let no two runs work on the folder at a time, then run the command again: it goes on where it stopped',
    cause,
  });
}

function linkUnsupported(place: Place, cause: unknown): PaletteKeysError {
  return new PaletteKeysError(
    'LINK_UNSUPPORTED',
    `${place.root}: the file system has no hard links (${errno(cause)}), on which the safety of concurrent runs rests`,
    { hint: 'give --dir a folder on a file system that has them (ext4, XFS, Btrfs, ZFS, tmpfs, APFS, NFS)', cause },
  );
}
