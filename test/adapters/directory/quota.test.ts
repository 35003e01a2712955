// Covers: src/adapters/directory/failures.ts

import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { explainingFailures } from '../../../src/adapters/directory/failures.ts';

it('a used-up quota is told as such, though libuv has no name for it', async () => {
  const { EDQUOT } = constants.errno;
  const used = { errno: -EDQUOT, code: `Unknown system error -${EDQUOT}`, syscall: 'write' };
  const failing = explainingFailures('keys', () => Promise.reject(Object.assign(new Error('used up'), used)));
  await expect(failing).rejects.toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining('write: EDQUOT') });
});
