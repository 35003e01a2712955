import { PaletteKeysError } from '../errors.ts';
import type { Behind } from '../rotation/consumers.ts';
import type { EvidencePorts } from './evidence.ts';

export interface Pausing {
  /** Waits, in milliseconds; rejects as soon as the run is interrupted. */
  pause(ms: number): Promise<void>;
}

/** A container that starts sooner after a change may get what the kubelet has in its cache. */
const SETTLE_MS = 2 * 60_000 + 1000;
const POLL_MS = 2000;
const PATIENCE_MS = 15 * 60_000;

/**
 * Restarts the workloads of Pods that are behind, one after the other, and waits until each is ready. Each is restarted
 * once a run. False where there was none to restart.
 */
export async function restartBehind(
  behind: readonly Behind[],
  restarted: Set<string>,
  { workloads, clock, pause }: Pick<EvidencePorts, 'workloads' | 'clock'> & Pausing,
): Promise<boolean> {
  const names = [...new Set(behind.flatMap(({ pod: { workload } }) => (workload === undefined ? [] : [workload])))];
  const open = names.filter((name) => !restarted.has(name)).sort();
  if (workloads === undefined || open.length === 0) return false;
  await pause(SETTLE_MS);
  let any = false;
  for (const workload of open) {
    restarted.add(workload);
    if (!(await workloads.restart(workload, clock.now()))) continue;
    any = true;
    const until = clock.now().getTime() + PATIENCE_MS;
    while (!(await workloads.isReady(workload))) {
      if (clock.now().getTime() >= until) throw notReady(workload);
      await pause(POLL_MS);
    }
  }
  return any;
}

function notReady(workload: string): PaletteKeysError {
  return new PaletteKeysError('TIMED_OUT', `${workload} was restarted, and is not ready after 15 minutes`, {
    hint: 'see what keeps its Pods from being ready; then run the command again: it goes on from here',
  });
}
