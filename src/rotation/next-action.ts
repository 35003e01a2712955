import { PaletteKeysError } from '../errors.ts';
import type { VersionRecord } from '../ledger/record.ts';
import { gateInput, type RotationContext } from './context.ts';
import { decideStep, needsOf } from './decide.ts';
import { unconfirmedReplacement } from './facts/emergency.ts';
import { type FoundEvidence, type Gathered, remarksOn, restartable, type StaleConsumers } from './facts/gathered.ts';
import { activeVersion, type Decision, type EvidenceRequest, type RotationStep } from './gate.ts';
import { afterCurrent } from './gates/consumers.ts';
import { dueWork, type UserWork } from './gates/mongodb-auth.ts';
import type { History, Interrupted } from './history.ts';
import { isInTransition, isSuperseded } from './machine.ts';
import { type IntendedStep, intendedStep } from './next-step.ts';
import type { WaitingFor } from './rotate-request.ts';

export type Action = { readonly notes?: readonly string[] } & (
  | { readonly type: 'complete'; readonly about: Interrupted }
  /** Names the tenants whose keys whoever holds a compromised root key may hold. */
  | { readonly type: 'nameExposed'; readonly step: RotationStep | undefined }
  /** Wraps by the active root key the tenant keys that one of these still wraps. */
  | { readonly type: 'rewrap'; readonly old: readonly VersionRecord[] }
  | { readonly type: 'gather'; readonly requests: readonly EvidenceRequest[] }
  | { readonly type: 'recordEvidence'; readonly gathered: FoundEvidence; readonly of: Gathered }
  | { readonly type: 'keep'; readonly n: number }
  /** The one old version is fixed that accepted resets are about. */
  | { readonly type: 'fixResets'; readonly n: number }
  | { readonly type: 'changeUser'; readonly work: UserWork; readonly n: number }
  | { readonly type: 'restart'; readonly workloads: readonly string[]; readonly settledAt: Date }
  | { readonly type: 'transition'; readonly step: RotationStep; readonly gathered: Gathered | undefined }
  /** Looks for what is left of a key whose entry was deleted. */
  | { readonly type: 'sweep'; readonly version: VersionRecord }
  | { readonly type: 'wait'; readonly waitingFor: WaitingFor }
  | { readonly type: 'refuse'; readonly error: PaletteKeysError }
  /** `offersWord`: nothing works with a compromised key any more once the operator says so. */
  | { readonly type: 'done'; readonly offersWord?: true }
);

/**
 * What comes next. `gathered`: evidence for the intended step, undefined as long as none was asked for. The only place
 * that decides, on what was read and what this run has done. Throws REFUSED for what can never be done.
 */
export function nextAction(
  context: RotationContext,
  gathered: Gathered | undefined,
  history: History,
  now: Date,
): Action {
  const { record, kind } = context;
  if (!record.ready)
    return { type: 'complete', about: isInTransition(record, kind) ? 'this rotation' : 'something else' };
  const intended = intendedStep(context, history, now);
  const { notes } = intended;
  if (intended.resets !== undefined && history.resets === undefined)
    return { type: 'fixResets', n: intended.resets, notes };
  const work = tenantWork(intended.step, context, history);
  if (work !== undefined) return { ...work, notes };
  if (intended.sweeps !== undefined) return { type: 'sweep', version: intended.sweeps, notes };
  const action =
    intended.step === undefined
      ? afterLastStep(context, gathered, history, now)
      : actionFor(intended.step, context, gathered, history, now);
  return { ...action, notes: [...notes, ...(action.notes ?? [])] };
}

/** What the tenant keys need before anything else is decided. */
function tenantWork(
  step: IntendedStep['step'],
  { request, rotation, key }: RotationContext,
  history: History,
): Action | undefined {
  if (rotation.type !== 'versions' || rotation.policy.worksOn !== 'tenant keys') return undefined;
  if (key.versions.length === 0) return undefined;
  if (request.compromised && !history.isExposedNamed) return { type: 'nameExposed', step };
  // A published one too that is given up: after a backup was restored, tenant keys may need it.
  const old = key.versions.filter(
    ({ n, state }) => state === 'trusted' || (state === 'published' && step?.type === 'retire' && step.n === n),
  );
  const isLast = step === undefined || (step.type === 'retire' && old.some(({ n }) => n === step.n));
  const isDue = old.length > 0 && isLast && history.rewrapped !== activeVersion(key).n;
  return isDue ? { type: 'rewrap', old } : undefined;
}

function actionFor(
  step: RotationStep,
  context: RotationContext,
  gathered: Gathered | undefined,
  history: History,
  now: Date,
): Action {
  const { request, rotation } = context;
  if (rotation.type !== 'versions') return { type: 'transition', step, gathered: undefined };
  const input = gateInput(step, context);
  if (gathered === undefined) return { type: 'gather', requests: needsOf(rotation.gate, input) };
  const notes = remarksOn(gathered);
  const decision = decideStep(rotation.gate, input, gathered.evidence, now);
  // Also where it is refused: a scan that no longer counts must not stand there as if it did.
  if (!decision.open) {
    const { confirmed, scanned } = gathered;
    const found = { confirmed: decision.remedy === undefined ? confirmed : undefined, scanned };
    if (isNew(found) && history.recorded !== gathered)
      return { type: 'recordEvidence', gathered: found, of: gathered, notes };
  }
  if (!decision.open && decision.stays === true && retiresSuperseded(step, context)) {
    const text = [`v${step.n} stays trusted: ${decision.reason}`, ...decision.blockers].join('; ');
    return { type: 'keep', n: step.n, notes: [...notes, text] };
  }
  if (rotation.policy.worksOn === 'database users' && 'n' in step) {
    const work = dueWork(input, gathered.evidence, now);
    // What it has not brought about it would not a second time.
    if (work !== undefined && !history.users.has(`${work} v${step.n}`))
      return { type: 'changeUser', work, n: step.n, notes };
  }
  if (decision.open) return { type: 'transition', step, gathered, notes };
  if (decision.remedy !== undefined) {
    const details = decision.blockers.map((message) => ({ message }));
    const error = new PaletteKeysError('REFUSED', decision.reason, { hint: decision.remedy, details });
    return { type: 'refuse', error, notes };
  }
  const restart = request.restart ? restartOf(gathered.behind, history) : undefined;
  return { ...(restart ?? { type: 'wait', waitingFor: waitingFor(decision) }), notes };
}

/** True where a step retires what an earlier rotation left, and was not asked for by name. */
function retiresSuperseded(
  step: RotationStep,
  { request, rotation, key }: RotationContext,
): step is Extract<RotationStep, { type: 'retire' }> {
  if (rotation.type !== 'versions' || !rotation.policy.keepsTrusted || request.request !== undefined) return false;
  return step.type === 'retire' && key.versions.some((version) => version.n === step.n && isSuperseded(version));
}

/** What has loaded the compromised key works with it until restarted. A step by name, or resets, is no emergency. */
function afterLastStep(
  { request, rotation, key }: RotationContext,
  gathered: Gathered | undefined,
  history: History,
  now: Date,
): Action {
  if (rotation.type !== 'versions' || request.request !== undefined || request.acceptResets !== undefined)
    return { type: 'done' };
  const entry = unconfirmedReplacement(key, now);
  if (entry === undefined) return { type: 'done' };
  if (gathered === undefined) {
    // A Pod that says it has loaded the new key may have loaded the old one with it.
    const reloads = !rotation.policy.staysLoaded;
    return { type: 'gather', requests: [{ type: 'consumers', entry, acknowledged: false, reloads }] };
  }
  const { consumers } = gathered.evidence;
  if (consumers?.status === 'unknown' && consumers.toCopy !== undefined) {
    const text = `restart what uses it: until then it works with the compromised key (${consumers.reason})`;
    return { type: 'done', offersWord: true, notes: [text] };
  }
  const notes = remarksOn(gathered);
  if (isNew(gathered) && history.recorded !== gathered)
    return { type: 'recordEvidence', gathered, of: gathered, notes };
  const decision = afterCurrent(consumers, now);
  if (decision.open) return { type: 'done', notes };
  const restart = request.restart ? restartOf(gathered.behind, history) : undefined;
  if (restart !== undefined) return { ...restart, notes };
  const waiting = waitingFor(decision);
  if (consumers?.status !== 'behind') return { type: 'wait', waitingFor: waiting, notes };
  const helps = !request.restart && gathered.behind.pods.some(({ restarts }) => restarts);
  const blockers = [...waiting.blockers, ...(helps ? ['--restart starts them anew'] : [])];
  const reason = 'another key is in use, and these may still work with the compromised one';
  return { type: 'wait', waitingFor: { reason, blockers }, notes };
}

function isNew({ confirmed, scanned }: FoundEvidence): boolean {
  return confirmed !== undefined || scanned !== undefined;
}

function restartOf(stale: StaleConsumers, { restarted }: History): Extract<Action, { type: 'restart' }> | undefined {
  const workloads = restartable(stale, restarted);
  return workloads.length === 0 ? undefined : { type: 'restart', workloads, settledAt: stale.settledAt };
}

function waitingFor({ open: _, remedy, stays, ...waiting }: Extract<Decision, { open: false }>): WaitingFor {
  return waiting;
}
