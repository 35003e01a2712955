import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { backupFiles } from '../../../src/adapters/system/backup-files.ts';
import { sha256Hex } from '../../../src/crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../../../src/errors.ts';
import { mayMount, smallDisk } from '../../scenarios/program/tools.ts';
import { newFolder } from '../../support/program.ts';
import { chanceBytes } from '../../support/seed.ts';

const randomBytes = chanceBytes('backup-files');

const BYTES = randomBytes(40_000);
const files = backupFiles(new AbortController().signal);

async function readAll(file: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of files.read(file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const accept = async (): Promise<void> => undefined;

/** Stages a file, and gives it its name. */
async function create(file: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void> {
  await files.stage(file, bytes, check);
  await files.place(file, sha256Hex(bytes));
}

/** The error that something ended with. */
async function failureOf(work: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PaletteKeysError) return error;
  throw new Error(`not told as an error of ours, but: ${error}`, { cause: error });
}

describe('a backup file', () => {
  test('holds the bytes, for its owner alone, and nothing is left beside it', async () => {
    const folder = newFolder();
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    await create(path.join(folder, 'b.age'), BYTES, accept);
    expect(readFileSync(path.join(folder, 'b.age')).equals(BYTES)).toBe(true);
    expect(statSync(path.join(folder, 'b.age')).mode & 0o7777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['b.age']);
    expect(Buffer.from(await readAll(path.join(folder, 'b.age'))).equals(BYTES)).toBe(true);
  });

  test('is for its owner alone already while it is written, under another name in the same folder', async () => {
    const folder = newFolder();
    const file = path.join(folder, 'b.age');
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    await create(file, BYTES, async (copy) => {
      expect(Buffer.from(copy).equals(BYTES)).toBe(true);
      const names = readdirSync(folder);
      expect(names).toHaveLength(1);
      expect(names).not.toContain('b.age');
      expect(statSync(path.join(folder, names[0] ?? '')).mode & 0o7777).toBe(0o600);
    });
  });

  test('is checked as it stands on the disk', async () => {
    const folder = newFolder();
    const seen: Buffer[] = [];
    const file = path.join(folder, 'b.age');
    await create(file, BYTES, async (copy) => {
      seen.push(Buffer.from(copy));
      copy.fill(0);
    });
    expect(seen).toHaveLength(1);
    expect(readFileSync(file).equals(BYTES)).toBe(true);
  });

  test('in the working directory needs no path', async () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(newFolder());
    await create('b.age', BYTES, accept);
    expect(readdirSync('.')).toEqual(['b.age']);
  });

  test('is whole as soon as it can be seen', async () => {
    const file = path.join(newFolder(), 'b.age');
    const large = randomBytes(20_000_000);
    let done = false;
    const making = create(file, large, accept).then(() => {
      done = true;
    });
    while (!done) {
      if (existsSync(file)) expect(statSync(file).size).toBe(large.length);
      await new Promise(setImmediate);
    }
    await making;
  });

  test.each([
    ['that is damaged', new DamagedError('what was written is not what was backed up'), 'STORE_UNAVAILABLE'],
    ['that cannot be sealed', new PaletteKeysError('USAGE', 'no', { hint: 'none' }), 'USAGE'],
  ])('with a copy %s leaves nothing behind', async (_, error, code) => {
    const folder = newFolder();
    const file = path.join(folder, 'b.age');
    const failure = await failureOf(create(file, BYTES, () => Promise.reject(error)));
    expect(failure.code).toBe(code);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of which twenty are made at once under one name: one is made, and it stays', async () => {
    const folder = newFolder();
    const file = path.join(folder, 'b.age');
    const contents = Array.from({ length: 20 }, () => randomBytes(1000));
    const ends = await Promise.allSettled(contents.map((bytes) => create(file, bytes, accept)));
    const made = contents.filter((_, n) => ends[n]?.status === 'fulfilled');
    expect(made).toHaveLength(1);
    expect(readFileSync(file).equals(made[0] ?? Buffer.alloc(0))).toBe(true);
    for (const end of ends) {
      if (end.status === 'rejected') expect(['USAGE', 'CONFLICT']).toContain(end.reason.code);
    }
  });
});

describe('a name that is taken', () => {
  test.each<readonly [string, (file: string) => void]>([
    ['by a file', (file) => writeFileSync(file, 'theirs')],
    ['by an empty file', (file) => writeFileSync(file, '')],
    ['by a folder', (file) => mkdirSync(file)],
    ['by a link to nowhere', (file) => symlinkSync('nowhere', file)],
    ['by a link to a file', (file) => symlinkSync('/dev/null', file)],
  ])('%s is a usage error, and what is there stays', async (_, prepare) => {
    const folder = newFolder();
    const file = path.join(folder, 'b.age');
    prepare(file);
    const failure = await failureOf(create(file, BYTES, accept));
    expect(failure).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(failure.message).toContain('never overwritten');
    expect(readdirSync(folder)).toEqual(['b.age', 'b.age.pending']);
    expect(existsSync(path.join(folder, 'nowhere'))).toBe(false);
  });
});

describe('a place that is none', () => {
  test('because the folder is not there: a usage error', async () => {
    const file = path.join(newFolder(), 'more', 'b.age');
    expect(await failureOf(create(file, BYTES, accept))).toMatchObject({ code: 'USAGE' });
    expect(await failureOf(readAll(file))).toMatchObject({ code: 'USAGE' });
  });

  test('because a file stands where the folder should be', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'more'), '');
    const failure = await failureOf(create(path.join(folder, 'more', 'b.age'), BYTES, accept));
    expect([1, 2]).toContain(failure.exit);
    expect(failure.message).toContain('b.age');
  });

  test('because what should be read is a folder', async () => {
    const failure = await failureOf(readAll(newFolder()));
    expect([1, 2]).toContain(failure.exit);
  });

  test.skipIf(process.getuid?.() === 0)('because nobody may write there', async () => {
    const folder = newFolder();
    chmodSync(folder, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
    const failure = await failureOf(create(path.join(folder, 'b.age'), BYTES, accept));
    expect(failure).toMatchObject({ code: 'PERMISSION_DENIED', exit: 1 });
  });

  test.skipIf(!mayMount())(
    'because the disk is full: it is said so, and nothing is left, neither file nor part',
    async () => {
      const disk = smallDisk(32);
      const file = path.join(disk, 'b.age');
      const failure = await failureOf(create(file, BYTES, accept));
      expect(failure).toMatchObject({ code: 'DISK_FULL', exit: 1 });
      expect(readdirSync(disk)).toEqual([]);
      await create(file, BYTES.subarray(0, 8000), accept);
      expect(readdirSync(disk)).toEqual(['b.age']);
    },
  );
});
