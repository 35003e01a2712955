import { randomBytes } from 'node:crypto';
import { PaletteKeysError } from '../../../errors.ts';
import type { LockHolder } from '../../../ports/key-store.ts';
import { ifThere } from '../failures.ts';
import { inside, LOCK, type Place } from '../layout.ts';
import { linkUnlessTaken, renameOver } from '../publish.ts';
import { quoted } from '../safety.ts';
import { discardQuietly, type TempFile, writeTemp } from '../temp-file.ts';
import { formatLock, guardName, type LockRecord, readLock } from './lock-file.ts';
import { type Fate, fateOf } from './process-identity.ts';

export interface Claim {
  readonly path: string;
  readonly nonce: string;
}

export function acquireLock(place: Place, holder: LockHolder): Promise<Claim> {
  return acquire(place, inside(place.root, LOCK), holder);
}

/** How often one may find that the lock changed hands meanwhile; each time, somebody else got on. */
const TRIES = 100;

async function acquire(place: Place, path: string, holder: LockHolder): Promise<Claim> {
  const claim: Claim = { path, nonce: randomBytes(16).toString('hex') };
  const temp = await writeTemp(
    place,
    place.root,
    formatLock({ origin: place.self.origin, holder, nonce: claim.nonce }),
  );
  try {
    for (let n = 0; n < TRIES; n += 1) {
      if (await linkUnlessTaken(place, temp, path)) return claim;
      const there = await readLock(place, path);
      if (there === undefined) continue;
      if (there === 'unreadable') throw unreadable(path);
      const fate = fateOf(there.origin, place.self.origin, place.self.lookUp);
      if (fate !== 'gone') throw held(place, path, there, fate);
      if (await takeOver(place, path, there.nonce, temp, holder)) return claim;
    }
  } finally {
    await discardQuietly(place, temp);
  }
  throw new PaletteKeysError('LOCK_HELD', `${place.root}: the lock keeps changing hands`, {
    hint: 'many runs are at work on this folder: run the command again later',
  });
}

/**
 * Replaces a dead lock by ours; false: it is not the same dead lock any more, try again.
 *
 * To delete it and then make one's own would let two in: between one's look and one's deletion, another may have done
 * both. So the dead lock stays until ours is renamed over it, and only who holds its guard may do that. The guard is
 * named after the dead lock's nonce, hence no other lock's; while we live and hold it, nobody else replaces this one,
 * so that the second look stays true. If we die here, the guard is dead too and is taken over by the same rules. A guard
 * that is left over guards nothing: its nonce never comes back.
 */
async function takeOver(
  place: Place,
  path: string,
  nonce: string,
  temp: TempFile,
  holder: LockHolder,
): Promise<boolean> {
  const guard = await acquire(place, inside(place.root, guardName(nonce)), holder);
  try {
    if ((await nonceAt(place, path)) !== nonce) return false;
    await renameOver(place, temp, path);
    return true;
  } finally {
    await releaseClaim(place, guard);
  }
}

export async function isStillOurs(place: Place, claim: Claim): Promise<boolean> {
  return (await nonceAt(place, claim.path)) === claim.nonce;
}

/** Never throws: what is left behind is taken over once this process has ended. */
export async function releaseClaim(place: Place, claim: Claim): Promise<void> {
  try {
    if (await isStillOurs(place, claim)) await place.files.unlink(claim.path);
  } catch {
    // See above.
  }
}

/** Deletes the guards that nobody alive holds. Needs the lock: while we hold it, no guard there is of any use. */
export async function sweepGuards(place: Place, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const there = await readLock(place, path);
    if (there === undefined) continue;
    const isDead = there === 'unreadable' || fateOf(there.origin, place.self.origin, place.self.lookUp) === 'gone';
    if (isDead) await ifThere(place.files.unlink(path));
  }
}

async function nonceAt(place: Place, path: string): Promise<string | undefined> {
  const there = await readLock(place, path);
  return there === 'unreadable' ? undefined : there?.nonce;
}

function held(place: Place, path: string, { origin, holder }: LockRecord, fate: Fate): PaletteKeysError {
  const who = `'${holder.command}' by ${holder.user}, process ${origin.pid} on ${origin.host}, since ${holder.since}`;
  const hint =
    fate === 'unknown'
      ? `from here one cannot see whether that process still runs; wait for it, or, if you are sure that it does not: rm ${quoted(path)}`
      : `wait until it has finished (ps -p ${origin.pid}), then run the command again`;
  return new PaletteKeysError('LOCK_HELD', `${place.root} is locked: ${who}`.replace(/\p{Cc}/gu, ' '), { hint });
}

function unreadable(path: string): PaletteKeysError {
  return new PaletteKeysError('LOCK_HELD', `${path}: the lock is there, but does not say who holds it`, {
    hint: `if you are sure that no palette-keys is running on this folder: rm ${quoted(path)}`,
  });
}
