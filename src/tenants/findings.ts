import { type Finding, finding } from '../reconcile/plan/findings/finding.ts';
import { RESTORE_THAT } from '../reconcile/plan/findings/tenants.ts';
import type { TenantFailure, TenantFault } from './plan/examine.ts';
import { showId } from './plan/tenant-id.ts';

/** `KID` stands for the root key's. */
const REMEDIES: Readonly<Record<TenantFault, string>> = {
  TENANT_MALFORMED: 'look at it with mongosh; restore it from a dump of the database',
  TENANT_KID_UNKNOWN: `the cluster was restored to an older state, perhaps: ${RESTORE_THAT}`,
  TENANT_KID_RETIRED:
    'an older dump of the database was restored, perhaps: palette-keys rotate root-key --reinstate KID',
  TENANT_KID_DESTROYED:
    'an older dump of the database was restored, perhaps: palette-keys restore FILE brings the root key back, where a backup holds it; then palette-keys rotate root-key --reinstate KID',
  TENANT_KEY_UNOPENABLE: 'it was damaged or exchanged: restore it from a dump of the database',
};

/** The failures of a scan as findings: where there is one, nothing that needs or changes a root key may go on (5). */
export function tenantFindings(failures: readonly TenantFailure[]): readonly Finding[] {
  return failures.map(({ tenant, code, message, kid = 'KID' }) =>
    finding(code, `tenant/${showId(tenant)}`, message, REMEDIES[code].replace('KID', kid)),
  );
}
