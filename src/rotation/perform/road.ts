import { PaletteKeysError } from '../../errors.ts';
import { assess } from '../../reconcile/plan/compare/compare.ts';
import { gather } from '../../reconcile/read/read-installation.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { type CensusPorts, censusEvidence } from '../evidence/census.ts';
import { openStep } from '../machine.ts';
import { type PlannedStep, planRoad } from '../plan.ts';
import { countsFor } from '../word.ts';
import { rotationOf } from './advance.ts';
import { refuseSafe } from './choose-step.ts';
import { unwantedKind } from './observe.ts';
import { chosenLeaves } from './reissue.ts';
import type { AdvanceInput } from './rotation-run.ts';

/** The road of a kind's rotation from where it is now. Writes nothing. Throws REFUSED where there is none. */
export async function readRoad(
  input: Pick<AdvanceInput, 'kind' | 'spec' | 'again' | 'compromised' | 'services' | 'assumeConsumersCurrent'>,
  ports: CensusPorts,
): Promise<readonly PlannedStep[]> {
  const { kind, spec } = input;
  const { store, clock } = ports;
  const rotation = rotationOf(kind);
  const assessment = await assess(await gather(store, spec), { adopt: false, restore: false }, clock.now());
  const { record } = assessment;
  wipe(assessment);
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
  const leaves = rotation.type === 'leaves' ? chosenLeaves(assessment, input) : [];
  if (
    rotation.type === 'versions' &&
    openStep(key?.versions ?? [], { keepsTrusted: false }, ports.clock.now()) === undefined
  )
    refuseSafe(input, rotation);
  const counts = rotation.type === 'versions' && rotation.keepsTrusted === true && recorded.hashSalt.census !== null;
  const census = counts ? await censusEvidence(key?.versions ?? [], recorded, true, ports) : undefined;
  return planRoad(kind, rotation, recorded, { ...input, key, leaves, now: clock.now() }, census);
}
