import type { KindId, LedgerEntry } from './entry.ts';

/**
 * The states of a version, in the order in which it goes through them:
 * `published` (readable by all, used by none), `active`, `trusted` (accepted, produces nothing),
 * `retired` (out of the projections, kept in the ledger), `destroyed` (ledger entry deleted).
 */
export const STATES = ['published', 'active', 'trusted', 'retired', 'destroyed'] as const;
export type State = (typeof STATES)[number];

/** The states in which projections hold a version. */
const ACCEPTED: readonly State[] = ['published', 'active', 'trusted'];

export interface RingVersion extends LedgerEntry {
  readonly state: State;
  /** When it last became the active one, as the record has it; undefined where it never was, or nobody knows. */
  readonly activeSince?: string | undefined;
}

/** All versions of one kind whose ledger entries are at hand, by rising n; exactly one is active. */
export type Ring = readonly RingVersion[];

export type Rings = ReadonlyMap<KindId, Ring>;

/** The ring of a kind; throws where there is none, which the caller has to have ruled out. */
export function ringOf(rings: Rings, kind: KindId): Ring {
  const ring = rings.get(kind);
  if (ring === undefined) throw new Error(`no ring of ${kind}`);
  return ring;
}

export function activeOf(ring: Ring): RingVersion {
  const active = ring.find((version) => version.state === 'active');
  if (active === undefined) throw new Error('a ring without an active version');
  return active;
}

/** What verifiers must accept and decrypters must have. */
export function acceptedOf(ring: Ring): Ring {
  return ring.filter(({ state }) => ACCEPTED.includes(state));
}
