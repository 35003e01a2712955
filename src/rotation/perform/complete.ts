import { completeInterrupted } from '../../reconcile/plan/change.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing } from './ports.ts';
import { writeChange } from './write-change.ts';

/** Completes the run that was interrupted: what stands in the way of it stands in the way of everything. */
export async function complete(
  { about }: Extract<Action, { type: 'complete' }>,
  performing: Performing,
): Promise<Performed> {
  const { context, tell } = performing;
  // Once it is known what was interrupted, what this run itself leaves open is no news.
  tell({ type: 'completing', about });
  const action = 'complete the run that was interrupted';
  const verified = await writeChange({ action, change: completeInterrupted(context.kind) }, performing);
  tell({ type: 'did', effect: 'completed the run that was interrupted' });
  return verified ?? 'changed';
}
