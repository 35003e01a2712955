// Covers: src/adapters/directory/folders.ts, src/adapters/directory/layout.ts, src/adapters/directory/objects.ts
// Covers: src/adapters/directory/recognise.ts, src/adapters/directory/set-up.ts, src/adapters/directory/survey.ts

import { lstatSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { command, configMap, contents, fill, HOLDER, secret, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe('what lies on disk', () => {
  const umask = process.umask();
  afterEach(() => process.umask(umask));

  test.each([0o000, 0o022, 0o077, 0o777])(
    'with umask %i: the contract’s paths, files 0600, folders 0700',
    async (mask) => {
      process.umask(mask);
      await fill(openDirectoryStore(at.path), secret('palette-a'), configMap('palette-b', 'text\n'));
      process.umask(umask);
      expect(await tree(at.path)).toEqual([
        '.gitignore',
        '00-namespaces.yaml',
        'team',
        'team/configmaps',
        'team/configmaps/palette-b.yaml',
        'team/secrets',
        'team/secrets/palette-a.yaml',
      ]);
      expect(mode(at.path)).toBe('700');
      for (const path of await tree(at.path)) expect(mode(join(at.path, path))).toBe(/[.]/.test(path) ? '600' : '700');
    },
  );

  test('.gitignore keeps all of it out of commits', async () => {
    await fill(openDirectoryStore(at.path));
    expect(await readFile(join(at.path, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test('two stores with the same objects hold the same bytes', async () => {
    const other = join(at.folder, 'other');
    await fill(openDirectoryStore(at.path), secret('palette-a'), configMap('palette-b', 'x\ny\n'));
    await fill(openDirectoryStore(other), configMap('palette-b', 'x\ny\n'), secret('palette-a'));
    expect(await contents(at.path)).toEqual(await contents(other));
  });

  test('a lock that is taken and given back for nothing leaves nothing but an empty store', async () => {
    const lock = await openDirectoryStore(at.path).lock(HOLDER);
    expect(await tree(at.path)).toEqual(['.gitignore', '.lock']);
    await lock.release();
    expect(await tree(at.path)).toEqual(['.gitignore']);
  });

  test('the location is the path as it was given, also with a slash at its end', async () => {
    const store = openDirectoryStore(`${at.path}/`);
    await fill(store, secret());
    expect(store.location).toBe(`${at.path}/`);
    expect(await openDirectoryStore(at.path).get(secret().ref)).toMatchObject({ type: 'Opaque' });
  });

  test('a store may be the working folder itself', async () => {
    await mkdir(at.path, { mode: 0o700 });
    const before = process.cwd();
    process.chdir(at.path);
    try {
      await fill(openDirectoryStore('.'), secret());
      expect(await openDirectoryStore('./').list('team')).toHaveLength(1);
    } finally {
      process.chdir(before);
    }
    expect(await tree(at.path)).toContain('team/secrets/palette-key-test-v1.yaml');
  });
});

describe('a folder that is not there', () => {
  test('is empty to whoever reads, and reading does not make it', async () => {
    const store = openDirectoryStore(at.path);
    expect(await store.ledgerNamespaces()).toEqual([]);
    expect(await store.list('team')).toEqual([]);
    expect(await store.get(secret().ref)).toBeUndefined();
    expect(await store.missingNamespaces(['team'])).toEqual(['team']);
    expect(await tree(at.folder)).toEqual([]);
  });

  test('that somebody else makes meanwhile is seen', async () => {
    const store = openDirectoryStore(at.path);
    expect(await store.get(secret().ref)).toBeUndefined();
    await fill(openDirectoryStore(at.path), secret());
    expect(await store.get(secret().ref)).toBeDefined();
    expect(await store.list('team')).toHaveLength(1);
  });

  test('is not made together with the one above it, which may be a mistyped mount point', async () => {
    const store = openDirectoryStore(join(at.folder, 'mnt', 'keys'));
    expect(await store.list('team')).toEqual([]);
    await expect(store.lock(HOLDER)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      hint: expect.stringMatching(/mounted/),
    });
    expect(await tree(at.folder)).toEqual([]);
  });

  test('create before lock is a fault of the caller, and makes nothing', async () => {
    await expect(openDirectoryStore(at.path).create(secret())).rejects.toThrow(/namespace has not been added/);
    expect(await tree(at.folder)).toEqual([]);
  });
});

describe('what is no folder', () => {
  const make: readonly [string, (path: string) => Promise<void> | void][] = [
    ['a file', (path) => writeFile(path, 'x')],
    ['a FIFO', (path) => void command('mkfifo', path)],
  ];

  test.each(make)('%s is refused by name, for reading and writing', async (_, makeIt) => {
    await makeIt(at.path);
    for (const store of [openDirectoryStore(at.path), openDirectoryStore(`${at.path}/`)]) {
      await expect(store.list('team')).rejects.toMatchObject({
        code: 'NOT_A_STORE',
        message: expect.stringMatching(/not a folder/),
      });
      await expect(store.lock(HOLDER)).rejects.toMatchObject({ code: 'NOT_A_STORE' });
    }
  });

  test('a path through a file is an error, not an empty store', async () => {
    await writeFile(at.path, 'x');
    const store = openDirectoryStore(join(at.path, 'deeper'));
    await expect(store.get(secret().ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a file where a namespace’s folder belongs is an error, not an absent object', async () => {
    await fill(openDirectoryStore(at.path));
    await writeFile(join(at.path, 'team'), 'x', { mode: 0o600 });
    const store = openDirectoryStore(at.path);
    await expect(store.get(secret().ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.create(secret())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('a folder that holds other things', () => {
  const files =
    (...names: readonly string[]) =>
    async (path: string) => {
      await mkdir(path, { mode: 0o755 });
      for (const name of names) {
        await mkdir(join(path, name, '..'), { recursive: true });
        await writeFile(join(path, name), basename(name) === '.gitignore' ? '*\n' : 'x');
      }
    };

  test.each<[string, (path: string) => Promise<void>]>([
    ['a repository', files('.git/HEAD', 'src/main.c', 'README.md')],
    ['a repository of manifests', files('00-namespaces.yaml', 'README.md', 'apps/web.yaml')],
    ['a tool’s cache', files('.gitignore', 'v1/entry')],
    ['a Python environment', files('.gitignore', 'bin/python', 'lib/site.py', 'pyvenv.cfg')],
    ['one file', files('notes')],
    ['one folder with a namespace’s name', files('team/secrets/a.yaml')],
    [
      'somebody’s .gitignore',
      async (path) => {
        await mkdir(path);
        await writeFile(join(path, '.gitignore'), 'node_modules\n');
      },
    ],
  ])('%s is not taken for a store, and nothing is written', async (_, make) => {
    await make(at.path);
    const before = await tree(at.path);
    const store = openDirectoryStore(at.path);
    const refusal = { code: 'NOT_A_STORE', exit: 2, hint: expect.stringMatching(/--dir \.\/keys/) };
    await expect(store.list('team')).rejects.toMatchObject(refusal);
    await expect(store.lock(HOLDER)).rejects.toMatchObject(refusal);
    expect(await tree(at.path)).toEqual(before);
  });

  test.each<[string, (path: string) => Promise<void>]>([
    ['an empty folder', (path) => mkdir(path, { mode: 0o700 }).then(() => undefined)],
    [
      'a file system of its own',
      async (path) => {
        await mkdir(join(path, 'lost+found'), { recursive: true, mode: 0o700 });
      },
    ],
    [
      'a first run that was cut off before its first object',
      async (path) => {
        await (await openDirectoryStore(path).lock(HOLDER)).release();
        await mkdir(join(path, 'team', 'secrets'), { recursive: true, mode: 0o700 });
      },
    ],
    [
      'a store with somebody’s notes in it',
      async (path) => {
        await fill(openDirectoryStore(path), secret());
        await writeFile(join(path, 'README.md'), 'mine');
        await mkdir(join(path, '.git'));
      },
    ],
    [
      'a store whose list of namespaces was moved away for repair',
      async (path) => {
        await fill(openDirectoryStore(path), secret());
        await writeFile(join(path, 'README.md'), 'mine');
        await rm(join(path, '00-namespaces.yaml'));
      },
    ],
    [
      'a store that was copied without its hidden files',
      async (path) => {
        await fill(openDirectoryStore(path), secret());
        await writeFile(join(path, 'notes.txt'), 'mine');
        await rm(join(path, '.gitignore'));
      },
    ],
  ])('%s is or may become a store', async (_, make) => {
    await make(at.path);
    await fill(openDirectoryStore(at.path), secret('palette-b'));
    expect((await openDirectoryStore(at.path).list('team')).map(({ ref }) => ref.name)).toContain('palette-b');
  });

  test('a .gitignore that says something else is left as it is', async () => {
    await fill(openDirectoryStore(at.path), secret());
    await writeFile(join(at.path, '.gitignore'), '# mine\n*\n');
    await fill(openDirectoryStore(at.path), secret('palette-b'));
    expect(await readFile(join(at.path, '.gitignore'), 'utf8')).toBe('# mine\n*\n');
  });

  test('files that are no manifests of ours are passed over', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const folder = join(at.path, 'team', 'secrets');
    for (const name of ['a.yaml~', '.a.yaml.swp', '._a.yaml', 'a.yml', 'A B.yaml', 'a.yaml.bak']) {
      await writeFile(join(folder, name), 'x', { mode: 0o644 });
    }
    expect(await openDirectoryStore(at.path).list('team')).toHaveLength(1);
  });
});

describe('names', () => {
  test.each(['../x', 'a/b', '', '.', 'A', 'a..b', '-a', 'x'.repeat(254), 'a\n'])('%j leads nowhere', async (name) => {
    const store = openDirectoryStore(at.path);
    await fill(store);
    await expect(store.get(secret(name).ref)).rejects.toThrow(/not an object's name/);
    await expect(store.create(secret(name))).rejects.toThrow(/not an object's name/);
    await expect(store.list(name)).rejects.toThrow(/not a namespace's name/);
  });

  test('a name that is too long for the file system is an error, not an absent object', async () => {
    const store = openDirectoryStore(at.path);
    await fill(store, secret());
    const long = secret(`a${'.a'.repeat(126)}`);
    await expect(store.get(long.ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.create(long)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('ledgerNamespaces', () => {
  test('goes by names alone, so that damage does not hide a ledger', async () => {
    await fill(openDirectoryStore(at.path), secret('acme-key-root-key-v1'), secret('palette-root-key'));
    await writeFile(join(at.path, 'team', 'secrets', 'acme-key-root-key-v1.yaml'), '\u0000', { mode: 0o600 });
    expect(await openDirectoryStore(at.path).ledgerNamespaces()).toEqual(['team']);
  });

  test('does not follow a symlink out of the store', async () => {
    await fill(openDirectoryStore(at.path), secret());
    await symlink(join(at.path, 'team'), join(at.path, 'copy'));
    await expect(openDirectoryStore(at.path).ledgerNamespaces()).rejects.toMatchObject({ code: 'UNSAFE_DIRECTORY' });
  });

  test('a folder that cannot be read is an error, not an empty ledger', async () => {
    await fill(openDirectoryStore(at.path), secret());
    await chmod(join(at.path, 'team'), 0o000);
    const store = openDirectoryStore(at.path);
    if (process.getuid?.() === 0) expect(await store.ledgerNamespaces()).toEqual([]);
    else await expect(store.ledgerNamespaces()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await chmod(join(at.path, 'team'), 0o700);
  });
});
