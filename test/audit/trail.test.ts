/** What is found of a log that somebody changed, by the anchor that the record keeps of it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AuditRecord, appendLine, lastDigest } from '../../src/audit/chain.ts';
import { type Anchor, anchorOf, needsArchives, readTrail } from '../../src/audit/trail.ts';

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

const record = (generation: number): AuditRecord => ({
  time: '2027-01-01T00:00:00Z',
  user: 'tester',
  host: 'bench',
  command: 'init',
  toolVersion: '0.1.0',
  installationId: 'some-installation',
  generation,
  result: 'done',
  changes: [],
  active: {},
});

/** So many lines; the first goes on from `prev`. */
function logOf(count: number, prev: string | null = null, from = 1): string {
  let log = '';
  for (let n = from; n < from + count; n++) log = appendLine(log, record(n), lastDigest(log) ?? prev);
  return log;
}

const linesOf = (log: string): string[] => log.trimEnd().split('\n');
const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const anchorAt = (log: string, lines = linesOf(log).length): Anchor => ({
  lines,
  digest: sha256(linesOf(log)[lines - 1] ?? ''),
});
const edited = (line: string): string => line.replace('tester', 'nobody');

/** Nine lines: an archive of three, one of four, and a log of two. */
const WHOLE = logOf(9);
const parts = [linesOf(WHOLE).slice(0, 3), linesOf(WHOLE).slice(3, 7), linesOf(WHOLE).slice(7)].map(textOf);
const [FIRST = '', SECOND = '', LOG = ''] = parts;
const statusOf = (archives: readonly string[], log: string, anchor: Anchor | undefined): string =>
  readTrail(archives, log, anchor).verdict.status;

describe('a log that is what the record says', () => {
  test('is found to be so with its archives in any order, and its head is that of its last line', () => {
    const trail = { lines: 9, head: anchorAt(WHOLE).digest, verdict: { status: 'ok' } };
    expect(readTrail([], WHOLE, anchorAt(WHOLE))).toEqual(trail);
    expect(readTrail([FIRST, SECOND], LOG, anchorAt(WHOLE))).toEqual(trail);
    expect(readTrail([SECOND, FIRST], LOG, anchorAt(WHOLE))).toEqual(trail);
  });

  test('needs its archives only where its first line names one', () => {
    expect(needsArchives(WHOLE, undefined)).toBe(false);
    expect(needsArchives(LOG, anchorAt(WHOLE))).toBe(true);
    expect(needsArchives('', anchorAt(WHOLE))).toBe(false);
    const { lines, digest } = anchorAt(WHOLE, 7);
    expect(needsArchives(LOG, { ...anchorAt(WHOLE), start: { lines, digest } })).toBe(false);
  });

  test.each([1, 2, 5])('may be longer by %i sound lines', (by) => {
    const trail = readTrail([FIRST, SECOND], LOG, anchorAt(WHOLE, 9 - by));
    expect(trail.verdict).toEqual({ status: 'longer', by });
  });

  test('has no anchor yet', () => {
    expect(readTrail([FIRST, SECOND], LOG, undefined)).toMatchObject({ lines: 9, verdict: { status: 'unanchored' } });
  });

  test('goes on from a backup, whose lines it lacks', () => {
    const start = { lines: 40, digest: sha256('the last line of the backup') };
    const log = logOf(3, start.digest);
    const anchor = { lines: 43, digest: anchorAt(log).digest, start };
    expect(readTrail([], log, anchor)).toMatchObject({ lines: 43, verdict: { status: 'ok' } });
    expect(readTrail([], '', { ...start, start })).toEqual({
      lines: 40,
      head: start.digest,
      verdict: { status: 'ok' },
    });
    expect(statusOf([], '', anchor)).toBe('shorter');
    expect(statusOf([], logOf(3), anchor)).toBe('broken');
  });
});

describe('a change of a single line', () => {
  const lines = linesOf(WHOLE);
  /** The nine lines after a change, in their three objects. */
  const verdictOf = (changed: readonly string[], at: number): string => {
    const cut = changed.length < 9 ? [at < 3 ? 2 : 3, at < 7 ? 6 : 7] : [3, 7];
    const segments = [changed.slice(0, cut[0]), changed.slice(cut[0], cut[1]), changed.slice(cut[1])].map(textOf);
    return statusOf(segments.slice(0, 2), segments[2] ?? '', anchorAt(WHOLE));
  };

  test.each(lines.map((_, at) => at))('is noticed where line %i (from 0) is cut', (at) => {
    expect(verdictOf(lines.toSpliced(at, 1), at)).toBe(at === 8 ? 'shorter' : 'broken');
  });

  test.each(lines.map((_, at) => at))('is noticed where line %i (from 0) is edited', (at) => {
    expect(verdictOf(lines.with(at, edited(lines[at] ?? '')), at)).toBe(at === 8 ? 'different' : 'broken');
  });

  test.each(lines.slice(1).map((_, at) => at))('is noticed where line %i (from 0) and the next change places', (at) => {
    const [a = '', b = ''] = lines.slice(at, at + 2);
    expect(verdictOf(lines.toSpliced(at, 2, b, a), at)).toBe('broken');
  });

  test.each(lines.map((_, at) => at))('is noticed where all lines from line %i (from 0) on are written anew', (at) => {
    const kept = textOf(lines.slice(0, at));
    let log = kept;
    for (let n = at; n < 9; n++) log = appendLine(log, { ...record(n + 1), user: 'nobody' }, lastDigest(log));
    expect(statusOf([], log, anchorAt(WHOLE))).toBe('different');
  });
});

describe('a change of a whole object', () => {
  test.each([
    ['the log is gone', [FIRST, SECOND], '', 'shorter'],
    ['all is gone', [], '', 'shorter'],
    ['the log is cut to its first line', [], textOf(linesOf(WHOLE).slice(0, 1)), 'shorter'],
    ['the newest archive is gone', [FIRST], LOG, 'broken'],
    ['the oldest archive is gone', [SECOND], LOG, 'broken'],
    ['an archive holds the bytes of another one', [FIRST, FIRST], LOG, 'broken'],
    ['an archive has lost its last line', [FIRST, textOf(linesOf(SECOND).slice(0, -1))], LOG, 'broken'],
    ['an archive has lost its first line', [FIRST, textOf(linesOf(SECOND).slice(1))], LOG, 'broken'],
    ['the last line has lost its end', [FIRST, SECOND], LOG.slice(0, -1), 'broken'],
    ['the last line is cut', [FIRST, SECOND], LOG.slice(0, -20), 'broken'],
    ['a line that is no line follows', [FIRST, SECOND], `${LOG}{}\n`, 'broken'],
    ['a line without a link follows', [FIRST, SECOND], appendLine(LOG, record(1), null), 'broken'],
    ['a log of another installation is there', [], logOf(12, null, 100), 'different'],
  ])('is noticed where %s', (_, archives, log, status) => {
    expect(statusOf(archives, log, anchorAt(WHOLE))).toBe(status);
  });

  test('is noticed where a log of others has no anchor', () => {
    expect(statusOf([FIRST], LOG, undefined)).toBe('broken');
  });
});

describe('the next anchor', () => {
  const before = anchorAt(WHOLE, 6);

  test('counts every line that follows the one before', () => {
    expect(anchorOf(WHOLE, before)).toEqual(anchorAt(WHOLE));
    expect(anchorOf(LOG, anchorAt(WHOLE, 7))).toEqual(anchorAt(WHOLE));
    expect(anchorOf(WHOLE, anchorAt(WHOLE))).toEqual(anchorAt(WHOLE));
  });

  test.each([
    ['was cut before it', textOf(linesOf(WHOLE).slice(0, 5))],
    ['was altered there', textOf(linesOf(WHOLE).with(5, edited(linesOf(WHOLE)[5] ?? '')))],
    ['was altered after it', textOf(linesOf(WHOLE).with(6, edited(linesOf(WHOLE)[6] ?? '')))],
    ['is gone', ''],
    ['was begun anew', logOf(3)],
  ])('is none where the log %s: the old one is the evidence', (_, log) => {
    expect(anchorOf(log, before)).toBeUndefined();
  });

  test('of an empty log is that of the backup', () => {
    const start = { lines: 4, digest: sha256('x') };
    expect(anchorOf('', { ...start, start })).toEqual({ ...start, start });
  });
});

test('a line that was cut keeps its bytes when the next one is written', () => {
  const cut = LOG.slice(0, -20);
  expect(appendLine(cut, record(10), lastDigest(cut)).startsWith(`${cut}\n{`)).toBe(true);
});
