import type { AuditChange, AuditResult } from '../../audit/chain.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { Transition } from './change.ts';
import type { Comparison } from './compare/compare.ts';
import { type ReconcilePlan, withDone } from './plan-changes.ts';
import { hasAuditLog } from './snapshot.ts';
import type { ObjectStep } from './step.ts';

export interface RunState {
  readonly done: ReadonlyMap<string, ObjectStep>;
  /** How states change, as the first plan has it; undefined before there is one. */
  readonly transitions: readonly Transition[] | undefined;
  /** What the audit log will say of the run. */
  readonly result: AuditResult;
  /** True once the record shows what was asked for. */
  readonly isRecorded: boolean;
}

/** `before`: what was done already when the run began. */
export function startOfRun(before: readonly ObjectStep[]): RunState {
  return { done: byObject(before), transitions: undefined, result: 'done', isRecorded: false };
}

/** The first plan, and what it was made on, tell what the run is for; later ones change nothing of it. */
export function withFirstPlan(state: RunState, { transitions }: ReconcilePlan, found: Comparison): RunState {
  return state.transitions === undefined ? { ...state, transitions, result: resultFor(found) } : state;
}

export function withWritten(state: RunState, { steps }: ReconcilePlan, written: 'ledger' | 'projections'): RunState {
  const carriedOut = steps.filter(({ action, n }) => action !== 'keep' && (n !== undefined) === (written === 'ledger'));
  return { ...state, done: new Map([...state.done, ...byObject(carriedOut)]) };
}

/** Objects that were written, and states that versions have entered, with the kids that the proof found. */
export function changesOf(state: RunState, proof: ReconcilePlan): readonly AuditChange[] {
  const { done } = state;
  const written = withDone(proof.steps, done).filter(({ ref }) => done.has(formatRef(ref)));
  return [
    ...written.map(({ action, ref, key, kid, fingerprint }): AuditChange => {
      const facts = { ...(kid === undefined ? {} : { kid }), ...(fingerprint === undefined ? {} : { fingerprint }) };
      return { action, object: formatRef(ref), key, ...facts };
    }),
    ...entered(state, proof).map(({ kind, n, kid, to }): AuditChange => {
      return { action: to, object: formatRef(ledgerSecret(proof.spec, kind, n)), key: kind, kid };
    }),
  ];
}

/** The agreed plan as it was carried out: what was done with each object, and the kids that are there now. */
export function outcomeOf(state: RunState, proof: ReconcilePlan, agreed: ReconcilePlan): ReconcilePlan {
  const { specChanges, orphanedObjects, missingNamespaces, confirm, changes } = agreed;
  return {
    ...{ ...proof, specChanges, orphanedObjects, missingNamespaces, confirm, changes },
    transitions: entered(state, proof),
    steps: withDone(proof.steps, state.done),
  };
}

function entered({ transitions = [] }: RunState, { steps }: ReconcilePlan): readonly Transition[] {
  const kidOf = ({ kind, n, kid }: Transition) =>
    kid === '' ? (steps.find((step) => step.key === kind && step.n === n)?.kid ?? '') : kid;
  return transitions.map((transition) => ({ ...transition, kid: kidOf(transition) }));
}

function resultFor({ record, snapshot }: Comparison): AuditResult {
  if (record.status === 'sound') return record.record.ready ? 'done' : 'completed an interrupted run';
  return hasAuditLog(snapshot) ? 'rebuilt the record' : 'done';
}

function byObject(steps: readonly ObjectStep[]): ReadonlyMap<string, ObjectStep> {
  return new Map(steps.map((step) => [formatRef(step.ref), step]));
}
