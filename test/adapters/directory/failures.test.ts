// Covers: src/adapters/directory/failures.ts

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { systemProcess } from '../../../src/adapters/directory/lock/process-identity.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import { type Call, FaultyFiles } from './faulty-files.ts';
import { sampleRun } from './sample-run.ts';
import { command, configMap, contents, fill, HOLDER, secret, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();

const CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EACCES: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
  EIO: 'STORE_UNAVAILABLE',
  ESTALE: 'STORE_UNAVAILABLE',
};

const rerun = (path: string): Promise<void> => sampleRun(openDirectoryStore(path, { files: new FaultyFiles() }));

const temps = async (path: string): Promise<readonly string[]> =>
  (await tree(path)).filter((name) => name.endsWith('.tmp'));

// A run for each of a hundred calls: a busy machine takes minutes for them.
describe('a call to the file system that fails', { timeout: 300_000 }, () => {
  test.each([
    ['before it was carried out', false],
    ['after it was carried out', true],
  ])('%s, wherever it is, is told in words; a second run completes', async (_, after) => {
    const undisturbed = join(at.folder, 'undisturbed');
    const counted = new FaultyFiles();
    await sampleRun(openDirectoryStore(undisturbed, { files: counted }));
    expect(counted.calls.length).toBeGreaterThan(80);

    for (let n = 1; n <= counted.calls.length; n += 1) {
      const [code = '', expected] = Object.entries(CODES)[n % Object.keys(CODES).length] ?? [];
      const files = new FaultyFiles().fail(code, (call) => call.n === n, after);
      const path = join(at.folder, `run-${n}`);
      const error: unknown = await sampleRun(openDirectoryStore(path, { files })).then(
        () => undefined,
        (thrown) => thrown,
      );
      const call = files.calls[n - 1];
      const where = `${code} at call ${n}, ${call?.name} ${call?.path}`;
      // What is best effort may succeed all the same: deleting the temp file of a lock, giving the lock back.
      if (error !== undefined) expect(error, where).toMatchObject({ name: 'PaletteKeysError', code: expected });
      const isKey = call?.name === 'unlink' && call.path.includes('/secrets/');
      const isNeeded =
        call?.name === 'write' || (isKey && !after) || (call?.name === 'sync' && !call.path.endsWith('/..'));
      if (isNeeded) expect(error, where).toBeDefined();
      if (call?.name !== 'unlink') expect(await temps(at.folder), where).toEqual([]);
      // What a failing unlink leaves to a process that, in a test, never ends.
      rmSync(join(path, '.lock'), { force: true });
      for (const left of await temps(at.folder)) rmSync(join(at.folder, left));
      await rerun(path);
      expect(await contents(path), where).toEqual(await contents(undisturbed));
      rmSync(path, { recursive: true });
    }
  });

  test('a kill at any call leaves whole objects alone, and a second run completes', async () => {
    const undisturbed = join(at.folder, 'undisturbed');
    const counted = new FaultyFiles();
    await sampleRun(openDirectoryStore(undisturbed, { files: counted }));
    // No process has this pid: whoever looks for it finds that it is gone.
    const mortal = { ...systemProcess(), origin: { ...systemProcess().origin, pid: 2 ** 30 } };

    for (let n = 1; n <= counted.calls.length; n += 1) {
      const path = join(at.folder, `run-${n}`);
      const files = new FaultyFiles().killAt(n);
      const killed = sampleRun(openDirectoryStore(path, { files, process: mortal }));
      const where = `killed at call ${n}`;
      await killed.catch((error: unknown) => expect(error, where).toMatchObject({ code: 'STORE_UNAVAILABLE' }));
      const found = await openDirectoryStore(path).list('team');
      expect(
        found.filter(({ damage }) => damage !== undefined),
        where,
      ).toEqual([]);
      await rerun(path);
      expect(await contents(path), where).toEqual(await contents(undisturbed));
      rmSync(path, { recursive: true });
    }
  });

  test('is told with its path, its name and what to do', async () => {
    const files = new FaultyFiles().fail('ENOSPC', ({ name, path }) => name === 'write' && path.includes('/secrets/'));
    const store = openDirectoryStore(at.path, { files });
    const error: PaletteKeysError = await fill(store, secret()).then(
      () => expect.fail(),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(PaletteKeysError);
    expect(error.message).toMatch(/\/team\/secrets\/.*: no space is left on the device \(write: ENOSPC\)$/);
    expect(error.hint).toMatch(/run the command again/);
    expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain('CANARY');
  });

  test('ENOENT alone means that something is not there', async () => {
    await fill(openDirectoryStore(at.path), secret());
    for (const code of ['ENOTDIR', 'ELOOP', 'ESTALE', 'EIO', 'EACCES', 'ENAMETOOLONG', 'EMFILE', 'ETIMEDOUT']) {
      for (const name of ['lstat', 'open', 'read', 'readdir'] as const) {
        const files = new FaultyFiles().fail(code, (call) => call.name === name);
        const store = openDirectoryStore(at.path, { files });
        await expect(store.list('team'), `${code} at ${name}`).rejects.toBeInstanceOf(PaletteKeysError);
      }
    }
  });

  test('a fault of the program is not taken for one of the disk', async () => {
    const files = new FaultyFiles();
    files.onCall = () => {
      throw Object.assign(new TypeError('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' });
    };
    await expect(openDirectoryStore(at.path, { files }).list('team')).rejects.toThrow(TypeError);
  });
});

describe('a file system without hard links', () => {
  test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])(
    'that says %s is found out before any key is made',
    async (code) => {
      const files = new FaultyFiles().fail(code, ({ name }) => name === 'link');
      await expect(openDirectoryStore(at.path, { files }).lock(HOLDER)).rejects.toMatchObject({
        code: 'LINK_UNSUPPORTED',
        hint: expect.stringMatching(/ext4/),
      });
      expect(await readdir(at.folder)).toEqual([]);
    },
  );
});

describe('an answer that is lost (NFS)', () => {
  test.each(['EEXIST', 'EIO', 'EPERM'])('a link that was made and reports %s counts as made', async (code) => {
    const store = openDirectoryStore(at.path, {
      files: new FaultyFiles().fail(code, ({ name }) => name === 'link', true),
    });
    const lock = await store.lock(HOLDER);
    await store.addNamespaces(['team']);
    expect(await store.create(secret())).toBe('created');
    await lock.release();
    expect(await temps(at.path)).toEqual([]);
    expect(await openDirectoryStore(at.path).get(secret().ref)).toMatchObject(secret());
  });

  test('a link that another one made is not taken for ours', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const files = new FaultyFiles().fail('EIO', ({ name }) => name === 'link');
    await expect(openDirectoryStore(at.path, { files }).create(secret())).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  test.each(['ENOENT', 'EIO'])('a rename that was made and reports %s counts as made', async (code) => {
    await fill(openDirectoryStore(at.path), secret());
    const store = openDirectoryStore(at.path, {
      files: new FaultyFiles().fail(code, ({ name }) => name === 'rename', true),
    });
    const lock = await store.lock(HOLDER);
    const { version } = (await store.get(secret().ref)) ?? { version: '' };
    const next = secret(undefined, { data: { key: new Uint8Array([1]) } });
    expect(await store.replace(next, version)).toBe('replaced');
    await lock.release();
    expect(await store.get(next.ref)).toMatchObject(next);
  });
});

describe('durability', () => {
  const indexOf = (calls: readonly Call[], name: Call['name'], path: string): number => {
    const found = calls.findIndex((call) => call.name === name && call.path.includes(path));
    expect(found, `${name} ${path}`).toBeGreaterThanOrEqual(0);
    return found;
  };

  test('a file is on disk before it has its name, its name before create returns, and so is every new folder', async () => {
    const files = new FaultyFiles();
    const store = openDirectoryStore(at.path, { files });
    const lock = await store.lock(HOLDER);
    await store.addNamespaces(['team']);
    files.calls.length = 0;
    await store.create(secret());
    const { calls } = files;
    const steps = [
      indexOf(calls, 'mkdir', '/keys/team'),
      indexOf(calls, 'sync', '/keys'),
      indexOf(calls, 'mkdir', '/keys/team/secrets'),
      indexOf(calls, 'sync', '/keys/team'),
      indexOf(calls, 'write', '.tmp'),
      indexOf(calls, 'sync', '.tmp'),
      indexOf(calls, 'link', '/palette-key-test-v1.yaml'),
      calls.findLastIndex(({ name, path }) => name === 'sync' && path.endsWith('/secrets')),
    ];
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    await lock.release();
  });

  test('whoever lost the race returns only once the winner’s name is on disk', async () => {
    const files = new FaultyFiles();
    await fill(openDirectoryStore(at.path), secret());
    expect(await openDirectoryStore(at.path, { files }).create(secret())).toBe('exists');
    expect(files.calls.at(-2)).toMatchObject({ name: 'sync', path: join(at.path, 'team', 'secrets') });
  });

  test('a run syncs what an earlier one may have left unsynced, before it builds on it', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const files = new FaultyFiles();
    await (await openDirectoryStore(at.path, { files }).lock(HOLDER)).release();
    const synced = files.calls.filter(({ name }) => name === 'sync').map(({ path }) => path);
    for (const folder of ['/..', '', '/team', '/team/secrets']) expect(synced).toContain(`${at.path}${folder}`);
  });

  test('a replaced file is on disk before the rename, the rename before replace returns', async () => {
    const files = new FaultyFiles();
    const store = openDirectoryStore(at.path, { files });
    await fill(store, secret());
    const lock = await store.lock(HOLDER);
    const { version } = (await store.get(secret().ref)) ?? { version: '' };
    files.calls.length = 0;
    await store.replace(secret(undefined, { data: {} }), version);
    const { calls } = files;
    expect(indexOf(calls, 'sync', '.tmp')).toBeLessThan(indexOf(calls, 'rename', '.yaml'));
    expect(calls.findLastIndex(({ name }) => name === 'sync')).toBeGreaterThan(indexOf(calls, 'rename', '.yaml'));
    await lock.release();
  });

  test.each(['EINVAL', 'ENOTSUP', 'ENOSYS'])(
    'a file system that knows no fsync of folders (%s) is used all the same',
    async (code) => {
      const files = new FaultyFiles().fail(code, ({ name, path }) => name === 'sync' && !path.endsWith('.tmp'));
      await fill(openDirectoryStore(at.path, { files }), secret());
      expect(await openDirectoryStore(at.path).list('team')).toHaveLength(1);
    },
  );
});

describe('changing what exists', () => {
  test('needs the lock', async () => {
    const store = openDirectoryStore(at.path);
    await fill(store, secret());
    await expect(store.replace(secret(), 'any')).rejects.toThrow(/needs the lock/);
    await expect(store.addNamespaces(['other'])).rejects.toThrow(/needs the lock/);
  });

  test('stops where the lock was removed by hand and taken by another run', async () => {
    const store = openDirectoryStore(at.path);
    await fill(store, secret());
    await store.lock(HOLDER);
    const { version } = (await store.get(secret().ref)) ?? { version: '' };
    rmSync(join(at.path, '.lock'));
    const other = await openDirectoryStore(at.path).lock(HOLDER);
    await expect(store.replace(secret(undefined, { data: {} }), version)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await temps(at.path)).toEqual([]);
    expect(await store.get(secret().ref)).toMatchObject({ version });
    await other.release();
  });
});

describe('a real disk', () => {
  const mounts = canMount();

  test.skipIf(!mounts)('that is full, and then read-only, says so and leaves nothing half done', async () => {
    const disk = join(at.folder, 'disk');
    mkdirSync(disk);
    command('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'none', disk);
    try {
      await fillTheDisk(disk);
    } finally {
      command('umount', disk);
    }
  });

  async function fillTheDisk(disk: string): Promise<void> {
    const path = join(disk, 'keys');
    const store = openDirectoryStore(path);
    await fill(store);
    const names = Array.from({ length: 40 }, (_, n) => `palette-${n}`);
    const object = (name: string) => secret(name, { data: { key: new Uint8Array(5_000) } });
    const results = await Promise.allSettled(names.map((name) => store.create(object(name))));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused)
      expect(error).toMatchObject({ code: 'DISK_FULL', message: expect.stringMatching(/no space/) });
    const there = await openDirectoryStore(path).list('team');
    expect(there.length + refused.length).toBe(names.length);
    expect(there.filter(({ damage }) => damage !== undefined)).toEqual([]);
    expect(await temps(path)).toEqual([]);
    expect(() => {
      for (let n = 0; ; n += 1) writeFileSync(join(disk, `filler-${n}`), 'x');
    }).toThrow(/ENOSPC/);
    await expect(openDirectoryStore(path).lock(HOLDER)).rejects.toMatchObject({ code: 'DISK_FULL' });

    command('mount', '-o', 'remount,size=1m', disk);
    await fill(openDirectoryStore(path), ...names.map(object));
    expect(await openDirectoryStore(path).list('team')).toHaveLength(names.length);

    command('mount', '-o', 'remount,ro', disk);
    expect(await openDirectoryStore(path).list('team')).toHaveLength(names.length);
    await expect(openDirectoryStore(path).lock(HOLDER)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringMatching(/read-only/),
    });
  }

  test('without room for the first file leaves no folder behind', async () => {
    const files = new FaultyFiles().fail('ENOSPC', ({ name }) => name === 'write');
    await expect(openDirectoryStore(at.path, { files }).lock(HOLDER)).rejects.toMatchObject({ code: 'DISK_FULL' });
    await expect(lstat(at.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('damage on disk', () => {
  test('whatever byte of a file is flipped, the store reads on', async () => {
    const store = openDirectoryStore(at.path);
    await fill(store, secret('palette-a'), configMap('palette-c', 'text\n'));
    const path = join(at.path, 'team', 'secrets', 'palette-a.yaml');
    const original = readFileSync(path);
    for (let n = 0; n < original.length; n += 1) {
      const flipped = Buffer.from(original);
      flipped.writeUInt8(flipped.readUInt8(n) ^ (1 << (n % 8)), n);
      writeFileSync(path, flipped);
      expect(await store.get(secret('palette-a').ref)).toMatchObject({ ref: secret('palette-a').ref });
      expect((await store.list('team')).length).toBeGreaterThanOrEqual(1);
    }
  });
});

function canMount(): boolean {
  try {
    command('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/tmp');
    return process.geteuid?.() === 0;
  } catch {
    return false;
  }
}
