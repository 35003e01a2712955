/** As test/reconcile/, in other orders and with other histories every time. */
import { test } from 'vitest';
import { checkHistories } from '../reconcile/model.ts';

await import('../reconcile/concurrency.test.ts');

const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);

test('whatever happens to a store, init brings it right or refuses with exit code 5, and no key is lost or changed', async () => {
  await checkHistories({ runs: 1_000_000, seconds: seconds / 2 });
});
