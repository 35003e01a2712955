import type { Terminal } from '../ports/terminal.ts';
import type { Emit, ProgressPhase } from '../progress.ts';

const TEXTS: Record<ProgressPhase, string> = {
  generate: 'making keys',
  ledger: 'writing the ledger',
  projections: 'writing what workloads mount',
  verify: 'reading everything back',
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
  const clear = (): void => {
    if (drawn > 0) stderr.write('\r\u001B[K');
  };
  const emit: Emit = (event) => {
    const now = performance.now();
    if (event.type !== 'advanced' || now - begun < DELAY || now - drawn < INTERVAL) return;
    drawn = now;
    const filled = Math.round((WIDTH * event.done) / event.total);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
    stderr.write(`\r\u001B[K${bar} ${event.done}/${event.total} ${TEXTS[event.phase]}`);
  };
  return { emit, clear };
}
