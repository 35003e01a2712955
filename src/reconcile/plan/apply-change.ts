import type { InstallationSpec } from '../../installation/spec.ts';
import { factsOf } from '../../inventory/forms.ts';
import { versionedKind } from '../../inventory/index.ts';
import type { VersionedKind } from '../../inventory/kind.ts';
import type { LedgerItem, LedgerView } from '../../inventory/ledger-view.ts';
import type { KindId, LedgerEntry } from '../../ledger/entry.ts';
import type { KeyRecord } from '../../ledger/record.ts';
import { isReplacement } from '../../ledger/replacement.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { Change } from './change.ts';
import { numberOf, type VersionContext, type VersionItem } from './compare/version-item.ts';

/** What an interrupted run has written is taken up again, or retired where the change passes it over. */
export function applyChange(
  known: readonly VersionItem[],
  { adds, moves, passesOver }: Change,
  context: VersionContext,
): readonly VersionItem[] {
  const { kind, items, recorded, now } = context;
  const moved = known.map((item): VersionItem => {
    const state = moves.get(numberOf(item));
    const has = item.action === 'keep' || item.action === 'restore';
    return has && state !== undefined ? { ...item, version: { ...item.version, state } } : item;
  });
  const unrecorded = leftIn(kind, items, recorded);
  const left = unrecorded.filter(({ facts }) => !passesOver.has(facts.kid));
  const passed = unrecorded.filter(({ facts }) => passesOver.has(facts.kid));
  const retired = passed.map(retiredItem);
  let next = Math.max(0, newestOf(recorded), ...known.map(numberOf), ...items.map(({ n }) => n)) + 1;
  const added = adds.map(({ state, material }): VersionItem => {
    const facts = material === undefined ? undefined : factsOf(kind, material);
    const index = left.findIndex((entry) => facts === undefined || entry.facts.kid === facts.kid);
    const [written] = index === -1 ? [] : left.splice(index, 1);
    if (written !== undefined) return { action: 'keep', version: { ...written, state } };
    if (material === undefined || facts === undefined)
      return { action: 'create', n: next++, reason: `a new version is made, and ${state}`, state };
    // A copy: an assessment is wiped, the change is carried out by several.
    const own = { ...material, entries: mapEntries(material.entries) };
    return { action: 'add', version: { kind: kind.id, n: next++, createdAt: now, material: own, facts, state } };
  });
  // What an interrupted import or request has left, and this one is not about, must not stay unknown to the record.
  const givenUp = kind.policy.madeByInit ? [] : left.map(retiredItem);
  return [...moved, ...retired, ...givenUp, ...added];
}

/** Leftovers that may be no version: not as the spec asks, or not made for this compromise (perhaps read, too). */
export function unfitEntries(
  kind: KindId,
  ledger: LedgerView,
  recorded: KeyRecord,
  { spec, compromised }: { readonly spec: InstallationSpec; readonly compromised: boolean },
): ReadonlySet<string> {
  const definition = versionedKind(kind);
  const left = definition === undefined ? [] : leftIn(definition, ledger.get(kind) ?? [], recorded);
  const isExposed = ({ n }: LedgerEntry): boolean => compromised && !isReplacement(recorded, n);
  const unfit = left.filter((entry) => isExposed(entry) || definition?.drift(entry, spec) !== undefined);
  return new Set(unfit.map(({ facts }) => facts.kid));
}

/** Sound entries that the record does not know; of keys that `init` makes, only those newer than all it knows. */
export function leftIn(
  { policy }: Pick<VersionedKind, 'policy'>,
  items: readonly LedgerItem[],
  recorded: KeyRecord | undefined,
): readonly LedgerEntry[] {
  const known = new Set((recorded?.versions ?? []).map(({ n }) => n));
  const oldest = policy.madeByInit ? newestOf(recorded) + 1 : 1;
  return items.flatMap((item) =>
    item.damage === undefined && item.n >= oldest && !known.has(item.n) ? [item.entry] : [],
  );
}

function retiredItem(entry: LedgerEntry): VersionItem {
  return { action: 'keep', version: { ...entry, state: 'retired' } };
}

/** Those of destroyed versions among them: no number comes twice. */
function newestOf(recorded: KeyRecord | undefined): number {
  return Math.max(0, ...(recorded?.versions ?? []).map(({ n }) => n));
}

const mapEntries = (entries: Entries): Entries =>
  Object.fromEntries(Object.entries(entries).map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
