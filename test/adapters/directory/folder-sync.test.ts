// Covers: src/adapters/directory/files.ts

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FileSystem, nodeFiles } from '../../../src/adapters/directory/files.ts';
import { FolderSync } from '../../../src/adapters/directory/folder-sync.ts';
import { systemError } from './faulty-files.ts';

/** Files whose fsync takes a while, and tells when it began. */
function slowFiles(begin: (folder: string) => Promise<void>): FileSystem {
  const open: FileSystem['open'] = async (path) => ({
    stat: () => expect.fail(),
    read: () => expect.fail(),
    write: () => expect.fail(),
    chmod: () => expect.fail(),
    close: async () => undefined,
    sync: () => begin(path),
  });
  return { ...nodeFiles, open };
}

describe('the fsync of a folder', () => {
  test('covers whoever came before it began, and nobody who came later', async () => {
    const wait = fc.integer({ min: 0, max: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(wait, fc.constantFrom('a', 'b')), { maxLength: 12 }),
        wait,
        async (calls, takes) => {
          let clock = 0;
          const began: Record<string, number[]> = { a: [], b: [] };
          const ended: Record<string, number[]> = { a: [], b: [] };
          const sync = new FolderSync(
            slowFiles(async (folder) => {
              began[folder]?.push(++clock);
              await sleep(takes);
              ended[folder]?.push(++clock);
            }),
          );
          const callers = calls.map(async ([after, folder]) => {
            await sleep(after);
            const called = ++clock;
            await sync.sync(folder);
            const returned = ++clock;
            // An fsync of this folder began after the call, and ended before the return.
            const covered = began[folder]?.some(
              (start, n) => start > called && (ended[folder]?.[n] ?? Number.POSITIVE_INFINITY) < returned,
            );
            expect(covered).toBe(true);
          });
          await Promise.all(callers);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('is shared: 40 that come at a time wait for two', async () => {
    let count = 0;
    const sync = new FolderSync(
      slowFiles(async () => {
        count += 1;
        await sleep(5);
      }),
    );
    await Promise.all(Array.from({ length: 40 }, () => sync.sync('a')));
    expect(count).toBe(2);
    await sync.sync('a');
    expect(count).toBe(3);
  });

  test('that fails fails for those whom it covered, and the next is tried anew', async () => {
    let count = 0;
    const sync = new FolderSync(
      slowFiles(async (folder) => {
        count += 1;
        await sleep(1);
        if (count < 3) throw systemError('EIO', 'fsync', folder);
      }),
    );
    const results = await Promise.allSettled([sync.sync('a'), sync.sync('a'), sync.sync('a')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await sync.sync('a');
    expect(count).toBe(3);
  });
});
