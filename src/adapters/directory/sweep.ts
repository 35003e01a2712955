import { ifThere } from './failures.ts';
import { inside, LOCK, type Place } from './layout.ts';
import { readLock } from './lock/lock-file.ts';
import { fateOf, type Origin } from './lock/process-identity.ts';
import { deleteTemp, parseTempName, shortened } from './temp-file.ts';

/**
 * Deletes the temp files that runs left, here or on another machine. Needs the lock: only who has it writes objects. In
 * the root, a process that waits for the lock has a temp file too: one that may be alive keeps it.
 */
export async function sweepTemps(place: Place, paths: readonly string[]): Promise<void> {
  for (const path of paths) if (await isAbandoned(place, path, [])) await deleteTemp(place, path);
}

/** The processes whose temp files are about to get their names: whoever has the lock, unless it is dead. */
export async function ownersAtWork(place: Place): Promise<readonly Origin[]> {
  const lock = await readLock(place, inside(place.root, LOCK));
  if (lock === undefined || lock === 'unreadable') return [];
  const isDead = fateOf(lock.origin, place.self.origin, place.self.lookUp) === 'gone';
  return isDead ? [] : [shortened(lock.origin)];
}

/** True of a temp file that nobody is about to give its name. */
export async function isAbandoned(place: Place, path: string, atWork: readonly Origin[]): Promise<boolean> {
  const origin = parseTempName(path.slice(path.lastIndexOf('/') + 1));
  if (origin === undefined || atWork.some((other) => isSame(other, origin))) return false;
  if (path.slice(0, path.lastIndexOf('/') + 1) !== inside(place.root, '')) return true;
  const fate = fateOf(origin, shortened(place.self.origin), place.self.lookUp);
  if (fate !== 'unknown') return fate === 'gone';
  // Where one cannot look, what is no lock, nor may become one, was left.
  const status = await ifThere(place.files.lstat(path));
  return status !== undefined && status.size > 0 && (await readLock(place, path)) === 'unreadable';
}

function isSame(a: Origin, b: Origin): boolean {
  return (
    a.host === b.host &&
    a.bootId === b.bootId &&
    a.pidNamespace === b.pidNamespace &&
    a.pid === b.pid &&
    a.start === b.start
  );
}
