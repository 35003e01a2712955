import { test } from 'vitest';
import { checkHistories } from './model.ts';

const soaking = process.env['SOAK'] === '1';
const seconds = soaking ? Number(process.env['SOAK_SECONDS'] ?? 600) : 6;

test('whatever happens to a store, init brings it right or refuses with exit code 5, and no key is lost or changed', async () => {
  await checkHistories({ seed: soaking ? Date.now() : 20_261_122, runs: soaking ? 1_000_000 : 20, seconds });
});
