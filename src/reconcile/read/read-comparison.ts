import { type Comparison, compare } from '../plan/compare/compare.ts';
import type { Snapshot } from '../plan/snapshot.ts';
import type { ApplyPorts } from '../ports.ts';
import type { ReconcileRequest } from '../request.ts';
import { withArchives } from './audit-archives.ts';
import { readInstallation } from './read-installation.ts';

/** `before` is what the run read earlier: its ledger is read again, its projections and archives are not. */
export async function readComparison(
  request: ReconcileRequest,
  { store, clock }: Pick<ApplyPorts, 'store' | 'clock'>,
  before?: Snapshot,
): Promise<Comparison> {
  const snapshot = await readSnapshot(request, store, before);
  return compare(snapshot, request, clock.now());
}

/** The snapshot that a run decides on: with the full audit logs where it may have to mend the log. */
export async function readSnapshot(
  { spec, intent, migrates }: ReconcileRequest,
  store: ApplyPorts['store'],
  before?: Snapshot,
): Promise<Snapshot> {
  const read = await readInstallation(store, spec, intent, before);
  if (migrates !== true) return read;
  return before?.archives === undefined ? withArchives(read, store) : { ...read, archives: before.archives };
}
