import type { KindId } from '../ledger/entry.ts';
import type { InstallationRecord, KeyRecord, VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import type { Step } from './situation.ts';

export type NextStep =
  | Step
  /** Nothing is open, and nothing was asked for. */
  | { readonly type: 'done' }
  /** A rotation would be opened, but the last transition was a moment ago: it was this command's, perhaps. */
  | { readonly type: 'too-recent'; readonly since: Date; readonly until: Date };

export interface Wish {
  /** True where a rotation may be opened if none is open. */
  readonly opens: boolean;
  /** Open one however recent the last transition is. */
  readonly again: boolean;
  readonly compromised: boolean;
  /** Seconds between the last transition and the next rotation. */
  readonly minInterval: number;
  /** Versions (n) that were made because those before them were compromised. */
  readonly replacements: ReadonlySet<number>;
  /** True where nothing tells that a trusted version is no longer needed: it stays. */
  readonly keepsTrusted: boolean;
  /** True where a database has to be asked before a version is given up, even one that nobody has used yet. */
  readonly guardsData: boolean;
}

/** The next step of the rotation that is open, or what opens one. Nothing but the record says where a rotation is. */
export function nextStep(versions: readonly VersionRecord[], wish: Wish, now: Date): NextStep {
  if (wish.compromised) return emergencyStep(versions, wish, now);
  if (wish.opens && isDeadEnd(versions, now)) return { type: 'publish' };
  return openStep(versions, wish, now) ?? (wish.opens ? opening(versions, wish, now) : { type: 'done' });
}

/**
 * A key that somebody else may hold goes first, whatever else is open: its replacement is published before old versions
 * are retired. What was published before the emergency stood beside it, and is never used.
 */
function emergencyStep(versions: readonly VersionRecord[], wish: Wish, now: Date): NextStep {
  const published = versions.filter(({ state }) => state === 'published');
  const exposed = published.find(({ n }) => !wish.replacements.has(n));
  // Where giving it up may have to wait, it waits until its replacement is active.
  if (exposed !== undefined && !wish.guardsData) return { type: 'retire', n: exposed.n };
  const isOpened = published.some(({ n }) => wish.replacements.has(n));
  const replaced = replacedAt(versions, wish, now);
  if (!isOpened && replaced === undefined && wish.opens) return { type: 'publish' };
  if (!isOpened && exposed !== undefined) return { type: 'retire', n: exposed.n };
  const open = openStep(versions, wish, now);
  if (open !== undefined || replaced === undefined || !wish.opens) return open ?? { type: 'done' };
  return wish.again ? { type: 'publish' } : tooRecent(replaced, wish);
}

/** When the emergency that goes on, or has just ended, got so far; undefined where the active key is of no such one. */
export function replacedAt(
  versions: readonly VersionRecord[],
  { replacements, keepsTrusted, again, minInterval }: Omit<Wish, 'opens' | 'compromised' | 'guardsData'>,
  now: Date,
): Date | undefined {
  const newest = versions.at(-1);
  if (newest?.state !== 'active' || !replacements.has(newest.n)) return undefined;
  const retired = keepsTrusted ? [] : versions.flatMap(firstRetired);
  const at = new Date(Math.max(...[newest.since, ...retired].map((time) => Date.parse(time))));
  // A clock that was wrong must not make an emergency last for ever.
  const isRecent = Math.abs(now.getTime() - at.getTime()) < minInterval * 1000;
  const isOpen = !keepsTrusted && !again && versions.some(isLeftover);
  return isRecent || isOpen ? at : undefined;
}

/** When a version that had been in use was first retired. */
function firstRetired({ history }: VersionRecord): readonly string[] {
  return history
    .filter(({ state }, i) => state === 'retired' && history[i - 1]?.state === 'trusted')
    .map(({ at }) => at)
    .slice(0, 1);
}

/** The step with which an open rotation goes on, or undefined where none is open. */
export function openStep(
  versions: readonly VersionRecord[],
  { keepsTrusted }: Pick<Wish, 'keepsTrusted'>,
  now: Date,
): Step | undefined {
  const next = nextOf(versions, now);
  if (next !== undefined) return { type: 'promote', n: next.n };
  // Published and overtaken, or expired: nobody has ever used it.
  const published = versions.filter(({ state }) => state === 'published');
  const [overtaken] = published;
  if (overtaken !== undefined) return { type: 'retire', n: overtaken.n };
  const old = versions.find(isLeftover);
  return old === undefined || keepsTrusted ? undefined : { type: 'retire', n: old.n };
}

/** The version that is to be promoted. */
function nextOf(versions: readonly VersionRecord[], now: Date): VersionRecord | undefined {
  const active = versions.find(({ state }) => state === 'active');
  return versions.findLast(
    (version) => version.state === 'published' && version.n > (active?.n ?? 0) && !hasExpired(version, now),
  );
}

/** True where the active version has expired, and none is there to follow it: nothing else that is open can go on. */
function isDeadEnd(versions: readonly VersionRecord[], now: Date): boolean {
  const active = versions.find(({ state }) => state === 'active');
  return active !== undefined && hasExpired(active, now) && nextOf(versions, now) === undefined;
}

export function hasExpired({ notAfter }: Pick<VersionRecord, 'notAfter'>, now: Date): boolean {
  return notAfter !== undefined && new Date(notAfter) <= now;
}

/** What a rotation has left trusted. */
export function isLeftover(version: VersionRecord): boolean {
  return version.state === 'trusted' && !isReinstated(version);
}

/** The retirement of the oldest leftover that is not one of `kept`. */
export function leftoverStep(versions: readonly VersionRecord[], kept: ReadonlySet<number>): Step | undefined {
  const old = versions.find((version) => isLeftover(version) && !kept.has(version.n));
  return old === undefined ? undefined : { type: 'retire', n: old.n };
}

function opening(versions: readonly VersionRecord[], wish: Wish, now: Date): NextStep {
  const since = noEarlier(0, ...versions);
  const recent = tooRecent(since, wish);
  return wish.again || now >= recent.until ? { type: 'publish' } : recent;
}

function tooRecent(since: Date, { minInterval }: Pick<Wish, 'minInterval'>): Extract<NextStep, { type: 'too-recent' }> {
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

/** A step that was asked for by name. */
export type Request =
  | { readonly type: 'rollback' }
  | { readonly type: 'retire' | 'reinstate' | 'destroy'; readonly kid: string };

/** What a request comes to: a step, nothing to do, or why it cannot be. */
export type Requested =
  | Step
  | { readonly type: 'done'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string; readonly remedy: string };

export function requestedStep(versions: readonly VersionRecord[], request: Request): Requested {
  return request.type === 'rollback' ? rollback(versions) : byKid(versions, request.type, request.kid);
}

/** Back to the newest older version that is still accepted. A published one has no user, and simply goes. */
function rollback(versions: readonly VersionRecord[]): Requested {
  const published = versions.findLast(({ state }) => state === 'published');
  if (published !== undefined) return { type: 'retire', n: published.n };
  const active = versions.find(({ state }) => state === 'active');
  const older = versions.filter(({ n }) => n < (active?.n ?? 0));
  const before = older.findLast(({ state }) => state === 'trusted');
  if (before !== undefined) {
    return isReinstated(before) ? { type: 'promote', n: before.n } : { type: 'promote', n: before.n, back: true };
  }
  const retired = older.findLast(({ state }) => state === 'retired');
  const newer = versions.some(({ n, state }) => n > (active?.n ?? 0) && (state === 'trusted' || state === 'retired'));
  if (retired === undefined || newer) return { type: 'done', reason: 'there is nothing to go back from' };
  return {
    type: 'refused',
    reason: `v${retired.n} is retired: consumers no longer accept it, so going back is not safe any more`,
    remedy: `--reinstate ${retired.kid} first; then --rollback`,
  };
}

const FROM: Record<'retire' | 'reinstate' | 'destroy', { readonly from: readonly State[]; readonly to: State }> = {
  retire: { from: ['published', 'trusted'], to: 'retired' },
  reinstate: { from: ['retired'], to: 'trusted' },
  destroy: { from: ['retired'], to: 'destroyed' },
};

function byKid(versions: readonly VersionRecord[], type: keyof typeof FROM, kid: string): Requested {
  const version = versions.find((candidate) => candidate.kid === kid);
  const { from, to } = FROM[type];
  if (version === undefined) {
    const known = versions.map(({ n, kid: its, state }) => `v${n} ${its} (${state})`).join(', ');
    return { type: 'refused', reason: `no version has the kid ${kid}`, remedy: `there are ${known}` };
  }
  const { n, state } = version;
  // Also where it is destroyed already: its entry may still stand in the ledger.
  if (from.includes(state) || (type === 'destroy' && state === 'destroyed')) return { type, n };
  if (state === to) return { type: 'done', reason: `v${n} is ${state} already` };
  const remedy =
    state === 'destroyed'
      ? `where a backup holds it, palette-keys restore FILE brings it back; then --reinstate ${kid}`
      : `first it has to be ${from.join(' or ')}`;
  return { type: 'refused', reason: `v${n} is ${state}`, remedy };
}

/** Which states a step gives to which versions; empty for `publish`, which adds one. */
export function movesOf(step: Step, versions: readonly VersionRecord[]): ReadonlyMap<number, State> {
  switch (step.type) {
    case 'publish':
      return new Map();
    case 'promote': {
      const active = versions.find(({ state }) => state === 'active');
      return new Map<number, State>([
        ...(active === undefined ? [] : [[active.n, 'trusted'] as const]),
        [step.n, 'active'],
      ]);
    }
    case 'retire':
      return new Map([[step.n, 'retired']]);
    case 'reinstate':
      return new Map([[step.n, 'trusted']]);
    case 'destroy':
      return new Map([[step.n, 'destroyed']]);
  }
}

/** When all consumers of a version were first found to be current, and who says so. */
export interface Confirmation {
  readonly at: Date;
  readonly by: 'pods' | 'operator';
  /** Pods (`<namespace>/<name>`) that somebody vouched for then. */
  readonly ignored: readonly string[];
}

/** The name of the evidence for the state in which a version is now. It counts for no other, and for no later return to it. */
export function entryName({ n, state, history }: VersionRecord): string {
  return `v${n}.${history.length}.${state}`;
}

/**
 * The confirmation of a version's present state, undefined where there is none. A clock that was slow cannot put it before
 * the state was entered; one that was fast has confirmed nothing that counts yet.
 */
export function confirmationOf(
  { evidence }: Pick<KeyRecord, 'evidence'>,
  version: VersionRecord,
  now: Date,
): Confirmation | undefined {
  const found = evidence[entryName(version)];
  if (typeof found !== 'object' || found === null || !('confirmedAt' in found) || !('by' in found)) return undefined;
  const at = typeof found.confirmedAt === 'string' ? Date.parse(found.confirmedAt) : Number.NaN;
  const by = found.by === 'operator' ? 'operator' : 'pods';
  const ignored = 'ignored' in found && Array.isArray(found.ignored) ? found.ignored.map(String) : [];
  return Number.isNaN(at) || at > now.getTime() ? undefined : { at: noEarlier(at, version), by, ignored };
}

/** A time, or when the states were entered that it is about, if that is later. */
export function noEarlier(at: number, ...versions: readonly VersionRecord[]): Date {
  return new Date(Math.max(at, ...versions.map(({ since }) => Date.parse(since))));
}

/** The evidence with one more confirmation; those of states that were left are dropped. */
export function withConfirmation(
  { versions, evidence }: KeyRecord,
  version: VersionRecord,
  confirmation: Pick<Confirmation, 'by'> & Partial<Pick<Confirmation, 'ignored'>> & { readonly confirmedAt: string },
): KeyRecord['evidence'] {
  const current = new Set(versions.map(entryName));
  const kept = Object.entries(evidence).filter(([name]) => !/^v\d+[.]\d+[.]/.test(name) || current.has(name));
  return { ...Object.fromEntries(kept), [entryName(version)]: confirmation };
}
