import { formatRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import { AUDIT_KEY } from '../plan/audit-log.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { planChanges, type ReconcilePlan } from '../plan/plan-changes.ts';
import type { WrittenRecord } from '../write/record.ts';

export interface Proof {
  /** Nothing is left to do in it, and its steps have the kids that are there now. */
  readonly plan: ReconcilePlan;
  readonly written: WrittenRecord;
}

/** Only what is found to be right is called ready. Throws StoreChangedError where a second run would do anything. */
export function verify(after: Comparison, now: Date): Proof {
  const plan = planChanges(after, now);
  const open = plan.steps.find(({ action, key }) => action !== 'keep' && key !== AUDIT_KEY);
  if (open !== undefined) throw new StoreChangedError(`${formatRef(open.ref)}: ${open.reason}`);
  if (after.record.status !== 'sound') throw new StoreChangedError('the record is gone');
  const { record, object } = after.record;
  return { plan, written: { record, version: object.version } };
}
