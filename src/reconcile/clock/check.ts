import { PaletteKeysError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import { type ClockDoubt, judgeClock } from '../plan/judge-clock.ts';

const SET_IT = 'set the clock of this machine (NTP), and run the command again';

/** CLOCK_IMPLAUSIBLE. `command` accepts the clock; undefined where none is known. */
export function clockImplausible({ message }: Pick<ClockDoubt, 'message'>, command?: string): PaletteKeysError {
  const otherwise = command === undefined ? '' : `; if the clock is right, accept it:\n${command}`;
  return new PaletteKeysError('CLOCK_IMPLAUSIBLE', message, { hint: `${SET_IT}${otherwise}` });
}

/** Throws CLOCK_IMPLAUSIBLE where this machine's clock and the cluster's disagree: one dates what the other judges. */
export async function checkClock(cluster: Cluster, clock: Clock): Promise<void> {
  const serverNow = await cluster.now();
  const doubt = judgeClock({ now: clock.now(), serverNow });
  if (doubt !== undefined) throw clockImplausible(doubt);
}
