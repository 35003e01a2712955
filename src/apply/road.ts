import { PaletteKeysError } from '../errors.ts';
import type { KindId } from '../ledger/entry.ts';
import { assess } from '../plan/assess.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { type PlannedStep, planRoad } from '../rotation/plan.ts';
import { rotationOf } from './advance.ts';
import { gather, type SpecRequest } from './gather.ts';
import { wipe } from './wipe.ts';

/** The road of a kind's rotation from where it is now. Writes nothing. */
export async function readRoad(
  kind: KindId,
  spec: SpecRequest,
  { store, clock }: { readonly store: KeyStore; readonly clock: Clock },
): Promise<readonly PlannedStep[]> {
  const rotation = rotationOf(kind);
  const assessment = await assess(await gather(store, spec), { adopt: false, restore: false }, clock.now());
  const { record } = assessment;
  wipe(assessment);
  if (record.status !== 'sound') {
    throw new PaletteKeysError('NOT_INSTALLED', `${store.location} holds no installation, or its record is lost`, {
      hint: 'palette-keys init makes or completes one',
    });
  }
  return planRoad(kind, rotation, record.record.keys[kind], record.record.spec, clock.now());
}
