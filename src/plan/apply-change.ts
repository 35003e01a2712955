import type { Entries } from '../ports/key-store.ts';
import type { Change } from './change.ts';
import { numberOf, type VersionContext, type VersionItem } from './version-item.ts';

/** Moves versions into other states and adds new ones. What an interrupted run has written is taken up again. */
export function applyChange(
  known: readonly VersionItem[],
  { adds, moves }: Change,
  context: VersionContext,
): readonly VersionItem[] {
  const { kind, items, recorded, now } = context;
  const moved = known.map((item): VersionItem => {
    const state = moves.get(numberOf(item));
    const has = item.action === 'keep' || item.action === 'restore';
    return has && state !== undefined ? { ...item, version: { ...item.version, state } } : item;
  });
  // Those of destroyed versions among them: no number comes twice.
  const newest = Math.max(0, ...known.map(numberOf), ...(recorded?.versions ?? []).map(({ n }) => n));
  const left = items.flatMap((item) => (item.damage === undefined && item.n > newest ? [item.entry] : []));
  let next = Math.max(newest, ...items.map(({ n }) => n)) + 1;
  const added = adds.map(({ state, material }): VersionItem => {
    const facts = material === undefined ? undefined : kind.inspect(material);
    const index = left.findIndex((entry) => facts === undefined || entry.facts.kid === facts.kid);
    const [written] = index === -1 ? [] : left.splice(index, 1);
    if (written !== undefined) return { action: 'keep', version: { ...written, state } };
    if (material === undefined || facts === undefined)
      return { action: 'create', n: next++, reason: `a new version is made, and ${state}`, state };
    // A copy: an assessment is wiped, the change is carried out by several.
    const own = { ...material, entries: mapEntries(material.entries) };
    return { action: 'add', version: { kind: kind.id, n: next++, createdAt: now, material: own, facts, state } };
  });
  return [...moved, ...added];
}

const mapEntries = (entries: Entries): Entries =>
  Object.fromEntries(Object.entries(entries).map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
