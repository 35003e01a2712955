import { PaletteKeysError } from '../../errors.ts';
import { errno, ifThere, isMissing } from './failures.ts';
import type { FolderSync } from './folder-sync.ts';
import { makeFolder } from './folders.ts';
import { GITIGNORE, inside, type Place } from './layout.ts';
import { sweepGuards } from './lock/lock.ts';
import { publish } from './publish.ts';
import { IGNORE_ALL } from './recognise.ts';
import { survey } from './survey.ts';
import { sweepTemps } from './sweep.ts';

/** Makes this one folder: a mistyped mount point must not appear on the wrong disk. Returns how to undo it. */
export async function makeRoot(place: Place): Promise<() => Promise<void>> {
  const { root, files } = place;
  let made = false;
  const undo = async (): Promise<void> => {
    // Refused where somebody put something into it.
    if (made) await files.rmdir(root).catch(() => undefined);
  };
  try {
    await makeFolder(place, root, () => {
      made = true;
    });
  } catch (error) {
    await undo();
    throw isMissing(error) ? parentMissing(root, error) : error;
  }
  return undo;
}

/** What is done once the lock is held: whatever an earlier run left half done is brought to an end. */
export async function prepare(place: Place, sync: FolderSync): Promise<void> {
  const found = await survey(place);
  if (found === undefined) throw deletedMeanwhile(place.root);
  await sweepTemps(place, found.temps);
  await sweepGuards(place, found.guards);
  await writeGitignore(place);
  // An earlier run may have been killed between a link and its fsync. What this run builds on must survive a power cut.
  await Promise.all([syncParent(place.root, sync), ...found.folders.map((folder) => sync.sync(folder))]);
}

/** A .gitignore that says something else is somebody's; it stays. */
async function writeGitignore(place: Place): Promise<void> {
  const path = inside(place.root, GITIGNORE);
  if ((await ifThere(place.files.lstat(path))) !== undefined) return;
  await publish(place, place.root, path, new TextEncoder().encode(IGNORE_ALL));
}

/** The folder above is not ours, and we may not be allowed to open it; then the name is as durable as we can make it. */
async function syncParent(root: string, sync: FolderSync): Promise<void> {
  try {
    await sync.sync(inside(root, '..'));
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errno(error) ?? '')) throw error;
  }
}

function parentMissing(root: string, cause: unknown): PaletteKeysError {
  return new PaletteKeysError('STORE_UNAVAILABLE', `${root}: the folder that it is to be made in is not there`, {
    hint: 'check the path, and that the disk is mounted; or make the folder above it yourself',
    cause,
  });
}

function deletedMeanwhile(root: string): PaletteKeysError {
  return new PaletteKeysError('STORE_UNAVAILABLE', `${root}: was deleted meanwhile`, {
    hint: 'run the command again',
  });
}
