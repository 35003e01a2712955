import type { RecordView } from '../../inventory/ledger-view.ts';
import type { KindId, Material } from '../../ledger/entry.ts';
import type { State } from '../../ledger/ring.ts';

/** What a run does to one kind, keeping everything else. Carried out as `init` is: ledger → record → projections. */
export interface Change {
  readonly kind: KindId;
  /** The generation of the record that it was decided on. The record moves on as it is carried out, which ends it. */
  readonly generation: number;
  readonly adds: readonly Addition[];
  /** States to enter, by n. */
  readonly moves: ReadonlyMap<number, State>;
  /** True where material of others in the kind's own object is replaced: that is what an import is for. */
  readonly overwrites: boolean;
  /** True where the run does besides what `init` would do: it completes an interrupted one. */
  readonly whole: boolean;
  /** Fingerprints of leaf certificates; where one of them is found, a new one is issued. */
  readonly reissues: ReadonlySet<string>;
  /** Kids of ledger entries that an interrupted run left, and that are retired instead of being taken up. */
  readonly passesOver: ReadonlySet<string>;
  /** True where what it adds replaces a key that somebody else may hold. */
  readonly compromised: boolean;
}

/** A change that asks for nothing: it makes a run look at the kind's objects, and at nothing else. */
export function inspectOnly(kind: KindId): Change {
  const nothing = { adds: [], moves: new Map(), reissues: new Set<string>(), passesOver: new Set<string>() };
  return { kind, generation: 0, ...nothing, overwrites: false, whole: false, compromised: false };
}

/** As `inspectOnly`, but for everything: what `init` would do is done besides. */
export function completeInterrupted(kind: KindId): Change {
  return { ...inspectOnly(kind), whole: true };
}

export interface Addition {
  /** A version whose key is made in the run is `published`: nothing is generated and used in one step. */
  readonly state: State;
  /** There for what is imported; otherwise it is generated. */
  readonly material: Material | undefined;
}

export interface Transition {
  readonly kind: KindId;
  readonly n: number;
  readonly kid: string;
  readonly from: State | undefined;
  readonly to: State;
}

/** The change, unless it concerns no states, or the record shows that it was carried out or overtaken. */
export function openChange(change: Change | undefined, record: RecordView): Change | undefined {
  if (change === undefined || !changesStates(change) || record.status !== 'sound') return undefined;
  return record.record.generation === change.generation ? change : undefined;
}

export function changesStates({ adds, moves }: Change): boolean {
  return adds.length > 0 || moves.size > 0;
}
