import { expect, test } from 'vitest';
import { FaultyStore } from '../support/faulty-store.ts';
import { init, smallSpec } from '../support/installations.ts';
import { memoryStore } from '../support/memory-store.ts';
import { faultsOf } from './checker.ts';

test('x', async () => {
  const store = memoryStore();
  const spec = smallSpec();
  await init(store, { spec });
  expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  const second = new FaultyStore(store);
  const plan = await init(second);
  expect(plan.changes).toBe(false);
  expect(second.log).toEqual([]);
});
