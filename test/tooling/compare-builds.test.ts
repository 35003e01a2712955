import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { countedIn } from '../../scripts/compare-builds/allowances.mjs';
import { placeholders } from '../../scripts/compare-builds/placeholders.mjs';
import { haveTools } from '../scenarios/program/tools.ts';
import { type Outcome, project, run, scratch } from './scratch.ts';

/** A checkout with a copy of the build, in which every text of the first column is the one of the second. */
function checkout(changes: readonly (readonly [from: string, to: string])[] = []): string {
  const folder = scratch();
  for (const name of ['bin', 'dist', 'package.json']) {
    cpSync(path.join(project, name), path.join(folder, name), { recursive: true });
  }
  const files = readdirSync(path.join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  );
  for (const [from, to] of changes) {
    const found = files.filter((name) => replaceIn(path.join(folder, 'dist', name), from, to));
    expect(found, from).not.toHaveLength(0);
  }
  return folder;
}

function replaceIn(file: string, from: string, to: string): boolean {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(from, to));
  return text.includes(from);
}

const compare = (...args: readonly string[]): Outcome =>
  run(process.execPath, [path.join(project, 'scripts/compare-builds.mjs'), ...args]);

describe.skipIf(!haveTools('openssl'))('the comparison of two builds', () => {
  it('finds no difference between a build and its copy', () => {
    expect(compare(project, checkout(), '--only', 'not-installed')).toEqual({
      code: 0,
      stdout: 'same   not-installed (9 commands)\n9 commands in 1 scenario: no difference\n',
      stderr: '',
    });
  });

  it('shows a message and an exit code that differ', () => {
    const other = checkout([
      [' holds no installation', ' has no installation'],
      ['NOT_INSTALLED:{exit:1,', 'NOT_INSTALLED:{exit:9,'],
    ]);
    const { code, stdout } = compare(project, other, '--only', 'not-installed');
    expect(code).toBe(1);
    expect(stdout).toContain('DIFFER not-installed (9 commands)\n');
    expect(stdout).toContain('$ palette-keys status --dir keys\n  exit code:\n    - 1\n    + 9\n');
    expect(stdout).toContain(
      'stderr:\n    - palette-keys: error: keys holds no installation\n    + palette-keys: error: keys has no installation\n',
    );
    expect(stdout).toMatch(/\n9 commands in 1 scenario: \d+ differences\n$/);
  });

  it('shows an object that differs', () => {
    const other = checkout([['helm.sh/resource-policy', 'helm.sh/policy']]);
    const { code, stdout } = compare(project, other, '--only', 'init-verbose');
    expect(code).toBe(1);
    expect(stdout).toMatch(/- +"helm\.sh\/resource-policy": "keep"/);
    expect(stdout).toMatch(/\+ +"helm\.sh\/policy": "keep"/);
  });

  it.each([
    [['--only', 'nothing'], /there is no nothing; there are help, /],
    [['--allow', 'everything'], /there is no everything; there are record, dry-run/],
    [[], /nowhere has no dist\/main\.js/],
  ])('refuses %j', (flags, message) => {
    const { code, stderr } = compare(project, '/nowhere', ...flags);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('a placeholder', () => {
  const [first, second] = ['aaaabbbbccccdddd', 'ddddccccbbbbaaaa'];

  it('stands for the same value in all texts of a scenario, so that a mix-up shows', () => {
    const replace = placeholders(['1.0.0']);
    expect(replace(`${first} ${second} ${first}`)).toBe('KID1 KID2 KID1');
    expect(replace(second)).toBe('KID2');
  });

  it('stands for a digest also where it is cut short', () => {
    const digest = '0123456789ab'.padEnd(64, '0');
    expect(placeholders(['1.0.0'])(`SHA256:${digest} 0123456789ab… ${'1'.repeat(64)}`)).toBe(
      'SHA256:DIGEST1 DIGEST1… DIGEST2',
    );
  });

  it('stands for no time, number or word', () => {
    const text = '2026-12-05T00:00:00Z generation 4, 9.9 y, palette-spectrocluster-jobs-tls';
    expect(placeholders(['1.0.0'])(text)).toBe(text);
  });
});

describe('what a later build may do differently', () => {
  const record = { schemaVersion: 2, audit: { lines: 1 }, keys: { 'root-key': { versions: [], evidence: {} } } };

  it('is nothing unless it is allowed', () => {
    const counted = countedIn({ continued: true }, []);
    expect(counted.record(record)).toEqual(record);
    expect(counted.output('rotate root-key --plan', 'publish v2')).toBe('publish v2');
  });

  it('is with record the schema and the evidence, and where it goes on the output of init and status', () => {
    const [own, continued] = [countedIn({}, ['record']), countedIn({ continued: true }, ['record'])];
    expect(own.record(record)).toEqual({ audit: { lines: 1 }, keys: { 'root-key': { versions: [] } } });
    expect(continued.record(record)).toEqual({ keys: { 'root-key': { versions: [] } } });
    expect(['init --yes', 'status', 'rotate --due'].map((line) => own.output(line, 'x'))).toEqual(['x', 'x', 'x']);
    expect(['init --yes', 'status', 'rotate --due'].map((line) => continued.output(line, 'x'))).toEqual(['', '', 'x']);
  });

  it('is with dry-run the output of rotate --dry-run and --plan alone', () => {
    const { output } = countedIn({}, ['dry-run']);
    const lines = ['rotate --due --dry-run', 'rotate root-key --plan -o json', 'rotate root-key', 'init --dry-run'];
    expect(lines.map((line) => output(line, 'x'))).toEqual(['', '', 'x', 'x']);
  });
});
