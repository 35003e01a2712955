import { PaletteKeysError } from '../errors.ts';
import type { KindId } from '../ledger/entry.ts';
import type { State } from '../ledger/ring.ts';
import type { Transition } from '../reconcile/plan/change.ts';
import type { ReconcilePlan } from '../reconcile/plan/plan-changes.ts';
import type { ObjectStep } from '../reconcile/plan/step.ts';
import type { Decision } from './gate.ts';
import type { Request } from './request.ts';
import type { Word } from './word.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the operator says on the command line, and where to look. */
export interface Statements {
  /** That all consumers have loaded what the record was at one generation. */
  readonly assumeConsumersCurrent: Word | undefined;
  readonly noTenantStore: boolean;
  /** Pods (`<namespace>/<name>`) that count for nothing. */
  readonly ignoredPods: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** True for a rehearsal: a database that cannot be reached is an answer there. */
  readonly dryRun: boolean;
}

export interface RotateRequest extends Statements {
  readonly kind: KindId;
  /** A step that is asked for by name; otherwise the kind's rotation goes on, or one is opened. */
  readonly request: Request | undefined;
  /** True where a rotation may be opened if none is open. */
  readonly mayStart: boolean;
  /** What the same command has come to before, where it waited and looks again. */
  readonly before: RotateResult | undefined;
  /** Certificates past their renewal time alone. */
  readonly due: boolean;
  readonly again: boolean;
  readonly compromised: boolean;
  readonly restart: boolean;
  /** So many records may lose the hash that an old salt made: their users reset the password. */
  readonly acceptResets: number | undefined;
  /** Services whose certificates are meant; undefined for all. */
  readonly services: readonly string[] | undefined;
}

export interface Proposal {
  readonly kind: KindId;
  /** In words: `promote v2 of internal-ca`. */
  readonly action: string;
  /** Undefined where the store is not what is written. */
  readonly plan: ReconcilePlan | undefined;
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

/** Such a key is destroyed only by an operator who types its kid. */
export function irrevocableLoss({ reason, remedy }: Loss): PaletteKeysError {
  return new PaletteKeysError('REFUSED', reason, { hint: remedy });
}

export type Deletion = Omit<ObjectStep, 'action'> & { readonly action: 'delete' };

export type WaitingFor = Omit<Extract<Decision, { open: false }>, 'open' | 'remedy' | 'stays'>;

/** Workloads that a run has restarted, with the time, in milliseconds, from which on a start gave them the change. */
export type Restarted = ReadonlyMap<string, number>;

/** What the operator's word has come to; `for` is undefined where it counts for nothing. */
export interface Heard {
  readonly for: number | undefined;
}

export interface RotateResult {
  readonly key: KindId;
  readonly done: boolean;
  /** Of the record, as it was read last. */
  readonly generation: number;
  /** The generation that the operator's word counts for, once that is decided. */
  readonly word: Heard | undefined;
  readonly versions: readonly { readonly n: number; readonly kid: string; readonly state: State }[];
  readonly steps: readonly (ObjectStep | Deletion)[];
  readonly transitions: readonly Transition[];
  readonly waitingFor: WaitingFor | undefined;
  /** True where waiting alone is of no use: it would have been refused, had it written nothing. */
  readonly refused: boolean;
  /** True where anything was written: objects, evidence, tenant keys or users of the database, a restart. */
  readonly wrote: boolean;
  /** True where it is done, and the operator's word would say that nothing works with a compromised key any more. */
  readonly offersWord: boolean;
  readonly restarted: Restarted;
  /** The one old version that accepted resets are about, once that is known. */
  readonly resets: number | undefined;
  /** What was done besides objects and states: `restarted Deployment/a/b`. */
  readonly effects: readonly string[];
  /** What else there is to say: `already rotated …`. */
  readonly notes: readonly string[];
  /** Of a rehearsal: every step that the run would take, in words. */
  readonly planned: readonly string[] | undefined;
}
