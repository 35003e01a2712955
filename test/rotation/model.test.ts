import { test } from 'vitest';
import { checkRotations } from './model.ts';

test('no history of rotations breaks an invariant', async () => {
  await checkRotations({ runs: 200, seconds: 12 });
});
