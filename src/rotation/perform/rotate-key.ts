import { ERRORS, PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { gateInput, type RotationContext } from '../context.ts';
import { decideStep, needsOf } from '../decide.ts';
import { gatherEvidence } from '../evidence/evidence.ts';
import type { Gathered } from '../facts/gathered.ts';
import { begin, fold, type History, type RunEvent, resultOf, type Tell } from '../history.ts';
import { ROTATIONS, type Rotation } from '../kinds.ts';
import { type Action, nextAction } from '../next-action.ts';
import type { RotateRequest, RotateResult } from '../rotate-request.ts';
import { changeUser } from './change-user.ts';
import { complete } from './complete.ts';
import { sweep } from './destroy.ts';
import { nameExposed } from './name-exposed.ts';
import type { Performed, Performing, RotateEnd, RotatePorts } from './ports.ts';
import { readContext } from './read-context.ts';
import { proposeEvidence } from './record-evidence.ts';
import { rotateLeaves } from './reissue.ts';
import { restart } from './restart.ts';
import { rewrapTenants } from './rewrap.ts';
import { makeTransition, refuseClosed } from './transition.ts';
import { isRecent } from './verified.ts';

type Perform<T extends Action['type']> = (
  action: Extract<Action, { readonly type: T }>,
  performing: Performing,
) => Promise<Performed> | Performed;

type Performable = Exclude<Action['type'], RotateEnd['type'] | 'gather'>;

const PERFORM: { readonly [T in Performable]: Perform<T> } = {
  complete,
  nameExposed,
  rewrap: rewrapTenants,
  recordEvidence: proposeEvidence,
  keep: ({ n }, { tell }) => {
    tell({ type: 'kept', n });
    return 'changed';
  },
  fixResets: ({ n }, { tell }) => {
    tell({ type: 'resets', n });
    return 'same';
  },
  changeUser,
  restart,
  transition: makeTransition,
  sweep,
};

/** Takes every step whose gate is open. After each change all is read again: a second run goes on from a kill. */
export async function rotateKey(
  request: RotateRequest,
  ports: RotatePorts,
  watch: Tell = () => undefined,
): Promise<RotateResult> {
  const rotation = rotationOf(request.kind);
  if (rotation.type === 'leaves' && request.request !== undefined) {
    throw new PaletteKeysError('USAGE', `${request.kind} has no versions: certificates are issued anew`, {
      hint: 'leave --rollback, --reinstate, --retire and --destroy out',
    });
  }
  let history = begin(request.kind, request.before);
  const tell = (event: RunEvent): void => {
    history = fold(history, event);
    watch(event);
  };
  try {
    const end = await run(request, rotation, ports, { tell, history: () => history });
    return endWith(end, history);
  } catch (error) {
    if (!history.wrote || !(error instanceof PaletteKeysError) || !saysNothingWritten(error)) throw error;
    return endWith({ type: 'refuse', error }, history);
  }
}

interface Journal {
  readonly tell: (event: RunEvent) => void;
  readonly history: () => History;
}

async function run(
  request: RotateRequest,
  rotation: Rotation,
  ports: RotatePorts,
  { tell, history }: Journal,
): Promise<RotateEnd> {
  let performed: Performed = 'changed';
  for (;;) {
    const verified = typeof performed === 'string' ? undefined : performed;
    const { context, heard } = await readContext(request, rotation, history().word, ports, verified);
    const { key, record } = context;
    tell({ type: 'heard', word: heard });
    tell({ type: 'read', versions: key.versions, generation: record.generation });
    try {
      const end = await untilChanged(context, ports, { tell, history });
      if (end === 'changed' || 'snapshot' in end) performed = end;
      else return end;
    } finally {
      wipe(context.comparison);
    }
  }
}

/** Acts on what was read, until that is no longer how things are, or there is nothing more to do. */
async function untilChanged(
  context: RotationContext,
  ports: RotatePorts,
  { tell, history }: Journal,
): Promise<RotateEnd | Exclude<Performed, 'same'>> {
  let gathered: Gathered | undefined;
  for (;;) {
    const now = ports.clock.now();
    const performing = { context, history: history(), ports, tell, recheckGate: recheckAt(now, context, ports) };
    if (context.record.ready && context.rotation.type === 'leaves') return rotateLeaves(performing);
    const action = nextAction(context, gathered, history(), now);
    for (const text of action.notes ?? []) tell({ type: 'note', text });
    if (action.type === 'wait' || action.type === 'refuse') return action;
    if (action.type === 'done') {
      if (action.offersWord === true) tell({ type: 'offers-word' });
      return action;
    }
    if (action.type === 'gather') {
      gathered = await gatherEvidence(action.requests, context, ports);
      continue;
    }
    const performed = await (PERFORM[action.type] as Perform<typeof action.type>)(action as never, performing);
    if (performed !== 'same') return performed;
  }
}

/** What was decided a while ago, or is for good, is decided once more on evidence that is gathered now. */
function recheckAt(decidedAt: Date, context: RotationContext, ports: RotatePorts): Performing['recheckGate'] {
  return async (step) => {
    const { rotation } = context;
    if (rotation.type !== 'versions') return;
    if (isRecent({ at: decidedAt }, ports) && step.type !== 'destroy') return;
    const input = gateInput(step, context);
    const gathered = await gatherEvidence(needsOf(rotation.gate, input), context, ports);
    refuseClosed(decideStep(rotation.gate, input, gathered.evidence, ports.clock.now()));
  };
}

function endWith(end: RotateEnd, history: History): RotateResult {
  if (end.type === 'wait') return resultOf(history, { done: false, waitingFor: end.waitingFor });
  if (end.type === 'done') return resultOf(history, { done: true });
  if (!history.wrote) throw end.error;
  // What has been refused has written nothing: once this command has written, it can only wait.
  const { message, hint, details } = end.error;
  const blockers = [...details.map(({ message: what }) => what), hint];
  return resultOf(history, { done: false, waitingFor: { reason: message, blockers }, refused: true });
}

/** By its exit code: the connection string of the spec may turn out useless late. */
function saysNothingWritten({ code, exit }: PaletteKeysError): boolean {
  return code === 'USAGE' || exit === ERRORS.REFUSED.exit;
}

/** How a kind rotates. Throws REFUSED for what is not rotated. */
export function rotationOf(kind: KindId): Rotation {
  const rotation = ROTATIONS[kind];
  if (rotation.type === 'none') throw new PaletteKeysError('REFUSED', rotation.reason, { hint: rotation.remedy });
  return rotation;
}
