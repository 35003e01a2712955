import { PaletteKeysError } from '../../errors.ts';
import { compare } from '../../reconcile/plan/compare/compare.ts';
import { COMPLETE } from '../../reconcile/plan/intent.ts';
import { readInstallation, type SpecRequest } from '../../reconcile/read/read-installation.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { type CensusPorts, censusEvidence } from '../evidence/census.ts';
import { openStep } from '../machine.ts';
import { refuseSafe } from '../next-step.ts';
import { type PlannedStep, planRotation } from '../plan.ts';
import type { RotateRequest } from '../rotate-request.ts';
import { countsFor } from '../word.ts';
import { unwantedKind } from './read-context.ts';
import { chosenLeaves } from './reissue.ts';
import { rotationOf } from './rotate-key.ts';

/** Every step of a kind's rotation from where it is now. Writes nothing. Throws REFUSED where there is none. */
export async function readRotationPlan(
  input: Pick<RotateRequest, 'kind' | 'again' | 'compromised' | 'services' | 'assumeConsumersCurrent'>,
  ports: CensusPorts & { readonly spec: SpecRequest },
): Promise<readonly PlannedStep[]> {
  const { kind } = input;
  const { store, clock, spec } = ports;
  const rotation = rotationOf(kind);
  const comparison = await compare(await readInstallation(store, spec), COMPLETE, clock.now());
  const { record } = comparison;
  wipe(comparison);
  if (record.status !== 'sound') {
    throw new PaletteKeysError('NOT_INSTALLED', `${store.location} holds no installation, or its record is lost`, {
      hint: 'palette-keys init makes or completes one',
    });
  }
  countsFor(input.assumeConsumersCurrent, record.record);
  const { keys, spec: recorded } = record.record;
  const unwanted = unwantedKind(kind, recorded);
  if (unwanted !== undefined) throw unwanted;
  const key = keys[kind];
  const leaves = rotation.type === 'leaves' ? chosenLeaves(comparison, input) : [];
  const open = openStep(key?.versions ?? [], { keepsTrusted: false }, ports.clock.now());
  if (open === undefined) refuseSafe(input, rotation);
  const counts = rotation.type === 'versions' && rotation.policy.keepsTrusted && recorded.hashSalt.census !== null;
  const census = counts ? await censusEvidence(key?.versions ?? [], recorded, true, ports) : undefined;
  return planRotation(kind, rotation, recorded, { ...input, key, leaves, now: clock.now() }, census);
}
