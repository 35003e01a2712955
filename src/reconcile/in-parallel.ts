import pLimit from 'p-limit';

/** Runs `work` on every item, at most `limit` at once; after a failure no further item is begun. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const slots = pLimit(limit);
  let failed = false;
  const begin = async (item: T): Promise<void> => {
    if (failed) return;
    await work(item).catch((error: unknown) => {
      failed = true;
      throw error;
    });
  };
  const results = await Promise.allSettled(items.map((item) => slots(begin, item)));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
