import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const MODULE = new URL('../../../src/adapters/system/young-generation.ts', import.meta.url);

/** MiB of V8's space for new objects, after much has outlived its collections. */
function sizeAfter(before: string): number {
  const code = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { keepYoungGenerationSmall } from ${JSON.stringify(MODULE.href)};
    ${before}
    let kept = [];
    for (let i = 0; i < 3_000_000; i++) {
      kept.push({ i, text: String(i) });
      if (kept.length === 300_000) kept = kept.slice(150_000);
    }
    const found = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    console.log(found.space_size / 2 ** 20);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}

it('V8 keeps its space for new objects small where it is told to, and grows it where not', () => {
  expect(sizeAfter('')).toBeGreaterThan(8);
  expect(sizeAfter('keepYoungGenerationSmall();')).toBeLessThan(4);
});
