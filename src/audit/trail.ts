import { digestOf, linesOf, parseLine } from './chain.ts';

export interface Head {
  readonly lines: number;
  readonly digest: string;
}

/** What the record keeps of the log: its last line, and `start`, the line that it goes on from where that is not in it. */
export interface Anchor extends Head {
  readonly start?: Head | undefined;
}

/**
 * How a log relates to its anchor. `unanchored`: its chain is sound, and there is none. `longer`: sound lines follow the
 * anchor's. `shorter`: the anchor's line is missing at the end. `different`: another one stands in its place.
 * `broken`: at this line (from 1) the chain itself is, or what comes before it is missing.
 */
export type Verdict =
  | { readonly status: 'unanchored' | 'ok' | 'shorter' | 'different' }
  | { readonly status: 'longer'; readonly by: number }
  | { readonly status: 'broken'; readonly at: number };

export interface Trail {
  /** All that there ever were, as far as the log tells. */
  readonly lines: number;
  /** Digest of the last line; null where there is none. */
  readonly head: string | null;
  readonly verdict: Verdict;
}

/** True where lines before the log's first one stand in archives. */
export function needsArchives(log: string, anchor: Anchor | undefined): boolean {
  const [first] = linesOf(log);
  if (first === undefined) return false;
  const prev = prevOf(first);
  return prev !== null && prev !== anchor?.start?.digest;
}

/** Follows `prev` from the log back through its archives, which may come in any order, and compares with the anchor. */
export function readTrail(archives: readonly string[], log: string, anchor: Anchor | undefined): Trail {
  const { start } = anchor ?? {};
  const all = joined(archives, log, start);
  const before = start?.lines ?? 0;
  const from = start === undefined ? 0 : all.findLastIndex((line) => prevOf(line) === start.digest);
  // Nothing may have been written yet since the line that it goes on from.
  const isAtStart = from === -1 && (all.length === 0 || digestOf(all.at(-1) ?? '') === start?.digest);
  const unfollowed = isAtStart ? [] : all;
  const own = from === -1 ? unfollowed : all.slice(from);
  const lines = before + own.length;
  const last = all.at(-1);
  const head = last === undefined ? (start?.digest ?? null) : digestOf(last);
  const at = breakIn(own, start?.digest ?? null, log === '' || log.endsWith('\n'));
  const verdict: Verdict = at === undefined ? compare(own, before, anchor) : { status: 'broken', at: before + at };
  return { lines, head, verdict };
}

function compare(own: readonly string[], before: number, anchor: Anchor | undefined): Verdict {
  if (anchor === undefined) return { status: 'unanchored' };
  const by = before + own.length - anchor.lines;
  if (by < 0) return { status: 'shorter' };
  const anchored = own[anchor.lines - before - 1];
  const digest = anchored === undefined ? anchor.start?.digest : digestOf(anchored);
  if (digest !== anchor.digest) return { status: 'different' };
  return by === 0 ? { status: 'ok' } : { status: 'longer', by };
}

/** Number (from 1) of the first line that does not go on from the one before, or from `prev`. */
function breakIn(lines: readonly string[], prev: string | null, isWhole: boolean): number | undefined {
  let expected = prev;
  for (const [index, line] of lines.entries()) {
    if (prevOf(line) !== expected) return index + 1;
    expected = digestOf(line);
  }
  return isWhole || lines.length === 0 ? undefined : lines.length;
}

function joined(archives: readonly string[], log: string, start: Head | undefined): readonly string[] {
  const unused = archives.map(linesOf);
  let lines = linesOf(log);
  for (;;) {
    const prev = prevOf(lines[0] ?? '');
    const isAtStart = start !== undefined && lines.some((line) => prevOf(line) === start.digest);
    if (prev === undefined || prev === null || isAtStart) return lines;
    const at = unused.findIndex((archive) => digestOf(archive.at(-1) ?? '') === prev);
    if (at === -1) return lines;
    lines = [...(unused.splice(at, 1)[0] ?? []), ...lines];
  }
}

/** The anchor of a log that goes on from `before`; else undefined: the anchor stays, for it is the evidence. */
export function anchorOf(log: string, before: Anchor): Anchor | undefined {
  const lines = linesOf(log);
  const last = lines.at(-1);
  if (last === undefined) return before.digest === before.start?.digest ? before : undefined;
  const at = lines.findLastIndex((line) => digestOf(line) === before.digest);
  const after = lines.slice(at + 1);
  if (breakIn(after, before.digest, log.endsWith('\n')) !== undefined) return undefined;
  return { ...before, lines: before.lines + after.length, digest: digestOf(last) };
}

/** Undefined for what is no line of a log. */
function prevOf(line: string): string | null | undefined {
  const { prev, generation } = parseLine(line) ?? {};
  return typeof generation === 'number' && (prev === null || typeof prev === 'string') ? prev : undefined;
}
