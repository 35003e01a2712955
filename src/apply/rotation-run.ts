import type { PaletteKeysError } from '../errors.ts';
import type { KindId } from '../ledger/entry.ts';
import type { InstallationRecord, VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import type { Transition } from '../plan/change.ts';
import type { InitPlan } from '../plan/init.ts';
import type { Step as ObjectStep } from '../plan/step.ts';
import type { Request } from '../rotation/request.ts';
import type { SpecRequest } from './gather.ts';
import type { EvidencePorts, Observation, Statements } from './observation.ts';

export interface AdvanceInput extends Statements {
  readonly spec: SpecRequest;
  readonly kind: KindId;
  /** A step that is asked for by name; otherwise the kind's rotation goes on, or one is opened. */
  readonly request: Request | undefined;
  /** True where a rotation may be opened if none is open. */
  readonly opens: boolean;
  /** What the same command has come to before, where it waited and looks again. */
  readonly before: Advance | undefined;
  /** Certificates past their renewal time alone. */
  readonly due: boolean;
  readonly again: boolean;
  readonly compromised: boolean;
  readonly restart: boolean;
  /** So many records may lose the hash that an old salt made: their users reset the password. */
  readonly acceptResets: number | undefined;
  /** Services whose certificates are meant; undefined for all. */
  readonly services: readonly string[] | undefined;
  /** Asked before every write; throws where nobody agrees. */
  agree(proposal: Proposal): Promise<void>;
}

/** Workloads that a run has restarted, with the time, in milliseconds, from which on a start gave them the change. */
export type Restarted = Map<string, number>;

export interface Pausing {
  /** Waits, in milliseconds; rejects as soon as the run is interrupted. */
  pause(ms: number): Promise<void>;
}

export interface AdvancePorts extends EvidencePorts, Pausing {}

/** What is about to be written. */
export interface Proposal {
  readonly kind: KindId;
  /** In words: `promote v2 of internal-ca`. */
  readonly action: string;
  /** Undefined where the store is not what is written. */
  readonly plan: InitPlan | undefined;
  readonly irrevocable: Loss | undefined;
}

/** A key that will be gone, or that somebody else may hold, which the operator has to want: its kid is typed. */
export interface Loss {
  readonly kid: string;
  readonly reason: string;
  /** What is done with the key: `destroy it`. */
  readonly deed: string;
  /** True where it can be undone, so that --yes is enough. */
  readonly yields?: true;
  /** What helps where nobody can be asked. */
  readonly remedy: string;
}

/** A ledger entry that was deleted. */
export type Deletion = Omit<ObjectStep, 'action'> & { readonly action: 'delete' };

export interface WaitingFor {
  readonly reason: string;
  readonly until?: Date;
  readonly blockers: readonly string[];
  /** True where time alone opens nothing: somebody has to say something, or to give access. */
  readonly stuck?: true;
}

/** How far a kind has come, since the command began. */
export interface Advance {
  readonly key: KindId;
  readonly done: boolean;
  readonly versions: readonly { readonly n: number; readonly kid: string; readonly state: State }[];
  /** Objects that were written or deleted. */
  readonly steps: readonly (ObjectStep | Deletion)[];
  readonly transitions: readonly Transition[];
  readonly waitingFor: WaitingFor | undefined;
  /** True where waiting alone is of no use: it would have been refused, had it written nothing. */
  readonly refused: boolean;
  /** True where anything was written: objects, evidence, tenant keys or users of the database, a restart. */
  readonly wrote: boolean;
  /** What was restarted, and for which change. */
  readonly restarted: Restarted;
  /** The one old version that accepted resets are about, once that is known. */
  readonly resets: number | undefined;
  /** What was done besides objects and states: `restarted Deployment/a/b`. */
  readonly effects: readonly string[];
  /** What else there is to say: `already rotated …`. */
  readonly notes: readonly string[];
}

/** What a step is decided on. */
export interface Scene {
  readonly input: AdvanceInput;
  readonly observation: Observation;
  readonly record: InstallationRecord;
}

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
  readonly #kind: KindId;
  readonly #before: Pick<Advance, 'steps' | 'transitions' | 'effects'>;
  readonly #steps: (ObjectStep | Deletion)[] = [];
  #versions: Advance['versions'];

  constructor({ kind, before }: Pick<AdvanceInput, 'kind' | 'before'>) {
    this.#kind = kind;
    this.#before = before ?? { steps: [], transitions: [], effects: [] };
    this.#versions = before?.versions ?? [];
    this.resets = before?.resets;
    this.wrote = before?.wrote ?? false;
    this.restarted = before?.restarted ?? new Map();
  }

  /** True once this command has made a new version. */
  get published(): boolean {
    const all = [...this.#before.transitions, ...this.transitions];
    return all.some(({ kind, to }) => kind === this.#kind && to === 'published');
  }

  observe(versions: readonly VersionRecord[]): void {
    this.#versions = versions.map(({ n, kid, state }) => ({ n, kid, state }));
  }

  applied({ steps, transitions }: InitPlan): void {
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

  finished(): Advance {
    return this.#result(true);
  }

  waiting(waitingFor: WaitingFor): Advance {
    return this.#result(false, waitingFor);
  }

  /** What has been refused has written nothing (contract, section 5): once this command has, it can but wait. */
  refused({ message, hint, details }: PaletteKeysError): Advance {
    const blockers = [...details.map(({ message: what }) => what), hint];
    return { ...this.#result(false, { reason: message, blockers }), refused: true };
  }

  /** As far as a rehearsal goes: what would be done next. */
  rehearsed(action: string): Advance {
    this.notes.push(`next: ${action}; nothing stands in the way`);
    return this.#result(false);
  }

  #result(done: boolean, waitingFor?: WaitingFor): Advance {
    return {
      key: this.#kind,
      done,
      versions: this.#versions,
      steps: [...this.#before.steps, ...this.#steps],
      transitions: [...this.#before.transitions, ...this.transitions],
      waitingFor,
      refused: false,
      wrote: this.wrote,
      restarted: this.restarted,
      resets: this.resets,
      effects: [...this.#before.effects, ...this.effects],
      notes: this.notes,
    };
  }
}
