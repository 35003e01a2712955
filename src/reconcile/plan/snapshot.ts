import { AUDIT_NAME } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { LedgerView, RecordView } from '../../inventory/ledger-view.ts';
import type { FoundObject, Leftover } from '../../ports/key-store.ts';

/** Everything that was read from the store, before anything is decided. */
export interface Snapshot {
  readonly store: { readonly kind: 'directory' | 'kubernetes'; readonly location: string };
  /** The spec that the run works with: the requested one, else the recorded one, else the default. */
  readonly spec: InstallationSpec;
  /** Fields that the requested one leaves out; undefined where none was requested. */
  readonly leftOut: readonly string[] | undefined;
  /** The installation's own: the recorded one, or its copy where the record is lost. Undefined where neither is there. */
  readonly ownSpec: InstallationSpec | undefined;
  /** All our objects in the ledger's namespace. */
  readonly ledger: readonly FoundObject[];
  readonly record: RecordView;
  /** Full audit logs, in any order; undefined where nobody read them. */
  readonly archives?: readonly string[];
  readonly versions: LedgerView;
  /** What stands at the place of each projection, by `formatRef`; what is not there is not in it. */
  readonly projections: ReadonlyMap<string, FoundObject>;
  /** Secrets made by hand that `--adopt` may take in, by `formatRef`; read for a first `init` and with `--adopt`. */
  readonly adoptable: ReadonlyMap<string, FoundObject>;
  /** Objects of others under names that a first ledger needs, by `formatRef`; read for a first `init` alone. */
  readonly unmanagedObjects: ReadonlyMap<string, FoundObject>;
  /** Every place that was looked at, by `formatRef`. */
  readonly looked: ReadonlySet<string>;
  /** What lies about in the store; undefined under its lock, where nobody asks. */
  readonly leftovers?: readonly Leftover[];
  /** Namespaces of the spec that the store does not have. */
  readonly missingNamespaces: readonly string[];
}

export interface TenantsCounted {
  readonly status: 'counted';
  /** Hosts, database and collection. */
  readonly location: string;
  /** Documents by the kid that wraps them; undefined counts those that name none. */
  readonly byKid: ReadonlyMap<string | undefined, number>;
}

/** What the database of the tenant keys says of the root keys that wrap them. */
export type TenantsSeen = TenantsCounted | { readonly status: 'unknown'; readonly reason: string };

export function auditLogIn({ ledger }: Snapshot): FoundObject | undefined {
  return ledger.find(({ ref }) => ref.kind === 'ConfigMap' && ref.name === AUDIT_NAME);
}

/** True where runs came to their end: only such a run writes the log. */
export function hasAuditLog(snapshot: Snapshot): boolean {
  return auditLogIn(snapshot) !== undefined;
}
