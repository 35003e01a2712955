import {
  type Decision,
  type Evidence,
  type EvidenceRequest,
  forgottenBy,
  type Gate,
  type GateInput,
  OPEN,
  versionOf,
} from './gate.ts';
import { POLICIES } from './policy.ts';

/** True where a step is safe whatever the kind: it takes nothing away from anybody. */
function isFree(input: GateInput): boolean {
  const { step, kind } = input;
  const { guardsReturns, guardsData } = POLICIES[kind];
  if (step.type === 'reinstate') return true;
  // Data outlives the record: after a backup was restored, it may need what the record says nobody has used yet.
  if (guardsData && forgottenBy(input) !== undefined) return false;
  if (step.type === 'destroy') return true;
  if (guardsReturns) return false;
  // Nobody has ever used a version that is only published, and everybody has accepted one that was never retired.
  if (step.type === 'retire') return versionOf(input, step.n).state === 'published';
  return step.type === 'promote' && step.back === true;
}

export function needsOf(gate: Gate, input: GateInput): readonly EvidenceRequest[] {
  return isFree(input) ? [] : gate.needs(input);
}

export function decideStep(gate: Gate, input: GateInput, evidence: Evidence, now: Date): Decision {
  return isFree(input) ? OPEN : gate.decide(input, evidence, now);
}
