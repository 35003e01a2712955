import { equalBytes } from '../../crypto/digest.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import type { State } from '../../ledger/ring.ts';
import type { HeldMaterial } from './compare/holding.ts';

/** By ledger and projections; undefined where these disagree. `unseen`: the state of what no projection shows. */
export function statesFrom(
  entries: readonly LedgerEntry[],
  held: readonly HeldMaterial[],
  unseen: State = 'retired',
): ReadonlyMap<number, State> | undefined {
  const [only] = entries;
  if (only === undefined) return new Map();
  if (entries.length === 1) return new Map([[only.n, 'active']]);
  const activeKids = new Set(held.filter(({ key }) => key.state === 'active').map(({ key }) => key.kid));
  const active = entries.find(({ facts }) => activeKids.has(facts.kid));
  if (activeKids.size !== 1 || active === undefined) return undefined;
  return new Map(entries.map((entry) => [entry.n, stateOf(entry, active, held, unseen)]));
}

function stateOf(entry: LedgerEntry, active: LedgerEntry, held: readonly HeldMaterial[], unseen: State): State {
  if (entry.n === active.n) return 'active';
  const mentions = held.filter(({ key }) => key.kid === entry.facts.kid);
  const stated = mentions.find(({ key }) => key.state !== undefined)?.key.state;
  if (stated !== undefined) return stated;
  if (mentions.length === 0) return unseen;
  return entry.n > active.n ? 'published' : 'trusted';
}

/** Shown beside the active one: it was active before, or is next. Nobody else must take its place there. */
export function besideActive(entries: readonly LedgerEntry[], held: readonly HeldMaterial[]): number | undefined {
  const shown = held.flatMap(({ key }) => (key.beside === undefined ? [] : { kid: key.kid, ...key.beside }));
  return entries.findLast(({ facts, material }) =>
    shown.some(({ kid, entry, bytes }) => {
      const own = material.entries[entry];
      return facts.kid !== kid && own !== undefined && equalBytes(own, bytes);
    }),
  )?.n;
}
