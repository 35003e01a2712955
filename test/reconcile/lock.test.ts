// Covers: src/reconcile/errors.ts

import { describe, expect, test } from 'vitest';
import { StoreChangedError } from '../../src/reconcile/errors.ts';
import { retryOnChange, withLock } from '../../src/reconcile/lock.ts';
import { portsOn } from '../support/installations.ts';
import { memoryStore } from '../support/memory-store.ts';

/** Work that others disturb so many times; `calls` has the attempts. */
function disturbed(times: number, calls: number[]): (attempt: number) => Promise<string> {
  return async (attempt) => {
    calls.push(attempt);
    if (attempt < times) throw new StoreChangedError('another run was here');
    return 'done';
  };
}

describe('work that is repeated while others change the store', () => {
  test('ends with the first attempt that nobody disturbs', async () => {
    const calls: number[] = [];
    expect(await retryOnChange(3, disturbed(2, calls))).toBe('done');
    expect(calls).toEqual([0, 1, 2]);
  });

  test('ends with CONFLICT after the last attempt', async () => {
    const calls: number[] = [];
    await expect(retryOnChange(3, disturbed(3, calls))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(calls).toEqual([0, 1, 2]);
  });

  test('ends with every other error at once', async () => {
    const calls: number[] = [];
    const failing = async (attempt: number): Promise<void> => {
      calls.push(attempt);
      throw new Error('a bug');
    };
    await expect(retryOnChange(3, failing)).rejects.toThrow('a bug');
    expect(calls).toEqual([0]);
  });
});

test('a lock is released also after work that fails', async () => {
  const store = memoryStore();
  const failing = withLock(portsOn(store), () => Promise.reject(new Error('a bug')));
  await expect(failing).rejects.toThrow('a bug');
  expect(await withLock(portsOn(store.again()), async () => 'done')).toBe('done');
});
