import {
  type Decision,
  type Evidence,
  type EvidenceRequest,
  forgottenBy,
  type Gate,
  OPEN,
  type Situation,
  versionOf,
} from './situation.ts';

/** True where a step is safe whatever the kind: it takes nothing away from anybody. */
function isFree({ guardsReturns, guardsData }: Gate, situation: Situation): boolean {
  const { step } = situation;
  if (step.type === 'reinstate') return true;
  // Data outlives the record: after a backup was restored, it may need what the record says nobody has used yet.
  if (guardsData === true && forgottenBy(situation) !== undefined) return false;
  if (step.type === 'destroy') return true;
  if (guardsReturns === true) return false;
  // Nobody has ever used a version that is only published, and everybody has accepted one that was never retired.
  if (step.type === 'retire') return versionOf(situation, step.n).state === 'published';
  return step.type === 'promote' && step.back === true;
}

export function needsOf(gate: Gate, situation: Situation): readonly EvidenceRequest[] {
  return isFree(gate, situation) ? [] : gate.needs(situation);
}

export function decideStep(gate: Gate, situation: Situation, evidence: Evidence, now: Date): Decision {
  return isFree(gate, situation) ? OPEN : gate.decide(situation, evidence, now);
}
