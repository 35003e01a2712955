import type { EscrowHook } from './escrow-hook.ts';
import type { Change } from './plan/change.ts';
import { type Purpose, toChange } from './plan/intent.ts';
import type { Snapshot } from './plan/snapshot.ts';
import type { ObjectStep } from './plan/step.ts';
import type { SpecRequest } from './read/read-installation.ts';

export interface ReconcileRequest extends Purpose {
  readonly spec: SpecRequest;
  /** A missing namespace ends the run unless this is true. */
  readonly createNamespaces?: boolean;
  /** A backup to make before the first key is written. */
  readonly escrow?: EscrowHook | undefined;
  /** The ledger is read again under the lock, the rest is not: a changed projection makes the write of it fail. */
  readonly before?: Snapshot | undefined;
  /** Takes over the projections that were read back in the end, key bytes included: it wipes them. */
  readonly takeOver?: ((verified: Snapshot) => void) | undefined;
  /** What `restore` has created already: the run tells of it, and writes it to the audit log. */
  readonly restored?: readonly ObjectStep[];
}

export function changeRequest(change: Change, spec: SpecRequest): ReconcileRequest {
  return { spec, intent: toChange(change) };
}
