import type { SpecRequest } from '../../reconcile/read/read-installation.ts';
import type { auditedRewrap } from '../../tenants/audited-rewrap.ts';
import type { RotationContext } from '../context.ts';
import type { EvidencePorts } from '../evidence/ports.ts';
import type { RotationStep } from '../gate.ts';
import type { History, Tell } from '../history.ts';
import type { Action } from '../next-action.ts';
import type { Proposal } from '../rotate-request.ts';
import type { Verified } from './verified.ts';

export interface Pausing {
  /** Waits, in milliseconds; rejects as soon as the run is interrupted. */
  pause(ms: number): Promise<void>;
}

export interface RotatePorts extends EvidencePorts, Pausing {
  readonly spec: SpecRequest;
  /** Wraps tenant keys by the active root key, and tells the audit log. */
  readonly rewrap: typeof auditedRewrap;
  /** Asked before every write; throws where the operator does not agree. */
  agree(proposal: Proposal): Promise<void>;
}

export interface Performing {
  readonly context: RotationContext;
  readonly history: History;
  readonly ports: RotatePorts;
  /** Called with everything that was done, as soon as it was done: a run that fails knows what it has written. */
  readonly tell: Tell;
  /** Decides once more on a step, on evidence that is gathered now. Throws CONFLICT where its gate has closed. */
  recheckGate(step: RotationStep): Promise<void>;
}

/** What has to be read again after an action: nothing, all, or all but the projections that were just read back. */
export type Performed = 'same' | 'changed' | Verified;

export type RotateEnd = Extract<Action, { readonly type: 'wait' | 'refuse' | 'done' }>;
