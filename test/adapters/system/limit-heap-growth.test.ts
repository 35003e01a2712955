import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const MODULE = new URL('../../../src/adapters/system/limit-heap-growth.ts', import.meta.url);

/** MiB of V8's space for new objects, and of its whole heap, after much has outlived its collections. */
function sizeAfter(before: string): { readonly young: number; readonly all: number } {
  const code = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { limitHeapGrowth } from ${JSON.stringify(MODULE.href)};
    ${before}
    let kept = [];
    for (let i = 0; i < 3_000_000; i++) {
      kept.push({ i, text: String(i) });
      if (kept.length === 300_000) kept = kept.slice(150_000);
    }
    const sizes = getHeapSpaceStatistics();
    const young = sizes.find(({ space_name }) => space_name === 'new_space').space_size;
    const all = sizes.reduce((sum, { space_size }) => sum + space_size, 0);
    console.log(JSON.stringify({ young: young / 2 ** 20, all: all / 2 ** 20 }));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}

it('V8 keeps its heap small where it is told to, and grows it where not', () => {
  const [left, told] = [sizeAfter(''), sizeAfter('limitHeapGrowth();')];
  expect(left.young).toBeGreaterThan(32);
  // The limit is 8 MiB; V8 counts a page or two that it is about to give back.
  expect(told.young).toBeLessThan(10);
  expect(told.all).toBeLessThan(left.all / 2);
});
