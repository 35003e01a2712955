import { namespacesMissing } from './access/preflight.ts';
import { announce } from './audit/events.ts';
import { checkLog } from './audit/log.ts';
import { tellRun } from './audit/tell-run.ts';
import { retryOnChange, withLock } from './lock.ts';
import { assertApproved, assertCurrent } from './plan/assert-approved.ts';
import { type Comparison, compare } from './plan/compare/compare.ts';
import { afterMending } from './plan/findings/audit.ts';
import { afterSweep } from './plan/findings/leftovers.ts';
import { changeOf } from './plan/intent.ts';
import { planChanges, type ReconcilePlan } from './plan/plan-changes.ts';
import { refuseGuessedSpec } from './plan/refusals.ts';
import { changesOf, outcomeOf, startOfRun, withFirstPlan, withWritten } from './plan/run-state.ts';
import { auditLogIn, type Snapshot } from './plan/snapshot.ts';
import type { ApplyPorts } from './ports.ts';
import { withLeftovers } from './read/key-traces.ts';
import { readComparison, readSnapshot } from './read/read-comparison.ts';
import { verify } from './read/verify.ts';
import { thenWipe, wipe } from './read/wipe.ts';
import type { ReconcileRequest } from './request.ts';
import { keyPool } from './write/key-pool.ts';
import { assertLedgerWhole, draftLedger, writeLedger } from './write/ledger.ts';
import { noteReplacements } from './write/note-replacements.ts';
import { writeProjections } from './write/projections.ts';
import { markReady, writeRecord } from './write/record.ts';

/** How often a run begins again because others changed the store under it. */
const ATTEMPTS = 8;

/** Reads, and decides what is to be done. Writes nothing. */
export async function planReconcile(
  request: ReconcileRequest,
  { store, clock }: Pick<ApplyPorts, 'store' | 'clock'>,
): Promise<ReconcilePlan> {
  const now = clock.now();
  const snapshot = await withLeftovers(store, await readSnapshot(request, store, request.before));
  const found = await compare(snapshot, request, now);
  try {
    refuseGuessedSpec(found);
    const plan = planChanges(found, now);
    const escrow = await request.escrow?.look(found);
    if (escrow === undefined) return plan;
    return { ...plan, findings: [...plan.findings, ...escrow.findings], changes: plan.changes || escrow.isDue };
  } finally {
    wipe(found, request.before);
  }
}

/** Writes nothing that `agreed` does not cover. Killed anywhere, a second run completes it. Returns what was done. */
export async function reconcile(
  agreed: ReconcilePlan,
  request: ReconcileRequest,
  ports: ApplyPorts,
): Promise<ReconcilePlan> {
  const { clock, signal, emit } = ports;
  const { intent } = request;
  const keys = keyPool(ports);
  // All that an attempt leaves to the next one, besides the keys.
  let state = startOfRun(request.restored ?? []);

  const decide = (found: Comparison): ReconcilePlan => {
    refuseGuessedSpec(found);
    const plan = planChanges(found, clock.now());
    assertApproved(plan, agreed, intent, state);
    keys.prepare(plan);
    return plan;
  };

  /** Returns the plan where there is nothing to write. */
  const write = async (found: Comparison): Promise<ReconcilePlan | undefined> => {
    assertCurrent(found, intent, state);
    const plan = decide(found);
    state = withFirstPlan(state, plan, found);
    const escrow = await request.escrow?.look(found);
    if (!plan.changes && state.done.size === 0 && escrow?.isDue !== true) return outcomeOf(state, plan, agreed);
    checkLog(auditLogIn(found.snapshot));
    signal.throwIfAborted();
    await noteReplacements(found, changeOf(intent), ports);
    const draft = draftLedger(found, keys, ports);
    const staged = await escrow?.beforeFirstWrite(draft, ports);
    const { missingNamespaces: missing } = plan;
    if (missing.length > 0 && request.createNamespaces !== true) throw namespacesMissing(missing);
    if (missing.length > 0) await ports.store.addNamespaces(missing);
    await writeLedger(draft, found, staged?.annotations ?? {}, ports);
    state = withWritten(state, plan, 'ledger');
    // What others may have written first counts: everything below is computed from the ledger as it stands now.
    const ledgered = await readComparison(request, ports, { ...found.snapshot, missingNamespaces: [] });
    return thenWipe(ledgered, async () => {
      const rest = decide(ledgered);
      assertLedgerWhole(ledgered);
      const written = await writeRecord(ledgered, request, ports);
      state = { ...state, isRecorded: true };
      const record = staged === undefined ? written : await staged.finish(written);
      await writeProjections(ledgered, record, keys, ports);
      state = withWritten(state, rest, 'projections');
      return undefined;
    });
  };

  const finish = async (after: Comparison): Promise<ReconcilePlan> => {
    const { plan, written } = verify(after, clock.now());
    emit({ type: 'finished', phase: 'verify' });
    const changes = changesOf(state, plan);
    const anchor = await tellRun(after, written.record, { changes, result: state.result }, ports);
    await markReady(written, anchor, ports);
    await announce(changes, ports);
    return outcomeOf(state, afterMending(plan, after), agreed);
  };

  const attempt = async (before: Snapshot | undefined): Promise<ReconcilePlan> => {
    // Key bytes of thousands of Secrets: what was read before the write is wiped as soon as it is of no use.
    const untouched = await thenWipe(await readComparison(request, ports, before), write);
    if (untouched !== undefined) return untouched;
    emit({ type: 'started', phase: 'verify', total: 1 });
    return thenWipe(await readComparison(request, ports), finish, request.takeOver);
  };

  signal.throwIfAborted();
  return withLock(ports, async () => {
    // The slow part begins as soon as it is certain that this run, and not another one, is at work.
    keys.prepare(agreed);
    const done = await retryOnChange(ATTEMPTS, (n) => attempt(n === 0 ? request.before : undefined));
    return afterSweep(done, agreed);
  });
}
