import type { Change } from '../../reconcile/plan/change.ts';
import { refuseBlocked } from '../../reconcile/plan/refusals.ts';
import type { Snapshot } from '../../reconcile/plan/snapshot.ts';
import { planReconcile, reconcile } from '../../reconcile/reconcile.ts';
import { changeRequest, type ReconcileRequest } from '../../reconcile/request.ts';
import type { RotationContext } from '../context.ts';
import type { Tell } from '../history.ts';
import type { Loss } from '../rotate-request.ts';
import type { RotatePorts } from './ports.ts';
import { isRecent, type Verified } from './verified.ts';

export interface ProposedChange {
  readonly action: string;
  readonly change: Change;
  readonly irrevocable?: Loss | undefined;
  /** True where the change was decided on the context, so that the context's projections need not be read again. */
  readonly isDecidedOnContext?: true;
  /** What comes before the first write, once the operator has agreed. */
  agreed?(): Promise<void>;
}

/** As `init`: ledger → record → projections → read back → audit → ready. Returns what was read back, if written. */
export async function writeChange(
  { action, change, irrevocable, isDecidedOnContext, agreed }: ProposedChange,
  { context, ports, tell }: { readonly context: RotationContext; readonly ports: RotatePorts; readonly tell: Tell },
): Promise<Verified | undefined> {
  const request = (): ReconcileRequest => {
    const isKnown = isDecidedOnContext === true && isRecent(context, ports);
    return { ...changeRequest(change, ports.spec), before: isKnown ? context.comparison.snapshot : undefined };
  };
  const plan = await planReconcile(request(), ports);
  refuseBlocked(plan);
  await ports.agree({ kind: context.kind, action, plan, irrevocable });
  await agreed?.();
  let verified: Verified | undefined;
  const takeOver = (snapshot: Snapshot): void => {
    verified = { snapshot, at: ports.clock.now() };
  };
  tell({ type: 'applied', plan: await reconcile(plan, { ...request(), takeOver }, ports) });
  return verified;
}
