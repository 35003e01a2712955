import { assess } from '../plan/assess.ts';
import { reportStatus, type StatusReport } from '../plan/status.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { gather, type SpecRequest } from './gather.ts';
import { wipe } from './wipe.ts';

/** Reads everything and says what is there; undefined where there is no installation. Writes nothing. */
export async function readStatus(
  ports: { readonly store: KeyStore; readonly clock: Clock },
  spec: SpecRequest,
): Promise<StatusReport | undefined> {
  const now = ports.clock.now();
  const assessment = await assess(await gather(ports.store, spec), { adopt: false, restore: false }, now);
  const report = reportStatus(assessment, now);
  wipe(assessment);
  return report;
}
