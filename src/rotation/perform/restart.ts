import { PaletteKeysError } from '../../errors.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing } from './ports.ts';

const POLL_MS = 2000;
const PATIENCE_MS = 15 * 60_000;

export async function restart(
  { workloads, settledAt }: Extract<Action, { type: 'restart' }>,
  performing: Performing,
): Promise<Performed> {
  const any = await restartWorkloads(workloads, settledAt, performing);
  return any ? 'changed' : 'same';
}

/**
 * One after the other, each until it is ready; none before the operator agreed. One that cannot be restarted stops no
 * others, and throws REFUSED then. False where none could be restarted.
 */
export async function restartWorkloads(
  names: readonly string[],
  settledAt: Date,
  { context: { kind }, ports, tell }: Pick<Performing, 'context' | 'ports' | 'tell'>,
): Promise<boolean> {
  const { agree, workloads, clock, pause } = ports;
  if (workloads === undefined) return false;
  const settled = settledAt.getTime();
  await agree({ kind, action: `restart ${names.join(', ')}`, plan: undefined, irrevocable: undefined });
  await pause(Math.max(0, settled - clock.now().getTime()));
  let any = false;
  let refusal: PaletteKeysError | undefined;
  for (const workload of names) {
    tell({ type: 'restarting', workload, settledAt: settled });
    try {
      if (!(await workloads.restart(workload, clock.now()))) continue;
    } catch (error) {
      if (!(error instanceof PaletteKeysError) || error.code !== 'REFUSED') throw error;
      refusal ??= error;
      continue;
    }
    any = true;
    tell({ type: 'did', effect: `restarted ${workload}` });
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
