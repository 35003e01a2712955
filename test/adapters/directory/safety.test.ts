// Covers: src/adapters/directory/read-file.ts, src/adapters/directory/safety.ts

import { chmod, chown, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { systemProcess } from '../../../src/adapters/directory/lock/process-identity.ts';
import type { PaletteKeysError } from '../../../src/errors.ts';
import type { KeyStore } from '../../../src/ports/key-store.ts';
import { FaultyFiles } from './faulty-files.ts';
import { command, configMap, fill, HOLDER, secret, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();
const isRoot = process.geteuid?.() === 0;
const file = (): string => join(at.path, 'team', 'secrets', 'palette-a.yaml');
const SECRET = secret('palette-a');

const uses: readonly [string, (store: KeyStore) => Promise<unknown>][] = [
  ['ledgerNamespaces', (store) => store.ledgerNamespaces()],
  ['list', (store) => store.list('team')],
  ['get', (store) => store.get(SECRET.ref)],
  ['create', (store) => store.create(secret('palette-b'))],
  ['missingNamespaces', (store) => store.missingNamespaces(['team'])],
  ['lock', (store) => store.lock(HOLDER)],
];

async function refusal(path = at.path, use: (store: KeyStore) => Promise<unknown> = (store) => store.lock(HOLDER)) {
  const files = new FaultyFiles();
  const error: PaletteKeysError = await use(openDirectoryStore(path, { files })).then(
    () => expect.fail('was not refused'),
    (thrown) => thrown,
  );
  const writing = files.calls.filter(({ name }) =>
    ['write', 'link', 'rename', 'mkdir', 'unlink', 'chmod'].includes(name),
  );
  expect(writing).toEqual([]);
  expect(error).toMatchObject({ code: 'UNSAFE_DIRECTORY', exit: 5 });
  return error;
}

describe('a store in which others could have their hands', () => {
  beforeEach(() => fill(openDirectoryStore(at.path), SECRET, configMap('palette-c', 'text')));

  test('is used while all of it belongs to the user alone, stricter modes included', async () => {
    await chmod(file(), 0o400);
    await chmod(at.path, 0o700);
    expect(await openDirectoryStore(at.path).list('team')).toHaveLength(2);
  });

  describe.each(uses)('%s', (_, use) => {
    test.each<[string, () => Promise<void>]>([
      ['the folder can be listed by others', () => chmod(at.path, 0o755)],
      ['a namespace can be written by the group', () => chmod(join(at.path, 'team'), 0o720)],
      ['a folder of objects can be entered', () => chmod(join(at.path, 'team', 'secrets'), 0o701)],
      ['a key can be read by the group', () => chmod(file(), 0o640)],
      ['the list of namespaces can be read', () => chmod(join(at.path, '00-namespaces.yaml'), 0o604)],
      ['the folder is a symlink', () => moveAndLink(at.path)],
      ['a namespace is a symlink', () => moveAndLink(join(at.path, 'team'))],
      ['a folder of objects is a symlink', () => moveAndLink(join(at.path, 'team', 'secrets'))],
      ['a key is a symlink', () => moveAndLink(file())],
      ['a key is a symlink to nothing', () => rm(file()).then(() => symlink('nothing', file()))],
      ['the list of namespaces is a symlink', () => moveAndLink(join(at.path, '00-namespaces.yaml'))],
      ['.gitignore is a symlink', () => moveAndLink(join(at.path, '.gitignore'))],
      ['the lock is a symlink', () => symlink('nothing', join(at.path, '.lock'))],
    ])('refuses it, before it reads or writes, where %s', async (_case, spoil) => {
      await spoil();
      await refusal(at.path, use);
    });
  });

  test.each(['/', '//', '/.', '/./'])('a symlink is not followed for %j at its end', async (end) => {
    await moveAndLink(at.path);
    expect((await refusal(`${at.path}${end}`)).hint).toMatch(/the folder itself/);
  });

  test('a symlink to nothing is not taken for a free name', async () => {
    await rm(at.path, { recursive: true });
    await symlink(join(at.folder, 'nothing'), at.path);
    await refusal();
    expect(await tree(at.folder)).toEqual(['keys']);
  });

  test('all offenders are listed at once, each with the command that helps', async () => {
    await chmod(at.path, 0o755);
    await chmod(file(), 0o644);
    await moveAndLink(join(at.path, 'team', 'configmaps', 'palette-c.yaml'));
    const error = await refusal();
    expect(error.hint).toContain(`chmod -R go= ${at.path}`);
    expect(error.details.map(({ message }) => message)).toEqual([
      `${at.path} can be reached by others (mode 0755)`,
      expect.stringMatching(/palette-c\.yaml is a symbolic link$/),
      `${file()} can be reached by others (mode 0644)`,
    ]);
    expect(error.details[2]?.remedy).toContain(`chmod go= ${file()}`);
  });

  test('the command it names makes it good', async () => {
    await chmod(at.path, 0o775);
    await chmod(file(), 0o666);
    const [chmodAll] = /chmod -R \S+ \S+/.exec((await refusal()).hint) ?? [];
    command('sh', '-c', chmodAll ?? 'false');
    expect(await openDirectoryStore(at.path).list('team')).toHaveLength(2);
  });

  test('a path with blanks and quotes is named as a shell takes it', async () => {
    const path = join(at.folder, "my key's");
    await mkdir(path);
    expect((await refusal(path)).hint).toContain(`'${at.folder}/my key'\\''s'`);
  });

  test('what belongs to somebody else is refused, with the owner named', async () => {
    const self = { ...systemProcess(), uid: 4711 };
    const error: PaletteKeysError = await openDirectoryStore(at.path, { process: self })
      .list('team')
      .then(
        () => expect.fail('was not refused'),
        (thrown) => thrown,
      );
    expect(error).toMatchObject({ code: 'UNSAFE_DIRECTORY' });
    expect(error.hint).toContain(`chown -R 4711 ${at.path}`);
    expect(error.details).toHaveLength((await tree(at.path)).length + 1);
  });

  test.skipIf(!isRoot)('is refused for one file of somebody else', async () => {
    await chown(file(), 4711, 0);
    const error = await refusal();
    expect(error.details).toEqual([
      {
        message: `${file()} belongs to user 4711, not to user 0 who runs this`,
        remedy: expect.stringContaining('chown 0 '),
      },
    ]);
  });

  test('is refused also where too little of it can be read to list everything', async () => {
    const denied =
      (path: string) =>
      ({ path: shown }: { readonly path: string }) =>
        shown.startsWith(`${path}/`);
    for (const folder of [at.path, join(at.path, 'team'), join(at.path, 'team', 'secrets')]) {
      const files = new FaultyFiles().fail('EACCES', denied(folder));
      const store = openDirectoryStore(at.path, { files, process: { ...systemProcess(), uid: 4711 } });
      await expect(store.list('team')).rejects.toMatchObject({ code: 'UNSAFE_DIRECTORY' });
      const own = openDirectoryStore(at.path, { files });
      await expect(own.list('team')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    }
  });

  test('a symlink that takes a file’s place between the look and the opening is not followed', async () => {
    const files = new FaultyFiles();
    const store = openDirectoryStore(at.path, { files });
    await store.list('team');
    const secretFile = file();
    const elsewhere = join(at.folder, 'elsewhere');
    command('mv', secretFile, elsewhere);
    files.onCall = ({ name, path }) => {
      if (name === 'open' && path === secretFile) command('ln', '-sf', elsewhere, secretFile);
    };
    command('cp', '-p', elsewhere, secretFile);
    await expect(store.get(SECRET.ref)).rejects.toMatchObject({ code: 'UNSAFE_DIRECTORY' });
  });

  test('a FIFO that takes a file’s place between the look and the opening does not block', async () => {
    const files = new FaultyFiles();
    const store = openDirectoryStore(at.path, { files });
    const path = file();
    files.onCall = (call) => {
      if (call.name === 'open' && call.path === path) command('sh', '-c', 'rm "$0" && mkfifo -m 600 "$0"', path);
    };
    expect(await store.get(SECRET.ref)).toMatchObject({ damage: 'is not a regular file' });
  });

  async function moveAndLink(path: string): Promise<void> {
    const target = join(at.folder, 'target');
    await rename(path, target);
    await symlink(target, path);
  }
});

describe('what stands in a manifest’s place', () => {
  beforeEach(() => fill(openDirectoryStore(at.path), SECRET));

  test.each<[string, (path: string) => Promise<unknown> | unknown]>([
    ['a FIFO', (path) => command('mkfifo', '-m', '600', path)],
    ['a socket', (path) => listen(path)],
    ['a folder', (path) => mkdir(path, { mode: 0o700 })],
    ...(isRoot
      ? [
          ['a device', (path: string) => command('mknod', '-m', '600', path, 'c', '1', '5')] as [
            string,
            (path: string) => unknown,
          ],
        ]
      : []),
  ])('%s is never opened: it is damage, with a version that lasts', async (_, make) => {
    await rm(file());
    await make(file());
    const files = new FaultyFiles();
    const store = openDirectoryStore(at.path, { files });
    const found = await store.get(SECRET.ref);
    expect(found).toMatchObject({ ref: SECRET.ref, damage: 'is not a regular file' });
    expect(await store.list('team')).toEqual([found]);
    expect(files.calls.filter(({ name, path }) => name === 'open' && path === file())).toEqual([]);
  });

  test('a file above 1.5 MiB is damage without being read', async () => {
    await truncate(file(), 1.5 * 1024 * 1024 + 1);
    const files = new FaultyFiles();
    expect(await openDirectoryStore(at.path, { files }).get(SECRET.ref)).toMatchObject({
      damage: 'is larger than 1.5 MiB',
    });
    expect(files.calls.filter(({ name, path }) => name === 'read' && path === file())).toEqual([]);
  });

  test('damage is listed whatever its labels were, and can be replaced by its version', async () => {
    await writeFile(file(), 'kind: Secret\n');
    const store = openDirectoryStore(at.path);
    const [found] = await store.list('team');
    expect(found).toMatchObject({ ref: SECRET.ref, damage: 'has no apiVersion' });
    const lock = await store.lock(HOLDER);
    expect(await store.replace(SECRET, found?.version ?? '')).toBe('replaced');
    expect(await store.get(SECRET.ref)).toMatchObject(SECRET);
    await lock.release();
  });
});

async function listen(path: string): Promise<void> {
  await new Promise<void>((resolve) => {
    createServer().listen(path, resolve).unref();
  });
  await chmod(path, 0o600);
}
