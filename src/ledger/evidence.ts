import * as z from 'zod/mini';
import { DURATION } from '../installation/duration.ts';
import { MOST } from './bounds.ts';
import { isTime } from './entry.ts';
import { STATES, type State } from './ring.ts';
import { isObject } from './text.ts';

/** What was observed about one kind, and may count for a gate. The functions that add an item say when it counts. */
export type KeyEvidence = readonly EvidenceItem[];

/** One item. One whose `type` this build does not know is kept, and not used. */
export interface EvidenceItem {
  readonly type: string;
  readonly [field: string]: unknown;
}

const text = z.string().check(z.maxLength(MOST.text));
const time = z.string().check(z.refine(isTime));
const duration = z.string().check(z.regex(DURATION));
const n = z.int().check(z.minimum(1), z.maximum(MOST.number));

/** A state that a version is in, or was: the `entered`-th of its history. It is another one when the version comes back to it. */
const entered = z.looseObject({
  n,
  entered: z.int().check(z.minimum(0), z.maximum(MOST.history)),
  state: z.enum(STATES),
});

export const ITEMS = {
  /** All consumers of a version were found to be current in its present state. */
  confirmation: z.looseObject({
    version: entered,
    confirmedAt: time,
    by: z.enum(['pods', 'operator']),
    /** Pods (`<namespace>/<name>`) that the operator vouched for. */
    ignored: z.optional(z.array(text)),
  }),
  /** A scan found nobody who needs `version` while `under` was active. Without `in`, its place, it counts for none. */
  scan: z.looseObject({ version: entered, unneededAt: time, in: z.optional(text), under: entered }),
  /** The version was made because those before it were compromised. */
  replacement: z.looseObject({ n }),
  /** Since when the compromised certificates of a kind without versions are replaced. */
  reissue: z.looseObject({ kind: text, since: time }),
  /** This program made the database user of the version, or was about to. */
  'user-made': z.looseObject({ n }),
  /** Namespaces that had a service until the spec no longer named one there. */
  'released-namespaces': z.looseObject({ namespaces: z.array(text) }),
  /** How long tokens lived and key sets were cached until the spec was made to say less. */
  'former-jwt': z.looseObject({ longestTokenLife: duration, jwksCache: duration, clockSkew: duration, until: time }),
  /** What an older build noted under a name that this one does not know. */
  other: z.looseObject({ name: z.string(), value: z.unknown() }),
} as const;

export type EvidenceType = keyof typeof ITEMS;
export type EnteredState = Readonly<z.infer<typeof entered>>;
export type EvidenceOf<T extends EvidenceType> = { readonly type: T } & Readonly<z.infer<(typeof ITEMS)[T]>>;

/** True for a list of items of which each that is known has the form of its type. */
export function isEvidence(value: unknown): value is KeyEvidence {
  return Array.isArray(value) && value.every(isSound);
}

function isSound(item: unknown): boolean {
  if (!isObject(item) || typeof item['type'] !== 'string') return false;
  return !isKnown(item['type']) || hasForm(item['type'], item);
}

function isKnown(type: string): type is EvidenceType {
  return Object.hasOwn(ITEMS, type);
}

export function hasForm(type: EvidenceType, item: unknown): boolean {
  return z.safeParse<z.core.$ZodType>(ITEMS[type], item, { jitless: true }).success;
}

/** All items of a type, in the order in which they were noted. */
export function itemsOf<T extends EvidenceType>(evidence: KeyEvidence, type: T): readonly EvidenceOf<T>[] {
  return evidence.filter((item): item is EvidenceItem & EvidenceOf<T> => item.type === type);
}

/** The evidence with one more item, in place of those that `replaced` is true of. */
export function withItem<T extends EvidenceType>(
  evidence: KeyEvidence,
  item: EvidenceOf<T>,
  replaced: (other: EvidenceOf<T>) => boolean = () => true,
): KeyEvidence {
  const goes = new Set<EvidenceItem>(itemsOf<T>(evidence, item.type).filter(replaced));
  return [...evidence.filter((other) => !goes.has(other)), item];
}

/** The state in which a version is now. What was noted of it counts for no other, and for no later return to it. */
export function enteredBy(version: {
  readonly n: number;
  readonly state: State;
  readonly history: readonly unknown[];
}): EnteredState {
  return { n: version.n, entered: version.history.length, state: version.state };
}

/** The evidence without what was noted of states that `stays` is false of. */
export function withoutStates(evidence: KeyEvidence, stays: (state: EnteredState) => boolean): KeyEvidence {
  const noted = [...itemsOf(evidence, 'confirmation'), ...itemsOf(evidence, 'scan')];
  const goes = new Set<EvidenceItem>(noted.filter(({ version }) => !stays(version)));
  return evidence.filter((item) => !goes.has(item));
}

export function isSameState(a: EnteredState, b: EnteredState): boolean {
  return a.n === b.n && a.entered === b.entered && a.state === b.state;
}
