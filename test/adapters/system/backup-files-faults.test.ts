// Covers: src/adapters/system/staged-files.ts

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { haveTools } from '../../scenarios/program/tools.ts';
import { newFolder, runWell, script } from '../../support/program.ts';

const MAKE_ONE = script(new URL('./make-backup-file.ts', import.meta.url));

describe.skipIf(!haveTools('strace'))('a backup file whose system call fails', () => {
  /** What each call is for, how it fails, how that is told, and what may be there then. */
  const FAULTS: readonly (readonly [string, string, RegExp, readonly string[]])[] = [
    ['fsync of the file', 'fsync:error=EIO:when=1', /^STORE_UNAVAILABLE: .*b\.age.*EIO/, []],
    ['fsync of the file, for want of room', 'fsync:error=ENOSPC:when=1', /^DISK_FULL: .*b\.age/, []],
    ['fsync of its folder', 'fsync:error=EIO:when=2', /^STORE_UNAVAILABLE: .*EIO/, ['b.age.pending']],
    ['fsync of a folder that knows none', 'fsync:error=EINVAL:when=2', /^done/, ['b.age']],
    ['the link, for want of room', 'link,linkat:error=ENOSPC', /^DISK_FULL: .*b\.age/, []],
    ['the link, where the disk is read-only by now', 'link,linkat:error=EROFS', /^PERMISSION_DENIED: .*b\.age/, []],
    ['the link, where somebody was quicker', 'link,linkat:error=EEXIST', /^USAGE: .*never overwritten/, []],
    ['the link, where there are none (EPERM)', 'link,linkat:error=EPERM', /^LINK_UNSUPPORTED: .*hard links/, []],
    [
      'the link, where there are none (EOPNOTSUPP)',
      'link,linkat:error=EOPNOTSUPP',
      /^LINK_UNSUPPORTED: .*hard links/,
      [],
    ],
  ];

  it.each(FAULTS)('%s: it is told, and the file is whole or absent', async (_, fault, says, left) => {
    const folder = newFolder();
    const through = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `inject=${fault}`];
    // strace counts the calls of each thread for itself.
    const env = { UV_THREADPOOL_SIZE: '1' };
    const { stdout } = await runWell([path.join(folder, 'b.age')], { program: MAKE_ONE, through, env });
    expect(stdout).toMatch(says);
    expect(readdirSync(folder)).toEqual(left);
    for (const name of left) expect(readFileSync(path.join(folder, name), 'utf8')).toBe('sealed');
  });
});
