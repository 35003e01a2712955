import type { AuditChange, AuditResult } from '../audit/chain.ts';
import { PaletteKeysError } from '../errors.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import { VERSIONED } from '../inventory/index.ts';
import { formatTime } from '../ledger/entry.ts';
import { type Assessment, assess } from '../plan/assess.ts';
import { changesStates, type Transition } from '../plan/change.ts';
import { blockers, type InitPlan, planInit, withDone } from '../plan/init.ts';
import { auditLogIn, hasAuditLog, type InitRequest, type Snapshot } from '../plan/snapshot.ts';
import type { Step } from '../plan/step.ts';
import { numberOf } from '../plan/version-item.ts';
import { formatRef } from '../ports/object-ref.ts';
import { appendAudit, checkLog, isAudited } from './audit.ts';
import type { BackupMark } from './backup.ts';
import { Moved } from './errors.ts';
import { type Escrow, escrowInVain, refuseEscrow, rememberEscrow, writeEscrow } from './escrow.ts';
import { announce } from './events.ts';
import { gather, type SpecRequest } from './gather.ts';
import { LedgerWriter } from './ledger.ts';
import { Material } from './material.ts';
import type { ApplyPorts } from './ports.ts';
import { namespacesMissing } from './preflight.ts';
import { writeProjections } from './projections.ts';
import { markReady, writeRecord } from './record.ts';
import { checkAgreed, refuseGuessedSpec } from './refusals.ts';
import { wipe } from './wipe.ts';

/** How often a run begins again because others changed the store under it. */
const ATTEMPTS = 8;

export interface InitInput {
  readonly spec: SpecRequest;
  /** A backup to make before the first key is written. */
  readonly escrow?: Escrow | undefined;
  /** False where a missing namespace ends the run. */
  readonly createNamespaces: boolean;
  readonly request: InitRequest;
  /**
   * What the change was decided on. The ledger is read again under the lock, the rest is not: whoever changed a projection
   * since then makes the write of it fail, and the run reads all of it.
   */
  readonly seen?: Snapshot;
  /** Takes over the projections that were read back in the end, key bytes included: it wipes them. */
  readonly takeOver?: (verified: Snapshot) => void;
  /** What `restore` has created already: the run tells of it, and writes it to the audit log. */
  readonly restored?: readonly Step[];
}

/** Reads, and decides what is to be done. Writes nothing. */
export async function previewInit(input: InitInput, ports: Pick<ApplyPorts, 'store' | 'clock'>): Promise<InitPlan> {
  const now = ports.clock.now();
  const snapshot = await gather(ports.store, input.spec, input.request, input.seen);
  const assessment = await assess(snapshot, input.request, now);
  if (input.escrow !== undefined) refuseEscrow(assessment);
  refuseGuessedSpec(assessment);
  const plan = planInit(assessment, now);
  wipe(assessment, input.seen);
  return plan;
}

/**
 * Brings the store to what the spec asks for. Takes the lock, reads and decides again, and writes: ledger → record →
 * projections → (read back and verify) → audit → ready. Writes nothing that `agreed` does not cover. Killed anywhere,
 * a re-run completes. Returns what was done; its steps name the keys that are there now.
 */
export async function applyInit(agreed: InitPlan, input: InitInput, ports: ApplyPorts): Promise<InitPlan> {
  const { store, actor, clock } = ports;
  const run = new InitRun(agreed, input, ports);
  ports.signal.throwIfAborted();
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  // The slow part begins as soon as it is certain that this run, and not another one, is at work.
  run.prepare(agreed);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return await run.attempt();
      } catch (error) {
        if (!(error instanceof Moved)) throw error;
      }
    }
    throw new PaletteKeysError('CONFLICT', 'other runs kept changing the installation', {
      hint: 'wait until they are done, and run the command again',
    });
  } finally {
    run.wipe();
    await lock.release();
  }
}

class InitRun {
  readonly #agreed: InitPlan;
  readonly #input: InitInput;
  readonly #ports: ApplyPorts;
  readonly #material: Material;
  readonly #assessments: Assessment[] = [];
  /** What was read before the first attempt. */
  #seen: Snapshot | undefined;
  /** Steps that were carried out, over all attempts, by object. */
  readonly #done = new Map<string, Step>();
  #outcome: AuditResult | undefined;
  /** How states change; known from the first plan on. */
  #transitions: readonly Transition[] | undefined;
  /** True once the record shows what was asked for. */
  #recorded = false;
  /** The escrow, once it is written. */
  #mark: BackupMark | undefined;
  /** What somebody else has taken over. */
  #handedOver: Snapshot | undefined;

  constructor(agreed: InitPlan, input: InitInput, ports: ApplyPorts) {
    this.#agreed = agreed;
    this.#input = input;
    this.#ports = ports;
    this.#seen = input.seen;
    this.#material = new Material(ports);
    for (const step of input.restored ?? []) this.#done.set(formatRef(step.ref), step);
  }

  async attempt(): Promise<InitPlan> {
    const written = await this.#write();
    if ('plan' in written) return written.plan;
    // Key bytes of thousands of Secrets: what was read before the write is of no use after it.
    this.wipe();
    return this.#finish(written.installationId);
  }

  /** Ledger, record and projections, or the plan where there is nothing to write. */
  async #write(): Promise<{ readonly plan: InitPlan } | Pick<Assessment, 'installationId'>> {
    const before = await this.#look(this.#seen);
    this.#seen = undefined;
    this.#refuseOvertaken(before);
    const plan = this.#decide(before);
    this.#transitions ??= plan.transitions;
    if (!plan.changes && this.#done.size === 0) return { plan: this.#result(plan) };
    this.#outcome ??= outcomeOf(before);
    checkLog(auditLogIn(before.snapshot));
    this.#ports.signal.throwIfAborted();
    await this.#writeLedger(before, plan.missingNamespaces);
    const mark = this.#mark;
    this.#note(plan, (step) => step.n !== undefined);
    // What others may have written first counts: everything below is computed from the ledger as it stands now.
    const ledgered = await this.#look({ ...before.snapshot, missingNamespaces: [] });
    const rest = this.#decide(ledgered);
    if (lacksEntries(ledgered)) throw new Moved('a ledger entry is gone again');
    const written = await writeRecord(ledgered, this.#input.request.change, this.#ports);
    this.#recorded = true;
    const record = mark === undefined ? written : await rememberEscrow(mark, written, this.#ports);
    await writeProjections(ledgered, record, this.#material, this.#ports);
    this.#note(rest, (step) => step.n === undefined);
    return { installationId: ledgered.installationId };
  }

  /** A change was decided on one state of the record, and counts for nothing on another. */
  #refuseOvertaken({ record }: Assessment): void {
    const { change } = this.#input.request;
    const decided = change !== undefined && (changesStates(change) || change.reissues.size > 0);
    if (!decided || this.#recorded) return;
    if (record.status === 'sound' && record.record.generation === change.generation) return;
    throw new PaletteKeysError('CONFLICT', 'another run changed the installation meanwhile', {
      hint: 'run the command again: it decides anew on what is there now',
    });
  }

  /** Others wrote where this run was about to, after its record: to say that nothing was written would be wrong. */
  #refuseIntruder({ steps }: InitPlan): void {
    const [blocked] = blockers(steps);
    if (!this.#recorded || blocked === undefined) return;
    const { subject, message, remedy } = blocked;
    const isKept = this.#input.request.change?.overwrites === true;
    throw new PaletteKeysError('CONFLICT', `${subject} was changed by somebody else during this run: ${message}`, {
      hint: isKept
        ? 'run the same command again: what is there now is kept as a version that can come back'
        : `${remedy}; the same command then goes on where it stopped`,
    });
  }

  /** The plan for what was read. Throws what stands in the way of it, and what nobody agreed to. */
  #decide(assessment: Assessment): InitPlan {
    refuseGuessedSpec(assessment);
    const plan = planInit(assessment, this.#ports.clock.now());
    this.#refuseIntruder(plan);
    checkAgreed(plan, this.#agreed);
    this.prepare(plan);
    return plan;
  }

  async #addNamespaces(missing: readonly string[]): Promise<void> {
    if (missing.length === 0) return;
    if (!this.#input.createNamespaces) throw namespacesMissing(missing);
    await this.#ports.store.addNamespaces(missing);
  }

  /** Writes the missing ledger entries; with an escrow, the backup of them before anything else. */
  async #writeLedger(before: Assessment, namespaces: readonly string[]): Promise<void> {
    const { escrow } = this.#input;
    const writer = new LedgerWriter(before, this.#material, this.#ports);
    const isFirst = escrow !== undefined && this.#mark === undefined;
    if (isFirst) {
      this.#mark = await writeEscrow(escrow, await writer.entries(), writer.installationId, before, this.#ports);
    }
    await this.#addNamespaces(namespaces);
    try {
      await writer.write();
    } catch (error) {
      throw isFirst && error instanceof Moved ? escrowInVain(escrow.file) : error;
    }
  }

  /** Reads everything back: only what is found to be right is called ready. */
  async #finish(installationId: string | undefined): Promise<InitPlan> {
    this.#ports.emit({ type: 'started', phase: 'verify', total: 1 });
    const after = await this.#look();
    const proof = planInit(after, this.#ports.clock.now());
    const open = proof.steps.find(({ action }) => action !== 'keep');
    if (open !== undefined) throw new Moved(`${formatRef(open.ref)}: ${open.reason}`);
    if (after.record.status !== 'sound') throw new Moved('the record is gone');
    this.#ports.emit({ type: 'finished', phase: 'verify' });
    const { record, object } = after.record;
    const changes = this.#changes(proof);
    const result = this.#outcome ?? 'done';
    const untold = result === 'rebuilt the record' || !isAudited(auditLogIn(after.snapshot), record.generation);
    if (changes.length > 0 || untold) await appendAudit(record, { changes, result }, this.#ports);
    await markReady({ record, version: object.version }, this.#ports);
    await announce(changes, this.#ports);
    this.#handOver(after.snapshot);
    return this.#result(proof, installationId);
  }

  #handOver(verified: Snapshot): void {
    const { takeOver } = this.#input;
    if (takeOver === undefined) return;
    this.#handedOver = { ...verified, ledger: [] };
    takeOver(this.#handedOver);
  }

  async #look(before?: Snapshot): Promise<Assessment> {
    const { spec, request } = this.#input;
    const snapshot = await gather(this.#ports.store, spec, request, before);
    const assessment = await assess(snapshot, this.#input.request, this.#ports.clock.now());
    this.#assessments.push(assessment);
    return assessment;
  }

  /** Begins to make the keys that a plan asks for. */
  prepare({ steps, spec }: InitPlan): void {
    const made = new Set(
      steps
        .filter(({ action, n, kid }) => action === 'create' && n !== undefined && kid === undefined)
        .map(({ key }) => key),
    );
    const kinds = VERSIONED.filter(({ id }) => made.has(id));
    const bits = spec.serviceCertificates.keySize;
    const leaves = steps.filter(({ issues }) => issues === true).map(({ ref }) => ({ place: formatRef(ref), bits }));
    this.#material.prepare(kinds, leaves, spec, this.#ports.random);
  }

  #note(plan: InitPlan, which: (step: Step) => boolean): void {
    for (const step of plan.steps) {
      if (step.action !== 'keep' && which(step)) this.#done.set(formatRef(step.ref), step);
    }
  }

  #changes(proof: InitPlan): readonly AuditChange[] {
    const written = this.#written(proof);
    const entered = this.#entered(proof).map(({ kind, n, kid, to }): AuditChange => {
      return { action: to, object: formatRef(ledgerSecret(proof.spec, kind, n)), key: kind, kid };
    });
    return [...written, ...entered];
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

  /** The plan as it was carried out: what was done with each object, and the kids that are there now. */
  #result(proof: InitPlan, installationId = proof.installationId): InitPlan {
    const steps = withDone(proof.steps, this.#done);
    const { specChanges, released, missingNamespaces, confirm, changes } = this.#agreed;
    const transitions = this.#entered(proof);
    return { ...proof, specChanges, released, missingNamespaces, confirm, changes, transitions, steps, installationId };
  }

  wipe(): void {
    for (const assessment of this.#assessments.splice(0)) wipe(assessment, this.#handedOver);
  }
}

/** True where a version still has no entry, though all were written. */
function lacksEntries({ versions, ledger }: Assessment): boolean {
  return [...versions].some(([kind, items]) =>
    items.some((item) => item.action !== 'blocked' && !ledger.get(kind)?.some(({ n }) => n === numberOf(item))),
  );
}

/** What the audit log will say of the run. */
function outcomeOf({ record, snapshot }: Assessment): AuditResult {
  if (record.status === 'sound') return record.record.ready ? 'done' : 'completed an interrupted run';
  return hasAuditLog(snapshot) ? 'rebuilt the record' : 'done';
}
