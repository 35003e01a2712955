import { PaletteKeysError } from '../errors.ts';
import type { Assessment } from '../plan/assess.ts';
import { blockers, type InitPlan } from '../plan/init.ts';
import { hasAuditLog } from '../plan/snapshot.ts';
import type { Loss } from './rotation-run.ts';

/** What stands in the way refuses the run; what nobody agreed to is never done. */
export function checkAgreed(plan: InitPlan, agreed: InitPlan): void {
  refuseBlocked(plan);
  const covered = new Set(agreed.consents);
  if (plan.consents.every((consent) => covered.has(consent))) return;
  throw new PaletteKeysError('CONFLICT', 'the store changed since the plan was made, and the new plan changes more', {
    hint: 'run the command again to see the new plan',
  });
}

/**
 * The record of a complete installation is gone, nobody said which spec it had, and nothing stands where the default
 * spec looks: to go on would make the installation a second time, somewhere else.
 */
export function refuseGuessedSpec({ record, snapshot }: Assessment): void {
  const { specGiven, projections, ledger, spec } = snapshot;
  if (specGiven || record.status === 'sound' || ledger.length === 0) return;
  const isElsewhere = ledger.some(({ ref }) => ref.namespace !== spec.ledgerNamespace);
  if (!isElsewhere && (projections.size > 0 || !hasAuditLog(snapshot))) return;
  throw new PaletteKeysError('REFUSED', 'the record is gone, and with it the spec of this installation', {
    hint: 'give the spec that it was made with: palette-keys init --config FILE; or put the record back from a backup',
  });
}

/** Such a key is destroyed by who types its kid, and by nobody else. */
export function irrevocableLoss({ reason, remedy }: Loss): PaletteKeysError {
  return new PaletteKeysError('REFUSED', reason, { hint: remedy });
}

/** Throws REFUSED with all that stands in the way. Any blocked step means that no step is carried out. */
export function refuseBlocked(plan: InitPlan): void {
  // That an object cannot be written while its keys are lost follows from what is said of the keys.
  const causes = plan.steps.filter(({ code, n }) => code !== 'LEDGER_LOST' || n !== undefined);
  const findings = blockers(causes.some(({ action }) => action === 'blocked') ? causes : plan.steps);
  const [first] = findings;
  if (first === undefined) return;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  throw new PaletteKeysError('REFUSED', `${first.subject}: ${first.message}${more}`, {
    hint: first.remedy,
    details: findings.map(({ code, subject, message, remedy }) => ({
      message: `${code} ${subject}: ${message}`,
      remedy,
    })),
  });
}
