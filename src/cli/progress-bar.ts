import type { Terminal } from '../ports/terminal.ts';
import type { Emit, ProgressPhase } from '../progress.ts';

const TEXTS: Record<ProgressPhase, string> = {
  generate: 'making keys',
  ledger: 'writing the ledger',
  projections: 'writing what workloads mount',
  verify: 'reading everything back',
  tenants: 'opening tenant keys',
  rewrap: 'wrapping tenant keys anew',
};

const WIDTH = 24;
/** Not sooner and not more often than this, in milliseconds. */
const DELAY = 400;
const INTERVAL = 80;

/** A line on stderr that is redrawn; only on a terminal, and only for work that takes a while. */
export function progressBar({ stderr, redraws }: Terminal, quiet: boolean): { readonly emit: Emit; clear(): void } {
  if (quiet || !redraws) return { emit: () => undefined, clear: () => undefined };
  const begun = performance.now();
  let drawn = 0;
  const since = new Map<ProgressPhase, number>();
  const clear = (): void => {
    if (drawn > 0) stderr.write('\r\u001B[K');
  };
  const emit: Emit = (event) => {
    const now = performance.now();
    if (event.type === 'started') since.set(event.phase, now);
    if (event.type !== 'advanced' || now - begun < DELAY || now - drawn < INTERVAL) return;
    drawn = now;
    const filled = Math.min(WIDTH, Math.round((WIDTH * event.done) / event.total));
    const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
    stderr.write(
      `\r\u001B[K${bar} ${event.done}/${event.total} ${TEXTS[event.phase]}${pace(event, now - (since.get(event.phase) ?? now))}`,
    );
  };
  return { emit, clear };
}

/** `, 1300/s, 12 s left`, once there is something to reckon with. */
function pace({ done, total }: { readonly done: number; readonly total: number }, ms: number): string {
  if (ms < 2000 || done === 0) return '';
  const rate = (done * 1000) / ms;
  return `, ${Math.round(rate)}/s, ${Math.ceil(Math.max(0, total - done) / rate)} s left`;
}
