import type { Clock } from '../../ports/clock.ts';
import type { Snapshot } from '../../reconcile/plan/snapshot.ts';

/** What is older is read once more: while the operator was asked, or records counted, others may have written. */
const FRESH_MS = 15_000;

/** Projections as a write has read them back, and when. Who has it wipes it. */
export interface Verified {
  readonly snapshot: Snapshot;
  readonly at: Date;
}

export function isRecent({ at }: { readonly at: Date }, { clock }: { readonly clock: Clock }): boolean {
  return clock.now().getTime() - at.getTime() <= FRESH_MS;
}
