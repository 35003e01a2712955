import { ERRORS, PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import { newRootKeyUnsaved } from '../../reconcile/plan/findings/backups.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { decideStep, needsOf } from '../decide.ts';
import { type Gathered, gatherEvidence, remarksOn } from '../evidence/evidence.ts';
import { ROTATIONS, type Rotation } from '../kinds.ts';
import type { Decision, Situation, Step } from '../situation.ts';
import { formerSpecOf } from '../soak.ts';
import { changeUsers } from './change-users.ts';
import { chooseStep } from './choose-step.ts';
import { stepOfDestroyed } from './destroy.ts';
import { endEmergency } from './end-emergency.ts';
import { isOfLeftover, looksBack } from './leftovers.ts';
import { noteFound } from './note-found.ts';
import { observeComplete } from './observe.ts';
import { reissueLeaves } from './reissue.ts';
import { restartBehind } from './restart.ts';
import { noteExposed, rewrapRest } from './rewrap-rest.ts';
import { Log } from './rotation-log.ts';
import type { Advance, AdvanceInput, AdvancePorts, Scene, WaitingFor } from './rotation-run.ts';
import { inWords, refuseClosed, takeStep } from './take-step.ts';
import { isFresh, type Verified } from './write-change.ts';

/**
 * Takes every step of a kind's rotation whose gate is open, and stops at the first closed one. There is no cursor:
 * each time all is read anew, so that a run that was killed anywhere is continued by running it again.
 */
export async function advance(input: AdvanceInput, ports: AdvancePorts): Promise<Advance> {
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
  input: AdvanceInput,
  log: Log,
  ports: AdvancePorts,
): Promise<Advance> {
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
      const scene: Scene = { input, observation, record };
      if (step === undefined) {
        const left = await leftToDo(rotation, scene, log, ports);
        if (left === 'look again') continue;
        return left === undefined ? log.finished() : log.waiting(left);
      }
      const { decision, gathered, situation } = await decide(step, rotation, scene, ports);
      const decidedAt = ports.clock.now();
      for (const remark of gathered === undefined ? [] : remarksOn(gathered)) log.say(remark);
      if (!decision.open) await noteFound(decision, gathered, scene, log, ports);
      if (isOfLeftover(step, rotation, versions, input) && looksBack(step, decision, input, log)) continue;
      if (await changeUsers(situation, gathered?.evidence ?? {}, scene, log, ports)) continue;
      if (!decision.open) {
        // Where the step is refused, a restart brings it no nearer.
        const isRestarted = decision.remedy === undefined && (await restart(gathered, input, log, ports));
        if (isRestarted) continue;
        return stopped(decision, log);
      }
      const isStill = async (): Promise<void> => {
        const isOld = !isFresh({ at: decidedAt }, ports) || step.type === 'destroy';
        if (isOld) refuseClosed((await decide(step, rotation, scene, ports)).decision);
      };
      verified = await takeStep(step, scene, { gathered, isStill }, log, ports);
      if (input.rehearses) return log.rehearsed(inWords(step, versions, input.kind));
    } finally {
      wipe(observation.assessment);
    }
  }
}

/** One step by name, and the count of resets, are no emergency. */
async function leftToDo(
  rotation: Rotation,
  scene: Scene,
  log: Log,
  ports: AdvancePorts,
): Promise<WaitingFor | 'look again' | undefined> {
  const { request, acceptResets } = scene.input;
  if (rotation.type !== 'versions' || request !== undefined || acceptResets !== undefined) return undefined;
  return endEmergency(rotation.gate, scene, log, ports);
}

/** How a kind rotates. Throws USAGE for what is no kind, and REFUSED for what is not rotated. */
export function rotationOf(kind: KindId): Rotation {
  const rotation = Object.hasOwn(ROTATIONS, kind) ? ROTATIONS[kind] : undefined;
  if (rotation === undefined) {
    throw new PaletteKeysError('USAGE', `there is no kind of key ${kind}`, {
      hint: `there are ${Object.keys(ROTATIONS).join(', ')}`,
    });
  }
  if (rotation.type === 'none') throw new PaletteKeysError('REFUSED', rotation.reason, { hint: rotation.remedy });
  return rotation;
}

async function decide(
  step: Step,
  rotation: Rotation,
  { input, observation, record }: Scene,
  ports: AdvancePorts,
): Promise<{ readonly decision: Decision; readonly gathered: Gathered | undefined; readonly situation: Situation }> {
  const { kind, key } = observation;
  const { compromised, acceptResets } = input;
  const { spec } = record;
  const former = formerSpecOf(key, spec);
  const situation = { kind, step, versions: key.versions, spec, former, compromised, acceptResets };
  if (rotation.type !== 'versions') return { decision: { open: true }, gathered: undefined, situation };
  const gathered = await gatherEvidence(needsOf(rotation.gate, situation), observation, input, ports);
  return { decision: decideStep(rotation.gate, situation, gathered.evidence, ports.clock.now()), gathered, situation };
}

async function restart(
  gathered: Gathered | undefined,
  input: AdvanceInput,
  log: Log,
  ports: AdvancePorts,
): Promise<boolean> {
  if (!input.restart || input.rehearses || gathered === undefined) return false;
  return restartBehind(gathered.behind, input, log, ports);
}

function stopped(decision: Extract<Decision, { open: false }>, log: Log): Advance {
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

async function advanceLeaves(input: AdvanceInput, log: Log, ports: AdvancePorts): Promise<Advance> {
  if (input.request !== undefined) {
    throw new PaletteKeysError('USAGE', `${input.kind} has no versions: certificates are issued anew`, {
      hint: 'leave --rollback, --reinstate, --retire and --destroy out',
    });
  }
  return reissueLeaves(input, log, ports);
}
