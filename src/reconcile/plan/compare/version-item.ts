import type { VersionedKind } from '../../../inventory/kind.ts';
import type { LedgerItem } from '../../../inventory/ledger-view.ts';
import type { KeyRecord } from '../../../ledger/record.ts';
import type { Ring, RingVersion, State } from '../../../ledger/ring.ts';
import type { ObjectRef } from '../../../ports/object-ref.ts';
import type { Change } from '../change.ts';
import type { FindingCode } from '../findings/finding.ts';
import type { Intent } from '../intent.ts';
import type { Adoptable, HeldMaterial } from './holding.ts';

export type VersionItem =
  | {
      readonly action: 'keep' | 'restore' | 'adopt' | 'add';
      readonly version: RingVersion;
      readonly from?: HeldMaterial;
    }
  | {
      readonly action: 'create';
      readonly n: number;
      readonly reason: string;
      readonly code?: FindingCode;
      /** There where the kind can do without it until it is made. */
      readonly state?: State;
    }
  | {
      readonly action: 'blocked';
      readonly n: number;
      readonly kid: string | undefined;
      readonly code: FindingCode;
      readonly reason: string;
      readonly remedy: string;
    };

/** An object of somebody else's that a first version must not pass by. */
export interface Stranger {
  readonly ref: ObjectRef;
  readonly holds: 'a name of the ledger' | 'a key';
}

export interface VersionContext {
  readonly kind: VersionedKind;
  /** True where a first version is made if there is none. */
  readonly isMade: boolean;
  readonly items: readonly LedgerItem[];
  /** What the record says of the kind; undefined where there is no record, or it does not know the kind. */
  readonly recorded: KeyRecord | undefined;
  readonly held: readonly HeldMaterial[];
  /** A key made by hand that `--adopt` may take in as the first version. */
  readonly adoptable: Adoptable | undefined;
  readonly stranger: Stranger | undefined;
  /** True where an object of ours was made from keys of this kind. */
  readonly hasDependents: boolean;
  readonly intent: Intent;
  readonly change: Change | undefined;
  readonly now: string;
}

export function numberOf(item: VersionItem): number {
  return item.action === 'create' || item.action === 'blocked' ? item.n : item.version.n;
}

/** The ring that the items amount to, or undefined where a version is still to be made or stands in the way. */
export function ringFrom(items: readonly VersionItem[]): Ring | undefined {
  const needed = items.filter((item) => item.action !== 'create' || item.state !== 'published');
  const versions = needed.flatMap((item) =>
    item.action === 'create' || item.action === 'blocked' ? [] : [item.version],
  );
  const complete = versions.length === needed.length && versions.filter(({ state }) => state === 'active').length === 1;
  return complete ? versions.sort((a, b) => a.n - b.n) : undefined;
}
