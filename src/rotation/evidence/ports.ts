import type { InstallationSpec } from '../../installation/spec.ts';
import type { DatabaseUsers } from '../../ports/database-users.ts';
import type { TlsProbe } from '../../ports/tls-probe.ts';
import type { Workloads } from '../../ports/workloads.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import type { TenantDatabase } from '../../tenants/keyring.ts';
import type { CensusDatabase } from './census.ts';

/** How one gets to the users of the database server; undefined where nobody says where it is. `ca`: PEM, the internal CAs. */
export type UsersOfDatabase = (spec: InstallationSpec, ca: string) => Promise<DatabaseUsers> | undefined;

export interface EvidencePorts extends ApplyPorts {
  /** Undefined for a store that is no cluster. */
  readonly workloads: Workloads | undefined;
  readonly probe: TlsProbe;
  readonly tenantDatabase: TenantDatabase;
  readonly censusDatabase: CensusDatabase;
  readonly databaseUsers: UsersOfDatabase;
}
