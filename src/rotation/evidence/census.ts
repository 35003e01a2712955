import { PaletteKeysError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import type { Census } from '../../ports/census.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { readTenantAccess, type TenantAccess } from '../../tenants/keyring.ts';
import type { CensusEvidence } from '../gate.ts';

/** How one gets to the records of `hashSalt.census`; undefined where neither the spec nor the operator names a database. */
export type CensusDatabase = (
  spec: InstallationSpec,
) => ((access: TenantAccess, collection: string) => Promise<Census>) | undefined;

export interface CensusPorts extends Pick<ApplyPorts, 'store' | 'clock'> {
  readonly censusDatabase: CensusDatabase;
}

/**
 * Counts records by the salt that they name. Reads alone. Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and
 * DATABASE_DENIED; with `lenient` that is an answer too, for a run that writes nothing.
 */
export async function censusEvidence(
  versions: readonly VersionRecord[],
  spec: InstallationSpec,
  lenient: boolean,
  ports: CensusPorts,
): Promise<CensusEvidence> {
  const { census: configured } = spec.hashSalt;
  if (configured === null) return { status: 'unknown', reason: 'no census is configured' };
  const open = ports.censusDatabase(spec);
  if (open === undefined) return { status: 'unknown', reason: 'no database is named' };
  const access = await readTenantAccess(ports, spec.ledgerNamespace);
  try {
    const census = await open(access, configured.collection);
    try {
      const kids = versions.map(({ kid }) => kid);
      const { byValue, others, without } = await census.count(configured.kidField, kids);
      return { status: 'counted', location: census.location, byKid: byValue, strange: others, unmarked: without };
    } finally {
      await census.close();
    }
  } catch (error) {
    if (!lenient || !isOfDatabase(error)) throw error;
    return { status: 'unknown', reason: error.message };
  }
}

function isOfDatabase(error: unknown): error is PaletteKeysError {
  return error instanceof PaletteKeysError && error.code.startsWith('DATABASE_');
}
