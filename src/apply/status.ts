import type { InstallationSpec } from '../installation/spec.ts';
import { assess } from '../plan/assess.ts';
import type { Snapshot, TenantsSeen } from '../plan/snapshot.ts';
import { reportStatus, type StatusReport, tooNewStatus } from '../plan/status.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { withArchives } from './audit-archives.ts';
import { gather, type SpecRequest } from './gather.ts';
import { withLeftovers } from './key-traces.ts';
import { wipe } from './wipe.ts';

/** Reads everything, the tenant keys with `look`, and says what is there; undefined where there is no installation. Writes nothing. */
export async function readStatus(
  ports: { readonly store: KeyStore; readonly clock: Clock },
  spec: SpecRequest,
  look?: (spec: InstallationSpec) => Promise<TenantsSeen | undefined>,
): Promise<StatusReport | undefined> {
  const now = ports.clock.now();
  let snapshot: Snapshot;
  try {
    const gathered = await withLeftovers(ports.store, await gather(ports.store, spec));
    snapshot = await withArchives(gathered, ports.store);
  } catch (error) {
    const report = tooNewStatus(error, spec.namespace ?? '');
    if (report === undefined) throw error;
    return report;
  }
  const seen = snapshot.ledger.length === 0 ? undefined : await look?.(snapshot.spec);
  const assessment = await assess(snapshot, { adopt: false, restore: false, seen }, now);
  const report = reportStatus(assessment, now);
  wipe(assessment);
  return report;
}
