import type { KindId } from '../ledger/entry.ts';
import type { VersionRecord } from '../ledger/record.ts';
import type { ReconcilePlan } from '../reconcile/plan/plan-changes.ts';
import type { Deletion, Heard, RotateResult, WaitingFor } from './rotate-request.ts';

/** What happens in a run, in order. Nothing else tells what the run has done. */
export type RunEvent =
  | { readonly type: 'read'; readonly versions: readonly VersionRecord[]; readonly generation: number }
  /** It was decided what the operator's word counts for. */
  | { readonly type: 'heard'; readonly word: Heard }
  /** A run that was interrupted is being completed; what it was about. */
  | { readonly type: 'completing'; readonly about: Interrupted }
  | { readonly type: 'applied'; readonly plan: ReconcilePlan }
  /** The entry of a destroyed version is gone; undefined where it was gone before. */
  | { readonly type: 'deleted'; readonly deletion: Deletion | undefined }
  /** Something was done besides objects and states, in words. */
  | { readonly type: 'did'; readonly effect: string }
  /** Evidence was written to the record or the audit log. */
  | { readonly type: 'recorded'; readonly evidence?: object | undefined }
  | { readonly type: 'note'; readonly text: string }
  /** An old version was found to be needed: it stays trusted. */
  | { readonly type: 'kept'; readonly n: number }
  /** Tenant keys are wrapped by this version, or none had to be wrapped anew. */
  | { readonly type: 'rewrapped'; readonly by: number }
  /** The tenants were named whose keys somebody else may hold. */
  | { readonly type: 'exposed' }
  /** A user of the database was made or dropped: `drop v1`. */
  | { readonly type: 'user'; readonly deed: string }
  | { readonly type: 'restarting'; readonly workload: string; readonly settledAt: number }
  /** The one old version that accepted resets are about. */
  | { readonly type: 'resets'; readonly n: number }
  /** The operator's word, for the generation that the record is at, ends an emergency. */
  | { readonly type: 'offers-word' };

export type Tell = (event: RunEvent) => void;

export type Interrupted = 'this rotation' | 'something else';

/** Transitions, steps, effects and notes are of this look alone. */
export interface History extends Omit<RotateResult, 'key' | 'done' | 'waitingFor' | 'refused' | 'planned'> {
  readonly kind: KindId;
  readonly rewrapped: number | undefined;
  readonly isExposedNamed: boolean;
  readonly kept: ReadonlySet<number>;
  readonly users: ReadonlySet<string>;
  readonly completed: Interrupted | undefined;
  readonly isDestroyed: boolean;
  /** The evidence that was recorded last. */
  readonly recorded: object | undefined;
  readonly before: RotateResult | undefined;
}

export function begin(kind: KindId, before: RotateResult | undefined): History {
  return {
    kind,
    versions: before?.versions ?? [],
    generation: before?.generation ?? 0,
    word: before?.word,
    ...{ transitions: [], steps: [], effects: [], notes: [] },
    restarted: before?.restarted ?? new Map(),
    rewrapped: undefined,
    isExposedNamed: false,
    kept: new Set(),
    resets: before?.resets,
    wrote: before?.wrote ?? false,
    users: new Set(),
    completed: undefined,
    isDestroyed: false,
    recorded: undefined,
    offersWord: false,
    before,
  };
}

export function fold(history: History, event: RunEvent): History {
  switch (event.type) {
    case 'read': {
      const versions = event.versions.map(({ n, kid, state }) => ({ n, kid, state }));
      return { ...history, versions, generation: event.generation };
    }
    case 'heard':
      return { ...history, word: event.word };
    case 'completing':
      return { ...history, completed: history.completed ?? event.about };
    case 'applied':
      return applied(history, event.plan);
    case 'deleted': {
      if (event.deletion === undefined) return { ...history, isDestroyed: true };
      return { ...history, isDestroyed: true, steps: [...history.steps, event.deletion], wrote: true };
    }
    case 'did':
      return { ...history, effects: [...history.effects, event.effect], wrote: true };
    case 'recorded':
      return { ...history, recorded: event.evidence ?? history.recorded, wrote: true };
    case 'note':
      return history.notes.includes(event.text) ? history : { ...history, notes: [...history.notes, event.text] };
    case 'kept':
      return { ...history, kept: new Set([...history.kept, event.n]) };
    case 'rewrapped':
      return { ...history, rewrapped: event.by };
    case 'exposed':
      return { ...history, isExposedNamed: true };
    case 'user':
      return { ...history, users: new Set([...history.users, event.deed]) };
    case 'restarting':
      return { ...history, restarted: new Map([...history.restarted, [event.workload, event.settledAt]]) };
    case 'resets':
      return { ...history, resets: event.n };
    case 'offers-word':
      return { ...history, offersWord: true };
  }
}

function applied(history: History, { steps, transitions }: ReconcilePlan): History {
  const own = transitions.filter(({ kind }) => kind === history.kind);
  const entered = new Map(own.map(({ n, kid, to }) => [n, { n, kid, state: to }]));
  const others = history.versions.filter(({ n }) => !entered.has(n));
  return {
    ...history,
    steps: [...history.steps, ...steps.filter(({ action }) => action !== 'keep')],
    transitions: [...history.transitions, ...transitions],
    versions: [...others, ...entered.values()].sort((a, b) => a.n - b.n),
    wrote: true,
  };
}

export function hasPublished({ kind, before, transitions }: History): boolean {
  return [...(before?.transitions ?? []), ...transitions].some((each) => each.kind === kind && each.to === 'published');
}

export function resultOf(
  history: History,
  end: { readonly done: boolean; readonly waitingFor?: WaitingFor | undefined; readonly refused?: boolean },
): RotateResult {
  const { before } = history;
  return {
    key: history.kind,
    done: end.done,
    generation: history.generation,
    word: history.word,
    versions: history.versions,
    steps: [...(before?.steps ?? []), ...history.steps],
    transitions: [...(before?.transitions ?? []), ...history.transitions],
    waitingFor: end.waitingFor,
    refused: end.refused ?? false,
    wrote: history.wrote,
    offersWord: history.offersWord,
    restarted: history.restarted,
    resets: history.resets,
    effects: [...(before?.effects ?? []), ...history.effects],
    notes: history.notes,
    planned: undefined,
  };
}
