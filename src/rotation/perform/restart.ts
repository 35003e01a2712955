import { PaletteKeysError } from '../../errors.ts';
import type { StaleConsumers } from '../evidence/consumers.ts';
import type { EvidencePorts } from '../evidence/observation.ts';
import type { Pausing, RotateRequest } from './request.ts';
import type { Log } from './rotation-log.ts';

const POLL_MS = 2000;
const PATIENCE_MS = 15 * 60_000;

/**
 * Restarts the workloads of Pods that are behind and stay, one after the other, and waits until each is ready. Each is
 * restarted once for a change, however often one looks, and none before somebody has agreed. False where there was none to
 * restart. One that cannot be restarted does not stop the others; then it throws REFUSED, which says what to do.
 */
export async function restartStale(
  { pods, settledAt }: StaleConsumers,
  { kind, agree }: Pick<RotateRequest, 'kind' | 'agree'>,
  log: Pick<Log, 'restarted' | 'did'>,
  { workloads, clock, pause }: Pick<EvidencePorts, 'workloads' | 'clock'> & Pausing,
): Promise<boolean> {
  // A Pod that is being deleted is gone no sooner if those that came in its place are started anew.
  const staying = pods.filter(({ pod: { leaving }, restarts }) => restarts && !leaving);
  const names = [...new Set(staying.flatMap(({ pod: { workload } }) => (workload === undefined ? [] : [workload])))];
  const settled = settledAt.getTime();
  const open = names.filter((name) => (log.restarted.get(name) ?? Number.NEGATIVE_INFINITY) < settled).sort();
  if (workloads === undefined || open.length === 0) return false;
  await agree({ kind, action: `restart ${open.join(', ')}`, plan: undefined, irrevocable: undefined });
  await pause(Math.max(0, settled - clock.now().getTime()));
  let any = false;
  let refusal: PaletteKeysError | undefined;
  for (const workload of open) {
    log.restarted.set(workload, settled);
    try {
      if (!(await workloads.restart(workload, clock.now()))) continue;
    } catch (error) {
      if (!(error instanceof PaletteKeysError) || error.code !== 'REFUSED') throw error;
      refusal ??= error;
      continue;
    }
    any = true;
    log.did(`restarted ${workload}`);
    const until = clock.now().getTime() + PATIENCE_MS;
    while (!(await workloads.isReady(workload))) {
      if (clock.now().getTime() >= until) throw notReady(workload);
      await pause(POLL_MS);
    }
  }
  if (refusal !== undefined) throw refusal;
  return any;
}

function notReady(workload: string): PaletteKeysError {
  return new PaletteKeysError('TIMED_OUT', `${workload} was restarted, and is not ready after 15 minutes`, {
    hint: 'see what keeps its Pods from being ready; then run the command again: it goes on from here',
  });
}
