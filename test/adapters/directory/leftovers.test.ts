// Covers: src/adapters/directory/leftovers.ts, src/adapters/directory/sweep.ts, src/adapters/directory/temp-file.ts

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { systemProcess } from '../../../src/adapters/directory/lock/process-identity.ts';
import type { KeyStore } from '../../../src/ports/key-store.ts';
import { FaultyFiles } from './faulty-files.ts';
import { configMap, fill, HOLDER, secret, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();
const KEY = 'CANARY-key-bytes';
/** As a process on another machine names its temp files. */
const TEMP = '.palette-keys.deadbeef.deadbeef.4026531836.77.1234.1.tmp';

const find = (bytes: Uint8Array): readonly string[] => {
  const text = Buffer.from(bytes).toString('latin1');
  return text.includes(KEY) || text.includes(Buffer.from(KEY).toString('base64')) ? ['kid'] : [];
};
const known = new Set(['Secret/team/palette-key-test-v1']);
const leftovers = (store: KeyStore = openDirectoryStore(at.path)) => store.leftovers({ known, namespaces: [], find });

const put = (place: string, bytes: string | Uint8Array): string => {
  const path = join(at.path, place);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, bytes, { mode: 0o600 });
  return path;
};

const manifest = (): Buffer => readFileSync(join(at.path, 'team/secrets/palette-key-test-v1.yaml'));
const temps = async (): Promise<readonly string[]> =>
  (await tree(at.path)).filter((name) => name.endsWith('.tmp')).map((name) => basename(name));

describe('what lies about in a folder', () => {
  test('is nothing after a run that came to its end, nor where there is no folder', async () => {
    expect(await leftovers()).toEqual([]);
    await fill(openDirectoryStore(at.path), secret(), configMap('palette-c', KEY));
    expect(await leftovers()).toEqual([]);
  });

  test.each([
    'team/secrets/palette-key-test-v1.yaml~',
    'team/secrets/.palette-key-test-v1.yaml.swp',
    'team/secrets/palette-key-test-v1.yaml.bak',
    'team/secrets/copy.yaml',
    'team/configmaps/secret.txt',
    'team.old/secrets/palette-key-test-v1.yaml',
    'other/secrets/palette-key-test-v1.yaml',
    'notes/deep/er/key',
    'all.tar',
  ])('is a copy at %s, by what is in it', async (place) => {
    await fill(openDirectoryStore(at.path), secret());
    const path = put(place, manifest());
    put('notes/harmless.txt', 'nothing');
    const command = `rm ${path.endsWith('~') ? `'${path}'` : path}`;
    expect(await leftovers()).toEqual([{ place: path, isTemp: false, kids: ['kid'], command }]);
  });

  test.each([TEMP, `team/secrets/${TEMP}`, `team/configmaps/${TEMP}`])(
    'is a temp file of another machine at %s, whatever is in it, until the lock is taken',
    async (place) => {
      await fill(openDirectoryStore(at.path), secret(), configMap('palette-c', ''));
      for (const [bytes, kids] of [
        [manifest(), ['kid']],
        ['cut o', []],
      ] as const) {
        const path = put(place, bytes);
        expect(await leftovers()).toEqual([expect.objectContaining({ place: path, isTemp: true, kids })]);
        await (await openDirectoryStore(at.path).lock(HOLDER)).release();
        expect([await leftovers(), await temps()]).toEqual([[], []]);
      }
    },
  );

  test('is not the temp file of a run that has the lock, here or elsewhere', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const files = new FaultyFiles().fail(
      'EIO',
      ({ name, path }) => ['link', 'unlink'].includes(name) && /secrets/.test(path),
    );
    for (const origin of [systemProcess().origin, { ...systemProcess().origin, host: 'there', pid: 5 }]) {
      const writer = openDirectoryStore(at.path, { files, process: { ...systemProcess(), origin } });
      const lock = await writer.lock(HOLDER);
      await expect(writer.create(secret('palette-b'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect([await leftovers(), (await temps()).length]).toEqual([[], 1]);
      await lock.release();
      expect(await leftovers()).toEqual([expect.objectContaining({ isTemp: true, kids: ['kid'] })]);
      await (await openDirectoryStore(at.path).lock(HOLDER)).release();
    }
  });

  test('is not what another process is about to make its lock of', async () => {
    await fill(openDirectoryStore(at.path), secret());
    put(TEMP, '');
    expect(await leftovers()).toEqual([]);
    const origin = { ...systemProcess().origin, host: 'there', pid: 5 };
    const files = new FaultyFiles().fail('EIO', ({ name }) => name === 'link' || name === 'unlink');
    const store = openDirectoryStore(at.path, { files, process: { ...systemProcess(), origin } });
    await expect(store.lock(HOLDER)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect([await leftovers(), (await temps()).length]).toEqual([[], 2]);
  });

  test('is named where it cannot be searched: it is too large, or there is too much', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const large = put('large', Buffer.alloc(64 * 1024 * 1024 + 1));
    expect(await leftovers()).toEqual([
      expect.objectContaining({ place: large, kids: [], unread: 'it is larger than 64 MiB' }),
    ]);
    rmSync(large);
    const files = new FaultyFiles().fail('EACCES', ({ name, path }) => name === 'open' && path.endsWith('/other'));
    const other = put('other', KEY);
    expect(await leftovers(openDirectoryStore(at.path, { files }))).toEqual([
      expect.objectContaining({ place: other, kids: [], unread: 'it cannot be read (EACCES)' }),
    ]);
    for (let n = 0; n < 5001; n += 1) put(`many/${n}`, '');
    expect(await leftovers()).toContainEqual(
      expect.objectContaining({ place: at.path, unread: expect.stringContaining('5000 other files') }),
    );
  });

  test('is not sought behind symbolic links', async () => {
    await fill(openDirectoryStore(at.path), secret());
    writeFileSync(join(at.folder, 'outside'), KEY);
    symlinkSync(at.folder, join(at.path, 'loop.d'));
    symlinkSync(join(at.folder, 'outside'), join(at.path, 'linked.txt'));
    expect(await leftovers()).toEqual([]);
  });
});

describe('a temp file that cannot be deleted', () => {
  const stuck = (): FaultyFiles =>
    new FaultyFiles().fail(
      'EIO',
      ({ name, path }) => name === 'unlink' && path.endsWith('.tmp') && /secrets/.test(path),
    );

  test('ends the run that wrote it with its path, though the object is there', async () => {
    const store = openDirectoryStore(at.path, { files: stuck() });
    await expect(fill(store, secret())).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/\/team\/secrets\/\.palette-keys\..*\.tmp: .*was not deleted.* \(unlink: EIO\)$/),
    });
    expect(await openDirectoryStore(at.path).get(secret().ref)).toMatchObject(secret());
    expect(await temps()).toHaveLength(1);
  });

  test('ends every run that takes the lock, until it can be deleted', async () => {
    await fill(openDirectoryStore(at.path), secret());
    put(`team/secrets/${TEMP}`, manifest());
    await expect(openDirectoryStore(at.path, { files: stuck() }).lock(HOLDER)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(TEMP),
    });
    expect(readdirSync(at.path)).not.toContain('.lock');
    await (await openDirectoryStore(at.path).lock(HOLDER)).release();
    expect(await temps()).toEqual([]);
  });

  test('ends no run where it is gone, and only the answer was lost', async () => {
    const files = new FaultyFiles().fail('EIO', ({ name, path }) => name === 'unlink' && path.endsWith('.tmp'), true);
    await fill(openDirectoryStore(at.path, { files }), secret());
    expect(await temps()).toEqual([]);
  });
});

describe('a run whose lock was removed by hand, and whose temp file another one deletes', () => {
  /** Another run takes the lock just before this one names what it wrote. */
  const overtaken = (times: number): FaultyFiles => {
    const files = new FaultyFiles();
    let left = times;
    files.onCall = ({ name, path }) => {
      if (!['link', 'rename'].includes(name) || !path.includes('/secrets/') || left === 0) return;
      left -= 1;
      for (const temp of readdirSync(dirname(path)).filter((each) => each.endsWith('.tmp')))
        rmSync(join(dirname(path), temp));
    };
    return files;
  };

  test('writes it again', async () => {
    const store = openDirectoryStore(at.path, { files: overtaken(2) });
    await fill(store, secret());
    expect(await store.get(secret().ref)).toMatchObject(secret());
    expect(await temps()).toEqual([]);
  });

  test('ends with a conflict where that happens time and again', async () => {
    await expect(fill(openDirectoryStore(at.path, { files: overtaken(3) }), secret())).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await openDirectoryStore(at.path).get(secret().ref)).toBeUndefined();
  });
});
