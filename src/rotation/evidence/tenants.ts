import { formatTime } from '../../ledger/entry.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import { ringOf } from '../../ledger/ring.ts';
import type { TenantStore } from '../../ports/tenant-store.ts';
import { ringsOfLedger } from '../../reconcile/plan/compare/compare.ts';
import { readTenantAccess, type TenantAccess } from '../../tenants/keyring.ts';
import type { TenantFailure } from '../../tenants/plan/examine.ts';
import { showId } from '../../tenants/plan/tenant-id.ts';
import { tenantKeyring } from '../../tenants/plan/wrap.ts';
import { scanTenants } from '../../tenants/scan.ts';
import type { RotationContext } from '../context.ts';
import type { ScanNote } from '../facts/gathered.ts';
import { firstScanAt, hasScan, secondScanFrom } from '../facts/scans.ts';
import { activeVersion, type EvidenceRequest, type TenantsEvidence } from '../gate.ts';
import type { EvidencePorts } from './ports.ts';

export const NAMED = 20;

/** The database of the tenant keys, and what opens them; undefined where there is none, or nobody names it. */
export async function reachTenants(
  { comparison: { snapshot }, request: { noTenantStore } }: RotationContext,
  ports: EvidencePorts,
): Promise<{ readonly access: TenantAccess; readonly tenants: TenantStore } | undefined> {
  const open = noTenantStore ? undefined : ports.tenantDatabase(snapshot.spec);
  if (open === undefined) return undefined;
  const access = await readTenantAccess(ports, snapshot.spec.ledgerNamespace);
  return { access, tenants: await open(access) };
}

/** Opens every tenant key. `since`: when all consumers were current. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function tenantsEvidence(
  { kid, counts }: Extract<EvidenceRequest, { type: 'tenants' }>,
  context: RotationContext,
  ports: EvidencePorts,
  since?: Date,
): Promise<{ readonly tenants: TenantsEvidence; readonly scanned?: ScanNote }> {
  if (context.request.noTenantStore) return { tenants: { status: 'clear' } };
  const reached = await reachTenants(context, ports);
  if (reached === undefined) return { tenants: { status: 'unknown', reason: 'no database of tenant keys is named' } };
  const { access, tenants } = reached;
  if (kid === undefined) {
    const { failures } = await scanTenants(tenants, access.keyring, ports);
    return { tenants: failures.length > 0 ? { status: 'broken', blockers: named(failures) } : { status: 'clear' } };
  }
  if (counts === true) return { tenants: await countUnder(kid, tenants) };
  return scanWithout(kid, context, tenants, ports, since);
}

/** Whether any document is wrapped by that root key, whoever could open it. */
async function countUnder(kid: string, tenants: TenantStore): Promise<TenantsEvidence> {
  const { location } = tenants;
  const counts = await tenants.countByKid();
  const count = counts.get(kid) ?? 0;
  if (count > 0) return { status: 'needed', blockers: [`${count} tenant keys in ${location}`] };
  const nameless = counts.get(undefined) ?? 0;
  if (nameless > 0) return { status: 'broken', blockers: [`${nameless} documents in ${location} name no root key`] };
  return counts.size === 0 ? { status: 'empty', location } : { status: 'clear' };
}

async function scanWithout(
  kid: string,
  { key, comparison: { ledger, record, snapshot } }: RotationContext,
  tenants: TenantStore,
  ports: EvidencePorts,
  since: Date | undefined,
): Promise<{ readonly tenants: TenantsEvidence; readonly scanned?: ScanNote }> {
  const active = activeVersion(key);
  const old = key.versions.find((version) => version.kid === kid);
  if (old === undefined) throw new Error('a version that the record does not have');
  const { location } = tenants;
  const now = ports.clock.now();
  const known = firstScanAt(key, old, active, { now, location, since });
  const begun = new Date(formatTime(now));
  if (known !== undefined && begun < secondScanFrom(known, snapshot.spec)) {
    return { tenants: { status: 'unneeded', first: known, last: known } };
  }
  const keyring = tenantKeyring(ringOf(ringsOfLedger(ledger, record), ROOT_KEY), key.versions, kid);
  const { byKid, failures, total } = await scanTenants(tenants, keyring, ports);
  const undone = hasScan(key, old) ? { scanned: { old, active, scan: undefined } } : {};
  if (failures.length > 0) {
    const left = byKid[kid] ?? 0;
    const others = failures.filter(({ code }) => code !== 'TENANT_KID_RETIRED');
    if (left === 0 || others.length > 0) return { tenants: { status: 'broken', blockers: named(failures) }, ...undone };
    return { tenants: { status: 'needed', blockers: [countOf(left, failures)] }, ...undone };
  }
  // Where nothing is, nothing speaks for the old key being unneeded: that may be elsewhere.
  if (total === 0) return { tenants: { status: 'empty', location }, ...undone };
  if (known !== undefined) return { tenants: { status: 'unneeded', first: known, last: begun } };
  return {
    tenants: { status: 'unneeded', first: begun, last: begun },
    scanned: { old, active, scan: { begun, location } },
  };
}

export function named(failures: readonly TenantFailure[]): readonly string[] {
  const first = failures
    .slice(0, NAMED)
    .map(({ code, tenant, message }) => `${code} tenant/${showId(tenant)}: ${message}`);
  return failures.length > NAMED ? [...first, `and ${failures.length - NAMED} more`] : first;
}

function countOf(count: number, failures: readonly TenantFailure[]): string {
  const [{ tenant } = { tenant: '' }] = failures;
  return `${count} tenant keys, of ${showId(tenant)}${count > 1 ? ' and others' : ''}`;
}
