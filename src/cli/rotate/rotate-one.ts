import type { KindId } from '../../rotation/kinds.ts';
import { rotateKey } from '../../rotation/perform/rotate-key.ts';
import { rehearse } from '../../rotation/rehearsal/rehearse.ts';
import type { RotateResult } from '../../rotation/rotate-request.ts';
import { flagFor } from '../../rotation/word.ts';
import { nextCommand } from '../next-command.ts';
import { palette } from '../render/palette.ts';
import { agreeOnce, checkOnce, warnCompromised } from './consent.ts';
import { wordOf } from './input.ts';
import type { Run } from './open-run.ts';
import { renderPlanned, renderWaiting } from './render.ts';

/** How often `--wait` looks again, at the least. */
const POLL_MS = 30_000;

/** One kind, as far as it goes; with `--wait` until it is done, or time alone no longer helps. */
export async function rotateOne(kind: KindId, mayStart: boolean, run: Run): Promise<RotateResult> {
  const { options, ports, apply, input, bar } = run;
  warnCompromised(kind, run);
  const common = { ...input, kind, assumeConsumersCurrent: wordOf(kind, options, ports.terminal) };
  const first = { ...common, mayStart, before: undefined };
  const rehearsed = () => rehearse(first, apply, checkOnce(run));
  const asking = { ...apply, agree: agreeOnce(run, rehearsed) };
  try {
    if (input.dryRun) return await rehearsed();
    let result = await rotateKey(first, asking);
    let said = '';
    while (options.wait && result.waitingFor !== undefined && !result.refused) {
      const { until, stuck } = result.waitingFor;
      bar.clear();
      if (stuck === true) {
        ports.terminal.stderr.write(`${kind}: --wait stopped: this needs your action\n`);
        return result;
      }
      const news = JSON.stringify([result.waitingFor, result.notes]);
      if (news !== said) await say([result], run);
      said = news;
      const left = until === undefined ? POLL_MS : until.getTime() - ports.clock.now().getTime();
      await ports.pause(Math.max(1000, Math.min(POLL_MS, left)));
      result = await rotateKey({ ...common, mayStart: false, before: result }, asking);
    }
    return result;
  } finally {
    bar.clear();
  }
}

export async function say(results: readonly RotateResult[], { options, ports: { terminal } }: Run): Promise<void> {
  const paint = palette(terminal.colour.stderr);
  for (const { key, generation, waitingFor, notes, offersWord, planned = [] } of results) {
    const next = nextCommand(key, options, flagFor(generation));
    if (planned.length > 0) terminal.stderr.write(renderPlanned(key, planned, waitingFor));
    // In an emergency whoever is told that nothing was done must not miss why.
    if (!options.quiet || options.compromised) for (const note of notes) terminal.stderr.write(`${key}: ${note}\n`);
    if (planned.length > 0) continue;
    if (offersWord) terminal.stderr.write(`${key}: once that is done, run:\n${next}\n`);
    if (waitingFor !== undefined) terminal.stderr.write(renderWaiting(key, waitingFor, next, paint));
  }
}
