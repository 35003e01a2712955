import type { Change } from '../../reconcile/plan/change.ts';
import { refuseBlocked } from '../../reconcile/plan/refusals.ts';
import type { Snapshot } from '../../reconcile/plan/snapshot.ts';
import { planReconcile, reconcile } from '../../reconcile/reconcile.ts';
import { changeRequest, type ReconcileRequest } from '../../reconcile/request.ts';
import type { Observation } from '../evidence/observation.ts';
import type { Loss, RotatePorts, RotateRequest } from './request.ts';
import { irrevocableLoss } from './request.ts';
import type { Log } from './rotation-log.ts';

/**
 * What was read so long ago is read once more: while somebody was asked, or records were counted, others may have written.
 * Thousands of Secrets are assessed in less.
 */
const FRESH_MS = 15_000;

/** Projections as a write has read them back, and when. Who has it wipes it. */
export interface Verified {
  readonly snapshot: Snapshot;
  readonly at: Date;
}

export function isRecent({ at }: { readonly at: Date }, { clock }: Pick<RotatePorts, 'clock'>): boolean {
  return clock.now().getTime() - at.getTime() <= FRESH_MS;
}

/**
 * Carries one change out as `init` does: ledger → record → projections → read back → audit → ready. A rehearsal ends
 * before anybody is asked, and is refused what the run would be.
 */
export async function writeChange(
  action: string,
  change: Change,
  {
    input,
    ports,
    log,
    seen,
    irrevocable,
    agreed,
    takeOver,
  }: {
    readonly input: RotateRequest;
    readonly ports: RotatePorts;
    readonly log: Log;
    /** What the change was decided on. */
    readonly seen: Observation | undefined;
    readonly irrevocable: Loss | undefined;
    /** What comes before the first write, once somebody has agreed. */
    agreed?(): Promise<void>;
    /** Called with what was read back, where anything was written. */
    takeOver?(verified: Verified): void;
  },
): Promise<void> {
  const request = (): ReconcileRequest => ({
    ...changeRequest(change, input.spec),
    before: seen !== undefined && isRecent(seen, ports) ? seen.comparison.snapshot : undefined,
  });
  const plan = await planReconcile(request(), ports);
  refuseBlocked(plan);
  if (input.dryRun) {
    if (irrevocable?.yields === true) log.say(irrevocable.reason);
    else if (irrevocable !== undefined) throw irrevocableLoss(irrevocable);
    return;
  }
  await input.agree({ kind: input.kind, action, plan, irrevocable });
  await agreed?.();
  const over =
    takeOver === undefined ? {} : { takeOver: (snapshot: Snapshot) => takeOver({ snapshot, at: ports.clock.now() }) };
  log.applied(await reconcile(plan, { ...request(), ...over }, ports));
}
