import { PaletteKeysError } from '../../errors.ts';
import { changesStates } from './change.ts';
import type { Comparison } from './compare/compare.ts';
import { changeOf, type Intent } from './intent.ts';
import { blockers, type ReconcilePlan } from './plan-changes.ts';
import { refuseBlocked } from './refusals.ts';
import type { RunState } from './run-state.ts';

/** Throws what stands in the way of a plan, and where it does more to what exists than `agreed` covers. */
export function assertApproved(
  plan: ReconcilePlan,
  agreed: ReconcilePlan,
  intent: Intent,
  { isRecorded }: RunState,
): void {
  if (isRecorded) refuseIntruder(plan, intent);
  refuseBlocked(plan);
  const covered = new Set(agreed.consents);
  if (plan.consents.every((consent) => covered.has(consent))) return;
  throw new PaletteKeysError('CONFLICT', 'the store changed since the plan was made, and the new plan changes more', {
    hint: 'run the command again to see the new plan',
  });
}

/** A change was decided on one state of the record, and counts for nothing on another. Throws CONFLICT. */
export function assertCurrent({ record }: Comparison, intent: Intent, { isRecorded }: RunState): void {
  const change = changeOf(intent);
  const decided = change !== undefined && (changesStates(change) || change.reissues.size > 0);
  if (!decided || isRecorded) return;
  if (record.status === 'sound' && record.record.generation === change.generation) return;
  throw new PaletteKeysError('CONFLICT', 'another run changed the installation meanwhile', {
    hint: 'run the command again: it decides anew on what is there now',
  });
}

/** Others wrote where this run was about to, after its record: to say that nothing was written would be wrong. */
function refuseIntruder({ steps }: ReconcilePlan, intent: Intent): void {
  const [blocked] = blockers(steps);
  if (blocked === undefined) return;
  const { subject, message, remedy } = blocked;
  const isKept = changeOf(intent)?.overwrites === true;
  throw new PaletteKeysError('CONFLICT', `${subject} was changed by somebody else during this run: ${message}`, {
    hint: isKept
      ? 'run the same command again: what is there now is kept as a version that can come back'
      : `${remedy}; the same command then goes on where it stopped`,
  });
}
