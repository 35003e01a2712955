import { formatTime } from '../ledger/entry.ts';
import type { VersionRecord } from '../ledger/record.ts';
import { ringOf } from '../ledger/ring.ts';
import { ringsOfLedger } from '../plan/assess.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { firstScanOf, hasScan, secondScanFrom } from '../rotation/scans.ts';
import { activeVersion, type EvidenceRequest, type TenantsEvidence } from '../rotation/situation.ts';
import type { TenantFailure } from '../tenants/examine.ts';
import { tenantKeyring } from '../tenants/wrap.ts';
import type { EvidencePorts, Observation, Statements } from './observation.ts';
import { scanTenants } from './scan-tenants.ts';
import { readTenantAccess, type TenantAccess } from './tenant-keyring.ts';

/** What is to be kept of a scan: when the first one began that found nothing under `old`; undefined: none counts any more. */
export interface ScanNote {
  readonly old: VersionRecord;
  readonly active: VersionRecord;
  readonly unneededAt: string | undefined;
}

/** So many documents are named. */
const NAMED = 20;

/** The database of the tenant keys, and what opens them; undefined where there is none, or nobody names it. */
export async function reachTenants(
  { assessment: { snapshot } }: Observation,
  { noTenantStore }: Pick<Statements, 'noTenantStore'>,
  ports: EvidencePorts,
): Promise<{ readonly access: TenantAccess; readonly tenants: TenantStore } | undefined> {
  const open = noTenantStore ? undefined : ports.tenantDatabase(snapshot.spec);
  if (open === undefined) return undefined;
  const access = await readTenantAccess(ports, snapshot.spec.ledgerNamespace);
  return { access, tenants: await open(access) };
}

/** Opens every tenant key. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function tenantsEvidence(
  { kid }: Extract<EvidenceRequest, { type: 'tenants' }>,
  observation: Observation,
  statements: Statements,
  ports: EvidencePorts,
): Promise<{ readonly tenants: TenantsEvidence; readonly scanned?: ScanNote }> {
  if (statements.noTenantStore) return { tenants: { status: 'clear' } };
  const reached = await reachTenants(observation, statements, ports);
  if (reached === undefined) return { tenants: { status: 'unknown', reason: 'no database of tenant keys is named' } };
  const { access, tenants } = reached;
  if (kid === undefined) {
    const { failures } = await scanTenants(tenants, access.keyring, ports);
    return { tenants: failures.length > 0 ? { status: 'broken', blockers: named(failures) } : { status: 'clear' } };
  }
  return scanWithout(kid, observation, tenants, ports);
}

async function scanWithout(
  kid: string,
  { key, assessment: { ledger, record, snapshot } }: Observation,
  tenants: TenantStore,
  ports: EvidencePorts,
): Promise<{ readonly tenants: TenantsEvidence; readonly scanned?: ScanNote }> {
  const active = activeVersion(key);
  const old = key.versions.find((version) => version.kid === kid);
  if (old === undefined) throw new Error('a version that the record does not have');
  const now = ports.clock.now();
  const known = firstScanOf(key, old, active, now);
  const begun = new Date(formatTime(now));
  if (known !== undefined && begun < secondScanFrom(known, snapshot.spec)) {
    return { tenants: { status: 'unneeded', first: known, last: known } };
  }
  const keyring = tenantKeyring(ringOf(ringsOfLedger(ledger, record), 'root-key'), kid);
  const { byKid, failures } = await scanTenants(tenants, keyring, ports);
  if (failures.length > 0) {
    const left = byKid[kid] ?? 0;
    const undone = hasScan(key, old) ? { scanned: { old, active, unneededAt: undefined } } : {};
    const others = failures.filter(({ code }) => code !== 'TENANT_KID_RETIRED');
    if (left === 0 || others.length > 0) return { tenants: { status: 'broken', blockers: named(failures) }, ...undone };
    return { tenants: { status: 'needed', blockers: [countOf(left, failures)] }, ...undone };
  }
  if (known !== undefined) return { tenants: { status: 'unneeded', first: known, last: begun } };
  return {
    tenants: { status: 'unneeded', first: begun, last: begun },
    scanned: { old, active, unneededAt: formatTime(begun) },
  };
}

/** Failures in words, the first of them. */
export function named(failures: readonly TenantFailure[]): readonly string[] {
  const first = failures.slice(0, NAMED).map(({ code, tenant, message }) => `${code} tenant/${tenant}: ${message}`);
  return failures.length > NAMED ? [...first, `and ${failures.length - NAMED} more`] : first;
}

function countOf(count: number, failures: readonly TenantFailure[]): string {
  const [{ tenant } = { tenant: '' }] = failures;
  return `${count} tenant keys, of ${tenant}${count > 1 ? ' and others' : ''}`;
}
