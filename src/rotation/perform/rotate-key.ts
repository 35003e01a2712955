import { ERRORS, PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import { newRootKeyUnsaved } from '../../reconcile/plan/findings/backups.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { decideStep, needsOf } from '../decide.ts';
import { type Gathered, gatherEvidence, remarksOn } from '../evidence/evidence.ts';
import type { Decision, GateInput, RotationStep } from '../gate.ts';
import { ROTATIONS, type Rotation } from '../kinds.ts';
import { formerSpecOf } from '../soak.ts';
import { changeUsers } from './change-users.ts';
import { chooseStep } from './choose-step.ts';
import { stepOfDestroyed } from './destroy.ts';
import { endEmergency } from './end-emergency.ts';
import { reportKept, retiresSuperseded } from './leftovers.ts';
import { proposeEvidence } from './note-found.ts';
import { observeComplete } from './observe.ts';
import { reissueLeaves } from './reissue.ts';
import type { RotatePorts, RotateRequest, RotateResult, RotationContext, WaitingFor } from './request.ts';
import { restartStale } from './restart.ts';
import { noteExposed, rewrapRest } from './rewrap-rest.ts';
import { Log } from './rotation-log.ts';
import { describeStep, refuseClosed, takeStep } from './take-step.ts';
import { isRecent, type Verified } from './write-change.ts';

/**
 * Takes every step of a kind's rotation whose gate is open, and stops at the first closed one. There is no cursor:
 * each time all is read anew, so that a run that was killed anywhere is continued by running it again.
 */
export async function rotateKey(input: RotateRequest, ports: RotatePorts): Promise<RotateResult> {
  const rotation = rotationOf(input.kind);
  const log = new Log(input);
  try {
    return await (rotation.type === 'leaves'
      ? advanceLeaves(input, log, ports)
      : advanceVersions(rotation, input, log, ports));
  } catch (error) {
    if (!log.wrote || !(error instanceof PaletteKeysError) || !saysNothingWritten(error)) throw error;
    return log.refused(error);
  }
}

/** By its exit code (contract, section 5): the connection string of the spec may turn out useless late. */
function saysNothingWritten({ code, exit }: PaletteKeysError): boolean {
  return code === 'USAGE' || exit === ERRORS.REFUSED.exit;
}

async function advanceVersions(
  rotation: Rotation,
  input: RotateRequest,
  log: Log,
  ports: RotatePorts,
): Promise<RotateResult> {
  let verified: Verified | undefined;
  for (;;) {
    const { observation, record } = await observeComplete(input, log, ports, verified);
    verified = undefined;
    try {
      const { versions } = observation.key;
      const unsaved = input.kind === 'root-key' ? newRootKeyUnsaved(versions) : undefined;
      if (unsaved !== undefined) log.say(unsaved);
      const ofDestroyed = await stepOfDestroyed(input, observation, log, ports);
      const step =
        ofDestroyed === undefined ? chooseStep(input, rotation, record, log, ports.clock.now()) : ofDestroyed.step;
      await noteExposed(step, { input, observation }, log, ports);
      if (await rewrapRest(step, { input, observation, record }, log, ports)) continue;
      const context: RotationContext = { input, observation, record };
      if (step === undefined) {
        const left = await leftToDo(rotation, context, log, ports);
        if (left === 'look again') continue;
        return left === undefined ? log.finished() : log.waiting(left);
      }
      const { decision, gathered, gateInput } = await decide(step, rotation, context, ports);
      const decidedAt = ports.clock.now();
      for (const remark of gathered === undefined ? [] : remarksOn(gathered)) log.say(remark);
      if (!decision.open) await proposeEvidence(decision, gathered, context, log, ports);
      if (retiresSuperseded(step, rotation, versions, input) && reportKept(step, decision, input, log)) continue;
      if (await changeUsers(gateInput, gathered?.evidence ?? {}, context, log, ports)) continue;
      if (!decision.open) {
        // Where the step is refused, a restart brings it no nearer.
        const isRestarted = decision.remedy === undefined && (await restart(gathered, input, log, ports));
        if (isRestarted) continue;
        return stopped(decision, log);
      }
      const recheckGate = async (): Promise<void> => {
        const isOld = !isRecent({ at: decidedAt }, ports) || step.type === 'destroy';
        if (isOld) refuseClosed((await decide(step, rotation, context, ports)).decision);
      };
      verified = await takeStep(step, context, { gathered, recheckGate }, log, ports);
      if (input.dryRun) return log.rehearsed(describeStep(step, versions, input.kind));
    } finally {
      wipe(observation.comparison);
    }
  }
}

/** One step by name, and the count of resets, are no emergency. */
async function leftToDo(
  rotation: Rotation,
  context: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<WaitingFor | 'look again' | undefined> {
  const { request, acceptResets } = context.input;
  if (rotation.type !== 'versions' || request !== undefined || acceptResets !== undefined) return undefined;
  return endEmergency(rotation.policy, context, log, ports);
}

/** How a kind rotates. Throws REFUSED for what is not rotated. */
export function rotationOf(kind: KindId): Rotation {
  const rotation = ROTATIONS[kind];
  if (rotation.type === 'none') throw new PaletteKeysError('REFUSED', rotation.reason, { hint: rotation.remedy });
  return rotation;
}

async function decide(
  step: RotationStep,
  rotation: Rotation,
  { input, observation, record }: RotationContext,
  ports: RotatePorts,
): Promise<{ readonly decision: Decision; readonly gathered: Gathered | undefined; readonly gateInput: GateInput }> {
  const { kind, key } = observation;
  const { compromised, acceptResets } = input;
  const { spec } = record;
  const former = formerSpecOf(key, spec);
  const gateInput = { kind, step, versions: key.versions, spec, former, compromised, acceptResets };
  if (rotation.type !== 'versions') return { decision: { open: true }, gathered: undefined, gateInput };
  const gathered = await gatherEvidence(needsOf(rotation.gate, gateInput), observation, input, ports);
  return { decision: decideStep(rotation.gate, gateInput, gathered.evidence, ports.clock.now()), gathered, gateInput };
}

async function restart(
  gathered: Gathered | undefined,
  input: RotateRequest,
  log: Log,
  ports: RotatePorts,
): Promise<boolean> {
  if (!input.restart || input.dryRun || gathered === undefined) return false;
  return restartStale(gathered.behind, input, log, ports);
}

function stopped(decision: Extract<Decision, { open: false }>, log: Log): RotateResult {
  const { reason, until, blockers, remedy, stuck, onWord, toCopy } = decision;
  if (remedy === undefined) {
    return log.waiting({
      reason,
      ...(until === undefined ? {} : { until }),
      blockers,
      ...(stuck === true ? { stuck } : {}),
      ...(onWord === true ? { onWord } : {}),
      ...(toCopy === undefined ? {} : { toCopy }),
    });
  }
  throw new PaletteKeysError('REFUSED', reason, { hint: remedy, details: blockers.map((message) => ({ message })) });
}

async function advanceLeaves(input: RotateRequest, log: Log, ports: RotatePorts): Promise<RotateResult> {
  if (input.request !== undefined) {
    throw new PaletteKeysError('USAGE', `${input.kind} has no versions: certificates are issued anew`, {
      hint: 'leave --rollback, --reinstate, --retire and --destroy out',
    });
  }
  return reissueLeaves(input, log, ports);
}
