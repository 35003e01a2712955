import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Outcome, project, run, scratch } from './scratch.ts';

/** A tree in which every file has its test, and what is planted in it. */
function check(planted: Readonly<Record<string, string>> = {}): Outcome {
  const folder = scratch({
    'src/main.ts': "import './cli/run.ts';",
    'src/cli/run.ts': 'export const run = 1;',
    'src/a/b.ts': "import { c } from './c.ts'; export const b = c;",
    'src/a/c.ts': 'export const c = 1;',
    'src/a/types.ts': '/** A type. */\nexport interface T {\n  readonly n: number;\n}\n// No code.\n',
    'test/a/b.test.ts': "// Covers: src/a/c.ts\n\nimport { b } from '../../src/a/b.ts';",
    'test/support/program.ts': 'export const program = 1;',
    'test/scenarios/run.test.ts': "// Covers: src/cli/run.ts\n\nimport '../support/program.ts';",
    ...planted,
  });
  return run(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    path.join(project, 'scripts/mirrors.mjs'),
    folder,
  ]);
}

const NOBODY = 'src/lone.ts: no test stands for it';
const lone = { 'src/lone.ts': 'export const lone = 1;' };

describe('a file of src/ has a test', () => {
  const trees: readonly (readonly [name: string, planted: Readonly<Record<string, string>>])[] = [
    ['at its mirrored path, through a helper or by a header; types alone need none', {}],
    ['at its mirrored path that imports it late', { ...lone, 'test/lone.test.ts': "await import('../src/lone.ts');" }],
    [
      'at its mirrored path that starts it as a program',
      { ...lone, 'test/lone.test.ts': "const PROGRAM = new URL('../src/lone.ts', import.meta.url);" },
    ],
    [
      'that covers its folder and reaches every file in it',
      {
        'src/d/e.ts': 'export const e = 1;',
        'src/d/types.ts': 'export type E = 1;',
        'test/d.test.ts': "// Covers: src/d/\nimport '../src/d/e.ts';",
      },
    ],
    [
      'that covers it in the second line of a long header',
      {
        ...lone,
        'test/d.test.ts': "// Covers: src/a/b.ts\n// Covers: src/lone.ts\nimport './help.ts';\nimport '../src/a/b.ts';",
        'test/help.ts': "import '../src/lone.ts';",
      },
    ],
  ];
  it.each(trees)('%s', (_, planted) => {
    const { code, stdout } = check(planted);
    expect(stdout).toMatch(/^\d+ files in src\/, 0 without a test\n$/);
    expect(code).toBe(0);
  });
});

describe('a file of src/ is reported', () => {
  const trees: readonly (readonly [name: string, planted: Readonly<Record<string, string>>, line: string])[] = [
    ['that no test names', lone, NOBODY],
    ['whose mirror does not import it', { ...lone, 'test/lone.test.ts': 'export {};' }, NOBODY],
    [
      'whose mirror imports its types alone',
      { ...lone, 'test/lone.test.ts': "import type { lone } from '../src/lone.ts';" },
      NOBODY,
    ],
    ['whose mirror imports it in a comment', { ...lone, 'test/lone.test.ts': "// import '../src/lone.ts';\n" }, NOBODY],
    [
      'that is covered below the header of a test',
      { ...lone, 'test/d.test.ts': "import '../src/lone.ts';\n// Covers: src/lone.ts\n" },
      NOBODY,
    ],
  ];
  it.each(trees)('%s', (_, planted, line) => {
    const { code, stdout } = check(planted);
    expect(stdout).toBe(`${line}\n\n6 files in src/, 1 without a test\n`);
    expect(code).toBe(1);
  });
});

describe('a header is reported', () => {
  const trees: readonly (readonly [name: string, planted: Readonly<Record<string, string>>, line: string])[] = [
    [
      'that names a file that does not exist',
      { 'test/d.test.ts': '// Covers: src/gone.ts\n' },
      'test/d.test.ts: covers src/gone.ts, where src/ has nothing to test',
    ],
    [
      'that names an empty folder',
      { 'test/d.test.ts': '// Covers: src/gone/\n' },
      'test/d.test.ts: covers src/gone/, where src/ has nothing to test',
    ],
    [
      'that names a file which its test does not reach',
      { 'test/d.test.ts': "// Covers: src/cli/run.ts\nimport '../src/a/b.ts';" },
      'test/d.test.ts: covers src/cli/run.ts, which it does not reach',
    ],
    [
      'that names a folder of which its test does not reach one file',
      { 'test/d.test.ts': "// Covers: src/a/\nimport '../src/a/c.ts';" },
      'test/d.test.ts: covers src/a/b.ts, which it does not reach',
    ],
    [
      'that names a file which is no part of the program that its test starts',
      { 'test/scenarios/d.test.ts': "// Covers: src/a/c.ts\nimport '../support/program.ts';" },
      'test/scenarios/d.test.ts: covers src/a/c.ts, which it does not reach',
    ],
  ];
  it.each(trees)('%s', (_, planted, line) => {
    const { code, stdout } = check(planted);
    expect(stdout).toBe(`${line}\n\n5 files in src/, 0 without a test\n`);
    expect(code).toBe(1);
  });

  it('although another test covers the file', () => {
    const { code, stdout } = check({ 'test/d.test.ts': '// Covers: src/a/c.ts\n' });
    expect([code, stdout]).toEqual([1, expect.stringContaining('test/d.test.ts: covers src/a/c.ts')]);
  });
});

it('a tree without src/ files does not pass', () => {
  const { code } = run(process.execPath, [
    path.join(project, 'scripts/mirrors.mjs'),
    scratch({ 'src/x': '', 'test/x': '' }),
  ]);
  expect(code).toBe(1);
});
