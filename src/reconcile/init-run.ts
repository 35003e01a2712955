import {
  type Escrow,
  type EscrowNotes,
  type EscrowSeen,
  entriesInLedger,
  finishEscrow,
  seeEscrow,
  stageEscrow,
} from '../backup/escrow.ts';
import { PaletteKeysError } from '../errors.ts';
import { auditConfigMap } from '../installation/names.ts';
import { VERSIONED } from '../inventory/index.ts';
import { specDigest } from '../ledger/known-spec.ts';
import { ANNOTATION } from '../ledger/metadata.ts';
import { formatRef } from '../ports/object-ref.ts';
import { namespacesMissing } from './access/preflight.ts';
import { announce } from './audit/events.ts';
import { InitLog } from './audit/init-log.ts';
import { anchorNow, appendBroken, appendLineTo, checkLog, isAudited } from './audit/log.ts';
import { StoreChangedError } from './errors.ts';
import { AUDIT_KEY, brokenTrailOf } from './plan/audit-log.ts';
import { changesStates } from './plan/change.ts';
import { type Comparison, compare } from './plan/compare/compare.ts';
import { numberOf } from './plan/compare/version-item.ts';
import { blockers, type InitPlan, planInit } from './plan/plan-changes.ts';
import { auditLogIn, type InitRequest, type Snapshot } from './plan/snapshot.ts';
import type { ObjectStep } from './plan/step.ts';
import type { ApplyPorts } from './ports.ts';
import { withArchives } from './read/audit-archives.ts';
import { readInstallation, type SpecRequest } from './read/read-installation.ts';
import { wipe } from './read/wipe.ts';
import { checkAgreed, refuseGuessedSpec } from './refusals.ts';
import { LedgerWriter } from './write/ledger.ts';
import { Material } from './write/material.ts';
import { noteReplacements } from './write/note-replacements.ts';
import { writeProjections } from './write/projections.ts';
import { markReady, openRecord, type WrittenRecord, writeRecord } from './write/record.ts';

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
  readonly restored?: readonly ObjectStep[];
}

/** A run under the lock: it is attempted until nobody came in between. Whoever made it wipes it. */
export class InitRun {
  readonly #agreed: InitPlan;
  readonly #input: InitInput;
  readonly #ports: ApplyPorts;
  readonly #material: Material;
  readonly #comparisons: Comparison[] = [];
  /** What was read before the first attempt. */
  #seen: Snapshot | undefined;
  readonly #log: InitLog;
  /** True once the record shows what was asked for. */
  #recorded = false;
  /** What somebody else has taken over. */
  #handedOver: Snapshot | undefined;

  constructor(agreed: InitPlan, input: InitInput, ports: ApplyPorts) {
    this.#agreed = agreed;
    this.#input = input;
    this.#ports = ports;
    this.#seen = input.seen;
    this.#material = new Material(ports);
    this.#log = new InitLog(agreed, input.restored ?? []);
  }

  async attempt(): Promise<InitPlan> {
    const written = await this.#write();
    if ('plan' in written) return written.plan;
    // Key bytes of thousands of Secrets: what was read before the write is of no use after it.
    this.wipe();
    return this.#finish(written.installationId);
  }

  /** Ledger, record and projections, or the plan where there is nothing to write. */
  async #write(): Promise<{ readonly plan: InitPlan } | Pick<Comparison, 'installationId'>> {
    const before = await this.#look(this.#seen);
    this.#seen = undefined;
    this.#refuseOvertaken(before);
    const plan = this.#decide(before);
    this.#log.begin(plan, before);
    const escrow = await this.#seeEscrow(before);
    const isDue = escrow?.state === 'note' || escrow?.state === 'place';
    if (!plan.changes && this.#log.isEmpty && !isDue) return { plan: this.#log.result(plan) };
    checkLog(auditLogIn(before.snapshot));
    this.#ports.signal.throwIfAborted();
    await noteReplacements(before, this.#input.request.change, this.#ports);
    const seen = await this.#writeLedger(before, plan.missingNamespaces, escrow);
    this.#log.note(plan, (step) => step.n !== undefined);
    // What others may have written first counts: everything below is computed from the ledger as it stands now.
    const ledgered = await this.#look({ ...before.snapshot, missingNamespaces: [] });
    const rest = this.#decide(ledgered);
    if (lacksEntries(ledgered)) throw new StoreChangedError('a ledger entry is gone again');
    const written = await writeRecord(ledgered, this.#input.request, this.#ports);
    this.#recorded = true;
    const record = await this.#finishEscrow(seen, written);
    await writeProjections(ledgered, record, this.#material, this.#ports);
    this.#log.note(rest, (step) => step.n === undefined);
    return { installationId: ledgered.installationId };
  }

  /** No projection is written before the escrow has its name: until then nothing is encrypted with these keys. */
  #finishEscrow(seen: EscrowSeen | undefined, written: WrittenRecord): Promise<WrittenRecord> | WrittenRecord {
    const { escrow } = this.#input;
    return escrow === undefined || seen === undefined ? written : finishEscrow(escrow, seen, written, this.#ports);
  }

  async #seeEscrow(before: Comparison): Promise<EscrowSeen | undefined> {
    const { escrow } = this.#input;
    return escrow === undefined ? undefined : seeEscrow(escrow, before);
  }

  /** A change was decided on one state of the record, and counts for nothing on another. */
  #refuseOvertaken({ record }: Comparison): void {
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
  #decide(comparison: Comparison): InitPlan {
    refuseGuessedSpec(comparison);
    const plan = planInit(comparison, this.#ports.clock.now());
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

  /** Writes the missing ledger entries: the escrow of them comes first, then the root key, then the record with the spec. */
  async #writeLedger(
    before: Comparison,
    namespaces: readonly string[],
    found: EscrowSeen | undefined,
  ): Promise<EscrowSeen | undefined> {
    const { escrow } = this.#input;
    const ports = this.#ports;
    const writer = new LedgerWriter(before, this.#material, ports);
    let notes: EscrowNotes = {};
    if (escrow !== undefined && found?.state === 'make') {
      const entries = [...entriesInLedger(before), ...(await writer.entries())];
      notes = await stageEscrow(escrow, entries, writer.installationId, before, ports);
    }
    await this.#addNamespaces(namespaces);
    const { installationId } = writer;
    const annotations = { [ANNOTATION.spec]: specDigest(before.snapshot.spec), ...notes };
    await writer.write(annotations, (first) => openRecord(before, { installationId, first }, ports));
    return found?.state === 'make' ? { ...found, sha256: notes[ANNOTATION.escrow] } : found;
  }

  /** Reads everything back: only what is found to be right is called ready. */
  async #finish(installationId: string | undefined): Promise<InitPlan> {
    this.#ports.emit({ type: 'started', phase: 'verify', total: 1 });
    const after = await this.#look();
    const proof = planInit(after, this.#ports.clock.now());
    const open = proof.steps.find(({ action, key }) => action !== 'keep' && key !== AUDIT_KEY);
    if (open !== undefined) throw new StoreChangedError(`${formatRef(open.ref)}: ${open.reason}`);
    if (after.record.status !== 'sound') throw new StoreChangedError('the record is gone');
    this.#ports.emit({ type: 'finished', phase: 'verify' });
    const { record, object } = after.record;
    const changes = this.#log.changes(proof);
    const result = this.#log.outcome;
    const untold = result === 'rebuilt the record' || !isAudited(auditLogIn(after.snapshot), record.generation);
    const tells = changes.length > 0 || untold;
    const next = tells
      ? await appendLineTo(record, { changes, result }, this.#ports)
      : await anchorNow(record, auditLogIn(after.snapshot), this.#ports);
    const broken = after.isInit ? brokenTrailOf(after.snapshot) : undefined;
    const audit = broken === undefined ? next : await appendBroken(record, broken, tells ? 1 : 0, this.#ports);
    await markReady({ record, version: object.version }, audit, this.#ports);
    await announce(changes, this.#ports);
    this.#handOver(after.snapshot);
    return this.#log.result(broken === undefined ? proof : withoutAudit(proof), installationId);
  }

  #handOver(verified: Snapshot): void {
    const { takeOver } = this.#input;
    if (takeOver === undefined) return;
    this.#handedOver = { ...verified, ledger: [] };
    takeOver(this.#handedOver);
  }

  async #look(before?: Snapshot): Promise<Comparison> {
    const { spec, request } = this.#input;
    const { store } = this.#ports;
    const gathered = await readInstallation(store, spec, request, before);
    const known = before?.archives === undefined ? gathered : { ...gathered, archives: before.archives };
    const snapshot = request.migrates === true ? await withArchives(known, store) : gathered;
    const comparison = await compare(snapshot, this.#input.request, this.#ports.clock.now());
    this.#comparisons.push(comparison);
    return comparison;
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

  wipe(): void {
    for (const comparison of this.#comparisons.splice(0)) wipe(comparison, this.#handedOver);
  }
}

/** The audit log was anchored anew after the proof was made. */
function withoutAudit(proof: InitPlan): InitPlan {
  const place = formatRef(auditConfigMap(proof.spec));
  return { ...proof, findings: proof.findings.filter(({ subject }) => subject !== place) };
}

/** True where a version still has no entry, though all were written. */
function lacksEntries({ versions, ledger }: Comparison): boolean {
  return [...versions].some(([kind, items]) =>
    items.some((item) => item.action !== 'blocked' && !ledger.get(kind)?.some(({ n }) => n === numberOf(item))),
  );
}
