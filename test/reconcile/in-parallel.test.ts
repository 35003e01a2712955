import { describe, expect, test } from 'vitest';
import { inParallel } from '../../src/reconcile/in-parallel.ts';

/** Lets everything run that is ready to. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work on many items', () => {
  test('is done once for each', async () => {
    const done: string[] = [];
    await inParallel(['a', 'b', 'c'], 2, async (item) => {
      await turn();
      done.push(item);
    });
    expect(done.sort()).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [1, 1],
    [3, 3],
    [20, 5],
  ])('with a limit of %i has %i of 5 items under way at most', async (limit, expected) => {
    let [underWay, most] = [0, 0];
    await inParallel([1, 2, 3, 4, 5], limit, async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
    });
    expect(most).toBe(expected);
  });

  test('ends with the failure of one item, after what is under way is done, and begins no further item', async () => {
    const done: number[] = [];
    const work = async (item: number): Promise<void> => {
      if (item === 1) throw new Error('one failed');
      await turn();
      done.push(item);
    };
    await expect(inParallel([1, 2, 3, 4], 2, work)).rejects.toThrow('one failed');
    expect(done).toEqual([2]);
  });

  test('of no items is done', async () => {
    await inParallel([], 4, () => Promise.reject(new Error('there is nothing to do')));
  });
});
