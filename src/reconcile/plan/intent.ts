import type { Change } from './change.ts';
import type { TenantsSeen } from './snapshot.ts';

export type Intent =
  /** Whatever record and spec ask for. */
  | { readonly type: 'complete' }
  /** That, and well-formed material that the ledger does not know is taken in. */
  | { readonly type: 'adopt' }
  /** That, and well-formed material that the ledger does not know is replaced by ours. */
  | { readonly type: 'restore' }
  /** What an import or a rotation asks for. */
  | { readonly type: 'change'; readonly change: Change };

export interface Purpose {
  readonly intent: Intent;
  /** What the database of the tenant keys says; undefined where nobody asked it. */
  readonly seen?: TenantsSeen | undefined;
  /** Raise the schemaVersion of a record that an older build wrote: `init` alone does. */
  readonly migrates?: boolean | undefined;
}

/** The purpose of everything that only reads, too. */
export const COMPLETE: Purpose = { intent: { type: 'complete' } };

export function toChange(change: Change): Intent {
  return { type: 'change', change };
}

export function changeOf(intent: Intent | undefined): Change | undefined {
  return intent?.type === 'change' ? intent.change : undefined;
}
