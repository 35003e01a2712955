import { equalBytes } from '../../crypto/digest.ts';
import type { KindId } from '../../ledger/entry.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import type { FoundObject, NewObject } from '../../ports/key-store.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import { newestGeneration } from '../../reconcile/plan/next-record.ts';
import type { ObjectStep } from '../../reconcile/plan/step.ts';

export interface RestorableEntry {
  readonly key: KindId;
  readonly n: number;
  readonly kid: string;
  readonly object: NewObject;
}

/** What is to be created: ids and reasons. Restoring never replaces anything. */
export interface RestorePlan {
  readonly steps: readonly ObjectStep[];
  /** True where the store has no record, so that the one of the backup is written. */
  readonly writesRecord: boolean;
}

/** Never older than what workloads mount, and newer where that will change: one generation is one state. */
export function restoredGeneration(recorded: number, projections: Iterable<FoundObject>, changes: boolean): number {
  const newest = newestGeneration(projections);
  if (newest <= recorded) return recorded;
  return changes ? newest + 1 : newest;
}

export function planRestore(
  entries: readonly RestorableEntry[],
  record: InstallationRecord,
  store: Comparison,
): RestorePlan {
  const steps = entries.map((entry) => entryStep(entry, store));
  const place = store.record.status === 'missing' ? undefined : store.record.object;
  const foreign = otherInstallation(record, store);
  const newer = place === undefined ? unknownToBackup(record, store) : [];
  return {
    steps: [...(foreign === undefined ? [] : [foreign]), ...newer, ...steps],
    writesRecord: place === undefined,
  };
}

const ELSEWHERE = 'restore into an empty store, or use a backup of this installation';

function entryStep({ key, n, kid, object }: RestorableEntry, store: Comparison): ObjectStep {
  const { ref } = object;
  const base = { ref, key, n, kid };
  const found = store.snapshot.ledger.find((candidate) => formatRef(candidate.ref) === formatRef(ref));
  if (found === undefined)
    return unrecorded(base, store) ?? { ...base, action: 'create', reason: 'it is in the backup' };
  if (found.damage === undefined && holdsSame(found, object)) return { ...base, action: 'keep' };
  const item = store.ledger.get(key)?.find((candidate) => candidate.n === n);
  if (item?.damage !== undefined || item === undefined) {
    const reason = `it is there, but damaged: ${item?.damage ?? found.damage}`;
    return blocked(base, 'LEDGER_ENTRY_DAMAGED', reason, 'move it away and keep it');
  }
  const other = item.entry.facts.kid;
  const reason = `the store holds another key under this name (${other}) than the backup (${kid})`;
  return blocked(base, 'LEDGER_ENTRY_UNEXPECTED', reason, ELSEWHERE);
}

/** A version that the store's own record does not know would be a key without a state. */
function unrecorded(
  base: Pick<RestorableEntry, 'key' | 'n' | 'kid'> & Pick<ObjectStep, 'ref'>,
  { record }: Comparison,
): ObjectStep | undefined {
  if (record.status !== 'sound') return undefined;
  const known = record.record.keys[base.key]?.versions.some(({ n, kid }) => n === base.n && kid === base.kid);
  if (known === true) return undefined;
  const remedy = 'use a backup that is not newer than the record, or restore into an empty store';
  return blocked(base, 'LEDGER_ENTRY_UNRECORDED', "the store's record does not know this version", remedy);
}

/** Without a record, one that is older than the ledger would make an old key active again. */
function unknownToBackup(record: InstallationRecord, { ledger }: Comparison): readonly ObjectStep[] {
  return [...ledger].flatMap(([key, items]) =>
    items
      .filter(({ n }) => !(record.keys[key]?.versions ?? []).some((version) => version.n === n))
      .map(({ ref, n }) => {
        const reason = 'the backup does not know this version: it is older than the ledger';
        return { ...blocked({ ref, key }, 'LEDGER_ENTRY_UNRECORDED', reason, 'use a newer backup'), n };
      }),
  );
}

function otherInstallation(record: InstallationRecord, store: Comparison): ObjectStep | undefined {
  const there = store.installationId;
  if (there === undefined || there === record.installationId) return undefined;
  const reason = `the store holds the installation ${there}, the backup is of ${record.installationId}`;
  const ref = { kind: 'ConfigMap', namespace: record.spec.ledgerNamespace, name: 'palette-keys-installation' } as const;
  return blocked({ ref, key: ROOT_KEY }, 'NOT_OURS', reason, ELSEWHERE);
}

function blocked(
  base: Pick<ObjectStep, 'ref' | 'key'>,
  code: NonNullable<ObjectStep['code']>,
  reason: string,
  remedy: string,
): ObjectStep {
  return { ...base, action: 'blocked', code, reason, remedy };
}

/** True where every entry is the same; labels and annotations may have been touched. */
function holdsSame(a: NewObject, b: NewObject): boolean {
  const names = new Set([...Object.keys(a.data), ...Object.keys(b.data)]);
  return [...names].every((name) => {
    const [left, right] = [a.data[name], b.data[name]];
    return left !== undefined && right !== undefined && equalBytes(left, right);
  });
}
