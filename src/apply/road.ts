import { PaletteKeysError } from '../errors.ts';
import type { KindId } from '../ledger/entry.ts';
import { assess } from '../plan/assess.ts';
import { type PlannedStep, planRoad } from '../rotation/plan.ts';
import { rotationOf } from './advance.ts';
import { type CensusPorts, censusEvidence } from './census-evidence.ts';
import { gather, type SpecRequest } from './gather.ts';
import { wipe } from './wipe.ts';

/** The road of a kind's rotation from where it is now. Writes nothing. */
export async function readRoad(kind: KindId, spec: SpecRequest, ports: CensusPorts): Promise<readonly PlannedStep[]> {
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
  const { keys, spec: recorded } = record.record;
  const counts = rotation.type === 'versions' && rotation.keepsTrusted === true && recorded.hashSalt.census !== null;
  const census = counts ? await censusEvidence(keys[kind]?.versions ?? [], recorded, true, ports) : undefined;
  return planRoad(kind, rotation, keys[kind], recorded, clock.now(), census);
}
