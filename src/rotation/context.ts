import type { KindId } from '../ledger/entry.ts';
import type { InstallationRecord, KeyRecord } from '../ledger/record.ts';
import type { Comparison } from '../reconcile/plan/compare/compare.ts';
import { formerSpecOf } from './facts/soak.ts';
import type { GateInput, RotationStep } from './gate.ts';
import type { Rotation } from './kinds.ts';
import type { RotateRequest } from './rotate-request.ts';

/** Everything that was read of one kind, and what is asked of it: what every step is decided on. */
export interface RotationContext {
  readonly request: RotateRequest;
  readonly kind: KindId;
  readonly rotation: Rotation;
  readonly record: InstallationRecord;
  readonly key: KeyRecord;
  readonly comparison: Comparison;
  /** True while the operator's word counts: the record is still at the generation that it was given for. */
  readonly vouched: boolean;
  /** When all of it had been read. */
  readonly at: Date;
}

/** What a gate is asked about one step. */
export function gateInput(step: RotationStep, { request, kind, key, record }: RotationContext): GateInput {
  const { compromised, acceptResets } = request;
  const former = formerSpecOf(key, record.spec);
  return { kind, step, versions: key.versions, spec: record.spec, former, compromised, acceptResets };
}
