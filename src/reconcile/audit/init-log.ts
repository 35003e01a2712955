import type { AuditChange, AuditResult } from '../../audit/chain.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { Transition } from '../plan/change.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { type InitPlan, withDone } from '../plan/plan-changes.ts';
import { hasAuditLog } from '../plan/snapshot.ts';
import type { ObjectStep } from '../plan/step.ts';

/** What one run has done, over all its attempts: for the audit log, and for whoever asked for the run. */
export class InitLog {
  readonly #agreed: InitPlan;
  /** Steps that were carried out, by object. */
  readonly #done = new Map<string, ObjectStep>();
  #outcome: AuditResult | undefined;
  /** How states change; known from the first plan on. */
  #transitions: readonly Transition[] | undefined;

  /** `before`: what was done already when the run began. */
  constructor(agreed: InitPlan, before: readonly ObjectStep[]) {
    this.#agreed = agreed;
    for (const step of before) this.#done.set(formatRef(step.ref), step);
  }

  get isEmpty(): boolean {
    return this.#done.size === 0;
  }

  /** What the audit log will say of the run. */
  get outcome(): AuditResult {
    return this.#outcome ?? 'done';
  }

  /** The first plan, and what it was made on, tell what the run is for. */
  begin(plan: InitPlan, before: Comparison): void {
    this.#transitions ??= plan.transitions;
    this.#outcome ??= outcomeOf(before);
  }

  note({ steps }: InitPlan, which: (step: ObjectStep) => boolean): void {
    for (const step of steps) {
      if (step.action !== 'keep' && which(step)) this.#done.set(formatRef(step.ref), step);
    }
  }

  /** Objects that were written, and states that versions have entered, with the kids that the proof found. */
  changes(proof: InitPlan): readonly AuditChange[] {
    const entered = this.#entered(proof).map(({ kind, n, kid, to }): AuditChange => {
      return { action: to, object: formatRef(ledgerSecret(proof.spec, kind, n)), key: kind, kid };
    });
    return [...this.#written(proof), ...entered];
  }

  /** The plan as it was carried out: what was done with each object, and the kids that are there now. */
  result(proof: InitPlan, installationId = proof.installationId): InitPlan {
    const steps = withDone(proof.steps, this.#done);
    const { specChanges, orphanedObjects, missingNamespaces, confirm, changes } = this.#agreed;
    const transitions = this.#entered(proof);
    return {
      ...proof,
      specChanges,
      orphanedObjects,
      missingNamespaces,
      confirm,
      changes,
      transitions,
      steps,
      installationId,
    };
  }

  /** The states that versions have entered, with the kids of those that were made on the way. */
  #entered({ steps }: InitPlan): readonly Transition[] {
    const kidOf = ({ kind, n, kid }: Transition) =>
      kid === '' ? (steps.find((step) => step.key === kind && step.n === n)?.kid ?? '') : kid;
    return (this.#transitions ?? []).map((transition) => ({ ...transition, kid: kidOf(transition) }));
  }

  #written(proof: InitPlan): readonly AuditChange[] {
    return withDone(proof.steps, this.#done).flatMap(({ action, ref, key, kid, fingerprint }) => {
      if (!this.#done.has(formatRef(ref))) return [];
      const facts = { ...(kid === undefined ? {} : { kid }), ...(fingerprint === undefined ? {} : { fingerprint }) };
      return [{ action, object: formatRef(ref), key, ...facts }];
    });
  }
}

function outcomeOf({ record, snapshot }: Comparison): AuditResult {
  if (record.status === 'sound') return record.record.ready ? 'done' : 'completed an interrupted run';
  return hasAuditLog(snapshot) ? 'rebuilt the record' : 'done';
}
