import { defineConfig } from 'vitest/config';
import { defines } from './scripts/build.mjs';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

// SOAK=1 (`npm run test:soak`) runs test/soak/ alone, for as long as SOAK_SECONDS says; without it the same tests are short.
const soaking = process.env['SOAK'] === '1';
const minute = 60_000;

export default defineConfig({
  define: await defines(),
  test: {
    include: soaking ? ['test/soak/**/*.test.ts'] : ['test/**/*.test.ts'],
    passWithNoTests: soaking,
    globalSetup: 'scripts/build.mjs', // the commands are tested as the real program, so dist/ has to be that of src/
    pool: 'forks',
    maxWorkers: 2, // vitest would leave one of two processors idle
    testTimeout: soaking ? 120 * minute : 30_000,
    hookTimeout: soaking ? 10 * minute : minute,
    reporters: ['default', new ClosingLineReporter()],
    sequence: { hooks: 'stack' },
  },
});
