import type { InstallationSpec } from '../installation/spec.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { compare } from '../reconcile/plan/compare/compare.ts';
import { COMPLETE } from '../reconcile/plan/intent.ts';
import type { Snapshot, TenantsSeen } from '../reconcile/plan/snapshot.ts';
import { withArchives } from '../reconcile/read/audit-archives.ts';
import { withLeftovers } from '../reconcile/read/key-traces.ts';
import { readInstallation, type SpecRequest } from '../reconcile/read/read-installation.ts';
import { wipe } from '../reconcile/read/wipe.ts';
import { reportStatus, type StatusReport, tooNewStatus } from './plan/status.ts';

export async function readStatus(
  ports: { readonly store: KeyStore; readonly clock: Clock },
  spec: SpecRequest,
  look?: (spec: InstallationSpec) => Promise<TenantsSeen | undefined>,
): Promise<StatusReport | undefined> {
  const now = ports.clock.now();
  let snapshot: Snapshot;
  try {
    const gathered = await withLeftovers(ports.store, await readInstallation(ports.store, spec));
    snapshot = await withArchives(gathered, ports.store);
  } catch (error) {
    const report = tooNewStatus(error, spec.namespace ?? '');
    if (report === undefined) throw error;
    return report;
  }
  const seen = snapshot.ledger.length === 0 ? undefined : await look?.(snapshot.spec);
  const comparison = await compare(snapshot, { ...COMPLETE, seen }, now);
  const report = reportStatus(comparison, now);
  wipe(comparison);
  return report;
}
