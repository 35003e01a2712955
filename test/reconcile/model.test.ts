import { test } from 'vitest';
import { checkHistories } from './model.ts';

test('whatever happens to a store, init brings it right or refuses with exit code 5, and no key is lost or changed', async () => {
  await checkHistories({ runs: 12 });
});
