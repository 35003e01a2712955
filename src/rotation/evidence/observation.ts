import type { InstallationSpec } from '../../installation/spec.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { KeyRecord } from '../../ledger/record.ts';
import type { DatabaseUsers } from '../../ports/database-users.ts';
import type { TlsProbe } from '../../ports/tls-probe.ts';
import type { Workloads } from '../../ports/workloads.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import type { TenantDatabase } from '../../tenants/keyring.ts';
import type { Word } from '../word.ts';
import type { CensusDatabase } from './census.ts';

/** Where a TLS endpoint listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the operator says on the command line, and where to look. */
export interface Statements {
  /** That all consumers have loaded what the record was at one generation. */
  readonly assumeConsumersCurrent: Word | undefined;
  readonly noTenantStore: boolean;
  /** Pods (`<namespace>/<name>`) that count for nothing. */
  readonly ignoredPods: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** Decides on evidence, but writes nothing. */
  readonly dryRun: boolean;
}

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

/** What is known of one kind, and of whom it concerns. */
export interface Observation {
  readonly kind: KindId;
  readonly key: KeyRecord;
  readonly comparison: Comparison;
  /** True while the operator's word counts: the record is still at the generation that it was given for. */
  readonly vouched: boolean;
  /** When all of it had been read. */
  readonly at: Date;
}
