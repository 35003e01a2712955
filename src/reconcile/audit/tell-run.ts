import type { AuditChange, AuditResult } from '../../audit/chain.ts';
import type { AuditAnchor, InstallationRecord } from '../../ledger/record.ts';
import { trailToMend } from '../plan/audit-log.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { auditLogIn } from '../plan/snapshot.ts';
import type { ApplyPorts } from '../ports.ts';
import { anchorNow, appendBroken, appendLineTo, isAudited } from './log.ts';

/** Unless nothing was done; mends a broken log. Returns the anchor for the record, where it is known. */
export async function tellRun(
  after: Comparison,
  record: InstallationRecord,
  { changes, result }: { readonly changes: readonly AuditChange[]; readonly result: AuditResult },
  ports: ApplyPorts,
): Promise<AuditAnchor | undefined> {
  const log = auditLogIn(after.snapshot);
  const tells = changes.length > 0 || result === 'rebuilt the record' || !isAudited(log, record.generation);
  const anchor = tells ? await appendLineTo(record, { changes, result }, ports) : await anchorNow(record, log, ports);
  const broken = trailToMend(after);
  return broken === undefined ? anchor : appendBroken(record, broken, tells ? 1 : 0, ports);
}
