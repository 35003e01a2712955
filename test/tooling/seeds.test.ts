import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chance, SEED } from '../support/seed.ts';
import { project } from './scratch.ts';

/** Names and secrets of servers that tests start: no outcome depends on what they are. */
const NAMES_ALONE = ['test/support/canary.ts', 'test/support/cluster/', 'test/support/mongodb/scram.ts'];
const SOURCES = ['test/support/seed.ts', 'test/support/random.ts', 'test/support/properties.setup.ts'];

const CHANCE =
  /Math\.random\(|\b(?:crypto\.)?random(?:Bytes|Int|UUID)\b[^;]*from 'node:crypto'|getRandomValues|\bfc\.configureGlobal\(|\bseed:\s*(?:\d|Date|limits)/;

/** Lines of a file in which a test comes by chance without the one place that has the seed. */
function unseeded(text: string): readonly string[] {
  return text.split('\n').filter((line) => CHANCE.test(line));
}

describe('chance in tests', () => {
  it.each([
    'const n = Math.random();',
    "import { createHash, randomBytes } from 'node:crypto';",
    "import { randomInt } from 'node:crypto';",
    "import { randomUUID } from 'node:crypto';",
    'globalThis.crypto.getRandomValues(bytes);',
    'fc.assert(property, { seed: 4, numRuns: 30 });',
    'checkMachine({ seed: Date.now(), runs: 1 });',
    'fc.configureGlobal({ numRuns: 3 });',
  ])('is found in %s', (line) => expect(unseeded(line)).toEqual([line]));

  it('comes from the one place that has the seed, in every file', () => {
    const files = readdirSync(path.join(project, 'test'), { recursive: true, encoding: 'utf8' })
      .map((name) => path.posix.join('test', name))
      .filter((name) => /\.m?ts$|\.mjs$/.test(name) && name !== 'test/tooling/seeds.test.ts')
      .filter(
        (name) => !name.includes('node_modules') && ![...NAMES_ALONE, ...SOURCES].some((of) => name.startsWith(of)),
      )
      .filter((name) => name !== 'test/tooling/layering.test.ts');
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((name) =>
      unseeded(readFileSync(path.join(project, name), 'utf8')).map((line) => `${name}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });

  it('of fast-check has that seed', () => {
    expect(fc.readConfigureGlobal().seed).toBe(SEED);
    const failed = fc.check(fc.property(fc.nat(), () => false));
    expect(failed.seed).toBe(SEED);
  });

  it('is the same for one name in every run, and another for another name', () => {
    const draw = (name: string): readonly number[] =>
      Array.from({ length: 8 }, () => 0).map(chance(name).bind(null, 1e6));
    expect(draw('one')).toEqual(draw('one'));
    expect(draw('one')).not.toEqual(draw('two'));
  });
});
