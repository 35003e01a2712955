import { PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import { unfitEntries } from '../../reconcile/plan/apply-change.ts';
import { type Change, inspectOnly } from '../../reconcile/plan/change.ts';
import { describeCensus } from '../census.ts';
import { noteCensus, noteUnprobed } from '../evidence/confirm.ts';
import type { Gathered } from '../evidence/evidence.ts';
import type { Decision, RotationStep } from '../gate.ts';
import { movesOf } from '../machine.ts';
import { deleteEntry, exposureOf, lossOf, refuseToLeave, saySwept } from './destroy.ts';
import { recordEvidence } from './note-found.ts';
import type { Loss, RotatePorts, RotationContext } from './request.ts';
import { irrevocableLoss } from './request.ts';
import type { Log } from './rotation-log.ts';
import { type Verified, writeChange } from './write-change.ts';

/**
 * Takes one step whose gate is open, once somebody has agreed and `isStill` has found it so. A rehearsal writes nothing.
 * Returns what was read back.
 */
export async function takeStep(
  step: RotationStep,
  context: RotationContext,
  { gathered, recheckGate }: { readonly gathered: Gathered | undefined; recheckGate(): Promise<void> },
  log: Log,
  ports: RotatePorts,
): Promise<Verified | undefined> {
  const { input, observation, record } = context;
  const { kind, key } = observation;
  const version = step.type === 'publish' ? undefined : key.versions.find(({ n }) => n === step.n);
  const irrevocable = version === undefined ? undefined : toType(step, version, context, ports.clock.now());
  const action = describeStep(step, key.versions, kind);
  const isDestroyed = step.type === 'destroy' && version !== undefined;
  const traces = isDestroyed ? await refuseToLeave(version, observation, log, ports) : undefined;
  let verified: Verified | undefined;
  if (step.type === 'destroy' && version?.state === 'destroyed') {
    if (input.dryRun && irrevocable !== undefined) throw irrevocableLoss(irrevocable);
    if (!input.dryRun) {
      await input.agree({ kind, action, plan: undefined, irrevocable });
      await recheckGate();
    }
  } else {
    const adds = step.type === 'publish' ? [{ state: 'published', material: undefined } as const] : [];
    const moves = movesOf(step, key.versions);
    const { compromised } = input;
    const unfit = unfitEntries(kind, observation.comparison.ledger, key, { spec: record.spec, compromised });
    const passesOver = step.type === 'publish' ? unfit : new Set<string>();
    const change: Change = {
      ...inspectOnly(kind),
      generation: record.generation,
      adds,
      moves,
      passesOver,
      compromised,
    };
    const census = gathered?.evidence.census;
    const agreed = async (): Promise<void> => {
      await recheckGate();
      if (gathered !== undefined) await recordEvidence(gathered, context, log, ports);
      if (version !== undefined && gathered !== undefined && gathered.unprobed.length > 0) {
        await noteUnprobed(record, kind, { old: version, unprobed: gathered.unprobed }, ports);
        log.wrote = true;
      }
      if (census?.status !== 'counted' || version === undefined) return;
      const found = describeCensus(census, version.kid);
      await noteCensus(record, { old: version, found, accepted: input.acceptResets !== undefined }, ports);
      log.wrote = true;
    };
    await writeChange(action, change, {
      input,
      ports,
      log,
      seen: observation,
      irrevocable,
      agreed,
      takeOver: (found) => {
        verified = found;
      },
    });
  }
  if (!isDestroyed || input.dryRun) return verified;
  log.delete(await deleteEntry(record, observation, version, ports));
  if (traces !== undefined) saySwept(traces, log);
  return verified;
}

/** What the operator has to want by name. */
function toType(
  { type }: RotationStep,
  version: VersionRecord,
  { observation, record }: RotationContext,
  now: Date,
): Loss | undefined {
  const { kind, key } = observation;
  if (type === 'destroy') return lossOf(kind, version, record.spec, now);
  return type === 'reinstate' ? exposureOf(key, version) : undefined;
}

/** While somebody was asked, tenants were restored, Pods were started, users logged in. Throws CONFLICT. */
export function refuseClosed(decision: Decision): void {
  if (decision.open) return;
  throw new PaletteKeysError('CONFLICT', `this is so no longer, since it was shown: ${decision.reason}`, {
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
