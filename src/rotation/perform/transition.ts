import { PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import { unfitEntries } from '../../reconcile/plan/apply-change.ts';
import { type Change, inspectOnly } from '../../reconcile/plan/change.ts';
import type { RotationContext } from '../context.ts';
import { noteFound } from '../evidence/confirm.ts';
import { describeCensus } from '../facts/census.ts';
import type { Gathered } from '../facts/gathered.ts';
import { type Decision, type RotationStep, versionOf } from '../gate.ts';
import { lossBy } from '../loss.ts';
import type { Action } from '../next-action.ts';
import { movesOf } from '../transitions.ts';
import { deleteEntry, refuseToLeave, tellSwept } from './destroy.ts';
import type { Performed, Performing } from './ports.ts';
import { recordEvidence } from './record-evidence.ts';
import { writeChange } from './write-change.ts';

/** Makes one transition whose gate is open, once the operator has agreed and the gate was found open still. */
export async function makeTransition(
  { step, gathered }: Extract<Action, { type: 'transition' }>,
  performing: Performing,
): Promise<Performed> {
  const { context, ports } = performing;
  const { key, kind } = context;
  if (step.type === 'destroy') return destroyVersion(step, gathered, performing);
  const version = step.type === 'publish' ? undefined : versionOf(key, step.n);
  const irrevocable = version === undefined ? undefined : lossBy(step, version, context, ports.clock.now());
  const agreed = () => beforeWriting(step, version, gathered, performing);
  const action = describeStep(step, key.versions, kind);
  const change = changeFor(step, context);
  const written = await writeChange({ action, change, irrevocable, isDecidedOnContext: true, agreed }, performing);
  return written ?? 'changed';
}

/** The record calls it destroyed first: an entry that the record still counts on would be missed. */
async function destroyVersion(
  step: Extract<RotationStep, { type: 'destroy' }>,
  gathered: Gathered | undefined,
  performing: Performing,
): Promise<Performed> {
  const { context, ports, tell } = performing;
  const { key, kind } = context;
  const version = versionOf(key, step.n);
  const irrevocable = lossBy(step, version, context, ports.clock.now());
  const action = describeStep(step, key.versions, kind);
  const traces = await refuseToLeave(version, context, { ports, tell });
  let verified: Performed = 'changed';
  if (version.state === 'destroyed') {
    await ports.agree({ kind, action, plan: undefined, irrevocable });
    await performing.recheckGate(step);
  } else {
    const agreed = () => beforeWriting(step, version, gathered, performing);
    const change = changeFor(step, context);
    verified =
      (await writeChange({ action, change, irrevocable, isDecidedOnContext: true, agreed }, performing)) ?? verified;
  }
  tell({ type: 'deleted', deletion: await deleteEntry(context, version, ports) });
  tellSwept(traces, tell);
  return verified;
}

function changeFor(step: RotationStep, { kind, key, record, request, comparison }: RotationContext): Change {
  const { compromised } = request;
  const adds = step.type === 'publish' ? [{ state: 'published', material: undefined } as const] : [];
  const unfit = unfitEntries(kind, comparison.ledger, key, { spec: record.spec, compromised });
  const passesOver = step.type === 'publish' ? unfit : new Set<string>();
  const moves = movesOf(step, key.versions);
  return { ...inspectOnly(kind), generation: record.generation, adds, moves, passesOver, compromised };
}

async function beforeWriting(
  step: RotationStep,
  version: VersionRecord | undefined,
  gathered: Gathered | undefined,
  { context, ports, tell, recheckGate }: Performing,
): Promise<void> {
  await recheckGate(step);
  const { kind, record, request } = context;
  if (gathered === undefined) return;
  await recordEvidence(gathered, context, { ports, tell });
  if (version === undefined) return;
  const { unprobed, evidence } = gathered;
  if (unprobed.length > 0) {
    await noteFound(record, { kind, old: version, object: unprobed.join('; ') }, ports);
    tell({ type: 'recorded' });
  }
  if (evidence.census?.status !== 'counted') return;
  const accepted = request.acceptResets === undefined ? '' : '; so many resets were accepted';
  const object = `${describeCensus(evidence.census, version.kid)}${accepted}`;
  await noteFound(record, { kind: 'hash-salt', old: version, object }, ports);
  tell({ type: 'recorded' });
}

/** While the operator was asked, tenants were restored, Pods were started, users logged in. Throws CONFLICT. */
export function refuseClosed(decision: Decision): void {
  if (decision.open) return;
  throw new PaletteKeysError('CONFLICT', `the gate closed after the plan was shown: ${decision.reason}`, {
    hint: 'run the command again: it decides anew on what is there now',
    details: decision.blockers.map((message) => ({ message })),
  });
}

/** A step, for people: `promote v2 of root-key in place of v1`. */
export function describeStep(step: RotationStep, versions: readonly VersionRecord[], kind: KindId): string {
  if (step.type === 'publish') return `publish a new version of ${kind}`;
  const active = versions.find(({ state }) => state === 'active');
  const instead = step.type === 'promote' && active !== undefined ? ` in place of v${active.n}` : '';
  return `${step.type} v${step.n} of ${kind}${instead}`;
}
