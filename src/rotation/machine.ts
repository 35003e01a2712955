import type { KindId } from '../ledger/entry.ts';
import type { InstallationRecord, VersionRecord } from '../ledger/record.ts';
import { noEarlier } from './facts/confirmation.ts';
import type { RotationStep } from './gate.ts';

export type NextStep =
  | RotationStep
  /** Nothing is open, and nothing was asked for. */
  | { readonly type: 'done' }
  /** A rotation would be opened, but the last transition was a moment ago: it was this command's, perhaps. */
  | { readonly type: 'too-recent'; readonly since: Date; readonly until: Date };

export interface RotationIntent {
  /** True where a rotation may be opened if none is open. */
  readonly mayStart: boolean;
  /** Open one however recent the last transition is. */
  readonly again: boolean;
  readonly compromised: boolean;
  /** Seconds between the last transition and the next rotation. */
  readonly minInterval: number;
  /** Versions (n) that were made because those before them were compromised. */
  readonly replacements: ReadonlySet<number>;
  /** True where nothing tells that a trusted version is no longer needed: it stays. */
  readonly keepsTrusted: boolean;
  /** Where such a rotation ended without a transition: when all consumers were found to use the new version. */
  readonly endedAt?: Date | undefined;
  /** True where a database has to be asked before a version is given up, even one that nobody has used yet. */
  readonly guardsData: boolean;
}

/** The next step of the rotation that is open, or what opens one. Nothing but the record says where a rotation is. */
export function nextStep(versions: readonly VersionRecord[], intent: RotationIntent, now: Date): NextStep {
  if (intent.compromised) return emergencyStep(versions, intent, now);
  if (intent.mayStart && isDeadEnd(versions, now)) return { type: 'publish' };
  return openStep(versions, intent, now) ?? (intent.mayStart ? opening(versions, intent, now) : { type: 'done' });
}

/** A key that somebody may hold is replaced before old versions retire. What was published beside it is never used. */
function emergencyStep(versions: readonly VersionRecord[], intent: RotationIntent, now: Date): NextStep {
  const published = versions.filter(({ state }) => state === 'published');
  const exposed = published.find(({ n }) => !intent.replacements.has(n));
  // Where giving it up may have to wait, it waits until its replacement is active.
  if (exposed !== undefined && !intent.guardsData) return { type: 'retire', n: exposed.n };
  const isOpened = published.some(({ n }) => intent.replacements.has(n));
  const replaced = replacedAt(versions, intent, now);
  if (!isOpened && replaced === undefined && intent.mayStart) return { type: 'publish' };
  if (!isOpened && exposed !== undefined) return { type: 'retire', n: exposed.n };
  const open = openStep(versions, intent, now);
  if (open !== undefined || replaced === undefined || !intent.mayStart) return open ?? { type: 'done' };
  return intent.again ? { type: 'publish' } : tooRecent(replaced, intent);
}

/** When the emergency that goes on, or has just ended, got so far; undefined where the active key is of no such one. */
export function replacedAt(
  versions: readonly VersionRecord[],
  { replacements, keepsTrusted, again, minInterval }: Omit<RotationIntent, 'mayStart' | 'compromised' | 'guardsData'>,
  now: Date,
): Date | undefined {
  const newest = versions.at(-1);
  if (newest?.state !== 'active' || !replacements.has(newest.n)) return undefined;
  const retired = keepsTrusted ? [] : versions.flatMap(firstRetired);
  const at = new Date(Math.max(...[newest.since, ...retired].map((time) => Date.parse(time))));
  // A clock that was wrong must not make an emergency last for ever.
  const isRecent = Math.abs(now.getTime() - at.getTime()) < minInterval * 1000;
  const isOpen = !keepsTrusted && !again && versions.some(isSuperseded);
  return isRecent || isOpen ? at : undefined;
}

function firstRetired({ history }: VersionRecord): readonly string[] {
  return history
    .filter(({ state }, i) => state === 'retired' && history[i - 1]?.state === 'trusted')
    .map(({ at }) => at)
    .slice(0, 1);
}

/** The step with which an open rotation goes on, or undefined where none is open. */
export function openStep(
  versions: readonly VersionRecord[],
  { keepsTrusted }: Pick<RotationIntent, 'keepsTrusted'>,
  now: Date,
): RotationStep | undefined {
  const next = nextOf(versions, now);
  if (next !== undefined) return { type: 'promote', n: next.n };
  // Published and overtaken, or not valid: no consumer has ever used it.
  const published = versions.filter(({ state }) => state === 'published');
  const [overtaken] = published;
  if (overtaken !== undefined) return { type: 'retire', n: overtaken.n };
  const old = versions.find(isSuperseded);
  return old === undefined || keepsTrusted ? undefined : { type: 'retire', n: old.n };
}

function nextOf(versions: readonly VersionRecord[], now: Date): VersionRecord | undefined {
  const active = versions.find(({ state }) => state === 'active');
  return versions.findLast(
    (version) => version.state === 'published' && version.n > (active?.n ?? 0) && isUsable(version, now),
  );
}

/** True where the active version cannot be used, and none is there to follow it: nothing else that is open can go on. */
function isDeadEnd(versions: readonly VersionRecord[], now: Date): boolean {
  const active = versions.find(({ state }) => state === 'active');
  return active !== undefined && !isUsable(active, now) && nextOf(versions, now) === undefined;
}

/** What is issued is valid from five minutes before it is made, for clocks that lag behind. */
export const BACKDATED_MS = 300_000;

/** False of a certificate that has expired, or that a wrong clock made for later. A key without dates is always usable. */
export function isUsable({ notAfter, createdAt }: Pick<VersionRecord, 'notAfter' | 'createdAt'>, now: Date): boolean {
  if (notAfter === undefined) return true;
  return new Date(notAfter) > now && Date.parse(createdAt) - BACKDATED_MS <= now.getTime();
}

/** What a rotation has left trusted. */
export function isSuperseded(version: VersionRecord): boolean {
  return version.state === 'trusted' && !isReinstated(version);
}

/** The retirement of the oldest leftover that is not one of `kept`. */
export function supersededStep(
  versions: readonly VersionRecord[],
  kept: ReadonlySet<number>,
): RotationStep | undefined {
  const old = versions.find((version) => isSuperseded(version) && !kept.has(version.n));
  return old === undefined ? undefined : { type: 'retire', n: old.n };
}

function opening(versions: readonly VersionRecord[], intent: RotationIntent, now: Date): NextStep {
  const since = noEarlier(intent.endedAt?.getTime() ?? 0, ...versions);
  const recent = tooRecent(since, intent);
  return intent.again || now >= recent.until ? { type: 'publish' } : recent;
}

function tooRecent(
  since: Date,
  { minInterval }: Pick<RotationIntent, 'minInterval'>,
): Extract<NextStep, { type: 'too-recent' }> {
  return { type: 'too-recent', since, until: new Date(since.getTime() + minInterval * 1000) };
}

/** True where the last transition of all is one of the kind's, and its rotation has made a new version: of an interrupted run, it is what was under way. */
export function isInTransition({ keys }: InstallationRecord, kind: KindId): boolean {
  const last = (of: readonly VersionRecord[]): number => Math.max(...of.map(({ since }) => Date.parse(since)));
  const versions = keys[kind]?.versions ?? [];
  const newest = versions.at(-1);
  const isUsed = newest !== undefined && newest.n > 1 && (newest.state === 'published' || newest.state === 'active');
  return isUsed && last(versions) === last(Object.values(keys).flatMap((key) => key.versions));
}

/** Brought back from `retired`, or from a backup after it was destroyed: somebody needs it, and says when it can go. */
export function isReinstated({ state, history }: VersionRecord): boolean {
  return state === 'trusted' && ['retired', 'destroyed'].includes(history.at(-2)?.state ?? '');
}
