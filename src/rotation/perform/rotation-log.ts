import type { PaletteKeysError } from '../../errors.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { InstallationRecord, VersionRecord } from '../../ledger/record.ts';
import type { Transition } from '../../reconcile/plan/change.ts';
import type { ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import type { ObjectStep } from '../../reconcile/plan/step.ts';
import { countsFor, type Word } from '../word.ts';
import type { Deletion, Heard, Restarted, RotateRequest, RotateResult, WaitingFor } from './request.ts';

/** What one look of a run has done so far, and the looks before it. */
export class Log {
  /** Of this look alone. */
  readonly transitions: Transition[] = [];
  readonly notes: string[] = [];
  /** What was done besides objects and states, in words. */
  readonly effects: string[] = [];
  /** What this look, and those before it, have restarted. */
  readonly restarted: Restarted;
  /** The active version for which tenant keys were wrapped anew, or none had to be. */
  rewrapped: number | undefined;
  /** True once the tenants were named whose keys somebody else may hold. */
  exposed = false;
  /** Old versions that were found to be needed: they stay trusted. */
  readonly kept = new Set<number>();
  /** The one old version that accepted resets are about, once that is known. */
  resets: number | undefined;
  /** True once this look, or one before it, has written anything. */
  wrote: boolean;
  /** What was done to users of the database: `drop v1`. */
  readonly usersChanged = new Set<string>();
  /** What the interrupted run was about that this one has completed, if it has. */
  completed: 'this rotation' | 'something else' | undefined;
  destroyed = false;
  /** True where the operator's word, for the generation that the record is at, ends an emergency. */
  offersWord = false;
  readonly #kind: KindId;
  readonly #before: Pick<RotateResult, 'steps' | 'transitions' | 'effects'>;
  readonly #steps: (ObjectStep | Deletion)[] = [];
  #versions: RotateResult['versions'];
  #generation: number;
  #word: Heard | undefined;

  constructor({ kind, before }: Pick<RotateRequest, 'kind' | 'before'>) {
    this.#kind = kind;
    this.#before = before ?? { steps: [], transitions: [], effects: [] };
    this.#versions = before?.versions ?? [];
    this.#generation = before?.generation ?? 0;
    this.#word = before?.word;
    this.resets = before?.resets;
    this.wrote = before?.wrote ?? false;
    this.restarted = before?.restarted ?? new Map();
  }

  /** True once this command has made a new version. */
  get published(): boolean {
    const all = [...this.#before.transitions, ...this.transitions];
    return all.some(({ kind, to }) => kind === this.#kind && to === 'published');
  }

  /** Decides once what the operator's word counts for. Throws USAGE. */
  hear(word: Word | undefined, record: InstallationRecord): void {
    this.#word ??= { for: countsFor(word, record) };
  }

  /** The generation that the operator's word counts for. */
  get word(): number | undefined {
    return this.#word?.for;
  }

  observe(versions: readonly VersionRecord[], generation: number): void {
    this.#generation = generation;
    this.#versions = versions.map(({ n, kid, state }) => ({ n, kid, state }));
  }

  applied({ steps, transitions }: ReconcilePlan): void {
    this.#steps.push(...steps.filter(({ action }) => action !== 'keep'));
    this.transitions.push(...transitions);
    const own = transitions.filter(({ kind }) => kind === this.#kind);
    const entered = new Map(own.map(({ n, kid, to }) => [n, { n, kid, state: to }]));
    const others = this.#versions.filter(({ n }) => !entered.has(n));
    this.#versions = [...others, ...entered.values()].sort((a, b) => a.n - b.n);
    this.wrote = true;
  }

  /** One entry is deleted, or was gone already. */
  delete(deletion: Deletion | undefined): void {
    this.destroyed = true;
    if (deletion === undefined) return;
    this.#steps.push(deletion);
    this.wrote = true;
  }

  /** Says something once, however often it is met. */
  say(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  did(effect: string): void {
    this.effects.push(effect);
    this.wrote = true;
  }

  finished(): RotateResult {
    return this.#result(true);
  }

  waiting(waitingFor: WaitingFor): RotateResult {
    return this.#result(false, waitingFor);
  }

  /** What has been refused has written nothing (contract, section 5): once this command has, it can but wait. */
  refused({ message, hint, details }: PaletteKeysError): RotateResult {
    const blockers = [...details.map(({ message: what }) => what), hint];
    return { ...this.#result(false, { reason: message, blockers }), refused: true };
  }

  /** As far as a rehearsal goes: what would be done next. */
  rehearsed(action: string): RotateResult {
    this.notes.push(`next: ${action}; nothing stands in the way`);
    return this.#result(false);
  }

  #result(done: boolean, waitingFor?: WaitingFor): RotateResult {
    return {
      key: this.#kind,
      done,
      generation: this.#generation,
      word: this.#word,
      versions: this.#versions,
      steps: [...this.#before.steps, ...this.#steps],
      transitions: [...this.#before.transitions, ...this.transitions],
      waitingFor,
      refused: false,
      wrote: this.wrote,
      offersWord: this.offersWord,
      restarted: this.restarted,
      resets: this.resets,
      effects: [...this.#before.effects, ...this.effects],
      notes: this.notes,
    };
  }
}
