import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuditRecord, appendLine, firstBreak, lastDigest, lastGeneration } from '../../src/audit/chain.ts';

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

const record = (change: Partial<AuditRecord> = {}): AuditRecord => ({
  time: '2027-01-01T00:00:00Z',
  user: 'tester',
  host: 'bench',
  command: 'init',
  toolVersion: '0.1.0',
  installationId: 'some-installation',
  generation: 1,
  result: 'done',
  changes: [{ action: 'create', object: 'Secret/a/b', key: 'root-key', kid: 'aaaaaaaaaaaaaaaa' }],
  active: { 'root-key': 'aaaaaaaaaaaaaaaa' },
  ...change,
});

const logOf = (records: readonly AuditRecord[]): string =>
  records.reduce((log, each) => appendLine(log, each, lastDigest(log)), '');

const records = fc.array(
  fc.record({ user: fc.string({ unit: 'binary' }), command: fc.string(), generation: fc.nat() }).map(record),
  { minLength: 2, maxLength: 6 },
);

describe('a chain', () => {
  test('begins with null, and every line names the digest of the line before', () => {
    fc.assert(
      fc.property(records, (all) => {
        const lines = logOf(all).split('\n');
        expect(lines.pop()).toBe('');
        expect(lines).toHaveLength(all.length);
        for (const [i, line] of lines.entries()) {
          const { prev, ...rest } = JSON.parse(line);
          expect(prev).toBe(i === 0 ? null : sha256(lines[i - 1] ?? ''));
          expect(rest).toEqual(JSON.parse(JSON.stringify(all[i])));
        }
      }),
    );
  });

  test('that nobody touched has no break', () => {
    fc.assert(fc.property(records, (all) => firstBreak(logOf(all)) === undefined));
    expect(firstBreak('')).toBeUndefined();
  });

  test('is broken by any change of any byte before its last line', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat({ max: 254 }), (all, where, byte) => {
        const bytes = Buffer.from(logOf(all));
        const last = bytes.lastIndexOf(10, bytes.length - 2);
        const at = where % (last + 1);
        bytes[at] = ((bytes[at] ?? 0) + 1 + byte) % 256;
        const line = bytes.subarray(0, at).filter((each) => each === 10).length + 1;
        const found = firstBreak(bytes.toString('utf8'));
        expect(found).toBeGreaterThanOrEqual(line);
        expect(found).toBeLessThanOrEqual(line + 1);
      }),
      { numRuns: 400 },
    );
  });

  test('with a change in its last line may be sound, and nothing worse happens', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat({ max: 255 }), (all, where, byte) => {
        const bytes = Buffer.from(logOf(all));
        const last = bytes.lastIndexOf(10, bytes.length - 2);
        bytes[last + 1 + (where % (bytes.length - last - 1))] = byte;
        const log = bytes.toString('utf8');
        expect([undefined, all.length, all.length + 1]).toContain(firstBreak(log));
        expect(lastGeneration(log)).toBeGreaterThanOrEqual(0);
        expect(firstBreak(appendLine(`${log.trimEnd()}\n`, record(), lastDigest(log)))).not.toBe(all.length + 2);
      }),
    );
  });

  test.each([
    ['without a line in the middle', (lines: string[]) => lines.filter((_, i) => i !== 1)],
    ['with two lines changed about', ([a = '', b = '', ...rest]: string[]) => [b, a, ...rest]],
    ['with a line twice', (lines: string[]) => [...lines, lines.at(-1) ?? '']],
    ['with a line of somebody else', ([a = '', ...rest]: string[]) => [a, '{}', ...rest]],
    ['with a line that is not JSON', (lines: string[]) => [...lines, 'x']],
    ['with a line that is null', (lines: string[]) => [...lines, 'null']],
  ])('%s is broken', (_, change) => {
    const lines = logOf([record(), record({ generation: 2 }), record({ generation: 3 })])
      .trimEnd()
      .split('\n');
    expect(firstBreak(lines.map((line) => `${line}\n`).join(''))).toBeUndefined();
    expect(
      firstBreak(
        change(lines)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    ).toBeGreaterThan(1);
  });

  test('that was cut within its last line is broken there', () => {
    const log = logOf([record(), record({ generation: 2 })]);
    expect(firstBreak(log.slice(0, -1))).toBe(2);
    expect(firstBreak(log.slice(0, -20))).toBe(2);
  });

  test('that was begun anew goes on from a copy', () => {
    const anew = appendLine('', record({ generation: 9 }), sha256('the last line of the copy'));
    expect(firstBreak(anew)).toBeUndefined();
  });
});

describe('the end of a log', () => {
  test('has the generation of its last record', () => {
    expect(lastGeneration(logOf([record({ generation: 3 }), record({ generation: 7 })]))).toBe(7);
  });

  test.each(['', '\n', 'junk\n', '{}\n', '[]\n', '{"generation":"7"}\n', 'null\n'])('of %j has none', (log) => {
    expect(lastGeneration(log)).toBe(0);
  });

  test('has a digest, save where there is nothing', () => {
    expect(lastDigest('')).toBeNull();
    expect(lastDigest('a\nb\n')).toBe(sha256('b'));
  });
});
