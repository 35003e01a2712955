// Covers: src/adapters/system/file-failures.ts, src/adapters/system/new-file.ts

import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { textFiles } from '../../../src/adapters/system/text-files.ts';
import { haveTools } from '../../scenarios/program/tools.ts';
import { newFolder, runWell, script } from '../../support/program.ts';

const files = textFiles(new AbortController().signal);
const MAKE_ONE = script(new URL('./make-text-file.ts', import.meta.url));

describe.skipIf(!haveTools('strace'))('a text file whose system call fails', () => {
  const FAULTS: readonly (readonly [string, string, RegExp, readonly string[]])[] = [
    ['fsync of the file, for want of room', 'fsync:error=ENOSPC:when=1', /^DISK_FULL: .*t\.json/, []],
    ['fsync of the file, beyond a quota', 'fsync:error=EDQUOT:when=1', /^DISK_FULL: .*t\.json/, []],
    ['fsync of the file', 'fsync:error=EIO:when=1', /^STORE_UNAVAILABLE: .*EIO/, []],
    ['fsync of its folder', 'fsync:error=EIO:when=2', /^STORE_UNAVAILABLE: .*EIO/, ['t.json']],
    ['fsync of a folder that knows none', 'fsync:error=EINVAL:when=2', /^done/, ['t.json']],
  ];

  it.each(FAULTS)('%s: it is told, and the file is whole or absent', async (_, fault, says, left) => {
    const folder = newFolder();
    const through = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `inject=${fault}`];
    // strace counts the calls of each thread for itself.
    const env = { UV_THREADPOOL_SIZE: '1' };
    const { stdout } = await runWell([path.join(folder, 't.json')], { program: MAKE_ONE, through, env });
    expect(stdout).toMatch(says);
    expect(readdirSync(folder)).toEqual(left);
    for (const name of left) expect(readFileSync(path.join(folder, name), 'utf8')).toBe('text');
  });
});

describe('a text file', () => {
  it('is made for its owner alone, and never over another one', async () => {
    const file = path.join(newFolder(), 't.json');
    await files.writeNew(file, 'text');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['text', 0o600]);
    await expect(files.writeNew(file, 'other')).rejects.toMatchObject({ code: 'USAGE' });
    expect(readFileSync(file, 'utf8')).toBe('text');
  });

  it.each(['writeNew', 'checkNew'] as const)('in a folder that is not there is a usage error of %s', async (method) => {
    const file = path.join(newFolder(), 'nowhere', 't.json');
    await expect(files[method](file, 'text')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('the folder for it is not there'),
    });
  });

  it('is looked for before it is made: the name has to be free, and nothing is written', async () => {
    const folder = newFolder();
    await files.checkNew(path.join(folder, 't.json'));
    expect(readdirSync(folder)).toEqual([]);
    symlinkSync('nowhere', path.join(folder, 'dangling'));
    for (const name of ['dangling', '.']) {
      await expect(files.checkNew(path.join(folder, name))).rejects.toMatchObject({ code: 'USAGE' });
    }
    await files.writeNew(path.join(folder, 't.json'), 'text');
    await expect(files.checkNew(path.join(folder, 't.json', 'u'))).rejects.toMatchObject({
      message: expect.stringContaining('ENOTDIR'),
    });
  });
});
