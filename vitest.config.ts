import { defineConfig } from 'vitest/config';
import { defines } from './scripts/build.mjs';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

// SOAK=1 (`npm run test:soak`) runs test/soak/ alone, what takes long by its nature, for as long as SOAK_SECONDS says.
const soaking = process.env['SOAK'] === '1';
const minute = 60_000;

export default defineConfig({
  define: await defines(),
  test: {
    include: soaking ? ['test/soak/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: soaking ? [] : ['test/soak/**'],
    // The commands are tested as the real program, so dist/ has to be that of src/.
    globalSetup: ['scripts/build.mjs', 'test/support/cluster/shared.ts'],
    pool: 'forks',
    maxWorkers: 2, // vitest would leave one of two processors idle
    testTimeout: soaking ? 120 * minute : 30_000,
    hookTimeout: soaking ? 10 * minute : minute,
    reporters: ['default', new ClosingLineReporter()],
    sequence: { hooks: 'stack' },
  },
});
