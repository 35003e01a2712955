import { test } from 'vitest';
import { checkRotations } from './model.ts';

test('no history of rotations breaks an invariant', async () => {
  await checkRotations({ seed: 6, runs: 200, seconds: 12 });
});
