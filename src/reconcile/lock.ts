import { PaletteKeysError } from '../errors.ts';
import { formatTime } from '../ledger/entry.ts';
import type { Lock } from '../ports/key-store.ts';
import { StoreChangedError } from './errors.ts';
import type { ApplyPorts } from './ports.ts';

type LockPorts = Pick<ApplyPorts, 'store' | 'actor' | 'clock'>;

/** Does work while no other run can take the lock of the store. */
export async function withLock<T>(ports: LockPorts, work: () => Promise<T>, take = lockNow): Promise<T> {
  const lock = await take(ports);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

export function lockNow({ store, actor, clock }: LockPorts): Promise<Lock> {
  return store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
}

/** Does work again where others changed the store under it, which a lock does not rule out: `kubectl` takes none. */
export async function retryOnChange<T>(attempts: number, work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof StoreChangedError)) throw error;
    }
  }
  throw new PaletteKeysError('CONFLICT', 'other runs kept changing the installation', {
    hint: 'wait until they are done, and run the command again',
  });
}
