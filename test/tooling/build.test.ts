import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { build, isStale } from '../../scripts/build.mjs';
import { project, run, scratch, write } from './scratch.ts';

const SOURCES = {
  'package.json': '{ "version": "7.8.9", "type": "module", "config": { "releaseDate": "2026-01-02" } }',
  'tsconfig.json': '{}',
  'src/main.ts': `declare const __VERSION__: string, __RELEASE_DATE__: string;
    export async function run(): Promise<string> {
      const { late } = await import('./late.ts');
      return [__VERSION__, __RELEASE_DATE__, late()].join(' ');
    }`,
  // node-forge is CommonJS and calls require('crypto').
  'src/late.ts': `import forge from 'node-forge';
    export function late(): string { return forge.util.bytesToHex(forge.random.getBytesSync(4)); }`,
  'src/installation/json-schema.ts': "export function installationJsonSchema() { return { title: 'installation' }; }",
};

function sources(changes: Readonly<Record<string, string>> = {}): string {
  const folder = scratch({ ...SOURCES, ...changes });
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(path.join(project, 'node_modules/node-forge'), path.join(folder, 'node_modules/node-forge'));
  return folder;
}

const main = (folder: string): string => path.join(folder, 'dist/main.js');

const printed = (folder: string): string => {
  const script = `import(${JSON.stringify(main(folder))}).then((main) => main.run()).then(console.log)`;
  return run(process.execPath, ['-e', script]).stdout;
};

describe('the build', () => {
  it('makes a program that runs without its sources and dependencies', async () => {
    const folder = sources();
    await build(folder);
    for (const gone of ['src', 'node_modules']) rmSync(path.join(folder, gone), { recursive: true });
    expect(printed(folder)).toMatch(/^7\.8\.9 2026-01-02 [0-9a-f]{8}\n$/);
  });

  it('loads late what is imported late', async () => {
    const folder = sources();
    await build(folder);
    expect(readdirSync(path.join(folder, 'dist')).sort()).toEqual([
      'THIRD-PARTY-LICENSES.txt',
      'chunks',
      'installation.schema.json',
      'main.js',
    ]);
    expect(readFileSync(main(folder), 'utf8').length).toBeLessThan(1000);
  });

  it('writes the JSON Schema and the licences of what it bundled', async () => {
    const folder = sources();
    await build(folder);
    const read = (name: string): string => readFileSync(path.join(folder, 'dist', name), 'utf8');
    expect(JSON.parse(read('installation.schema.json'))).toEqual({ title: 'installation' });
    expect(read('THIRD-PARTY-LICENSES.txt')).toContain('node-forge 1.4.3 ((BSD-3-Clause OR GPL-2.0))');
    expect(read('THIRD-PARTY-LICENSES.txt')).toContain('Digital Bazaar');
  });

  it('keeps the names that a stack trace shows', async () => {
    const folder = sources({
      'src/late.ts':
        'export function late() { function aNameToKeep() { return new Error().stack; } return aNameToKeep(); }',
    });
    await build(folder);
    expect(printed(folder)).toContain('aNameToKeep');
  });

  it('leaves the dist/ there is when it fails, and nothing lying about', async () => {
    const folder = sources();
    await build(folder);
    const before = readFileSync(main(folder));
    write(path.join(folder, 'src/late.ts'), "import './nowhere.ts';");
    await expect(build(folder, { logLevel: 'silent' })).rejects.toThrow('nowhere');
    expect(readFileSync(main(folder))).toEqual(before);
    expect(readdirSync(path.join(folder, 'node_modules/.cache/palette-keys'))).toEqual([]);
  });

  it('refuses a require that could only fail later', async () => {
    const folder = sources({
      'src/late.ts': "import late from './late.cjs'; export { late };",
      'src/late.cjs': 'module.exports = (name) => require(name);',
    });
    await expect(build(folder, { logLevel: 'silent' })).rejects.toThrow('which an ES module cannot');
    expect(existsSync(main(folder))).toBe(false);
  });
});

describe('dist/ is stale', () => {
  const change = async (action: (folder: string) => void): Promise<boolean> => {
    const folder = sources();
    await build(folder);
    const future = new Date(Date.now() + 10_000);
    utimesSync(main(folder), future, future);
    expect(await isStale(folder)).toBe(false);
    utimesSync(main(folder), new Date(Date.now() - 10_000), new Date(Date.now() - 10_000));
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.startsWith('dist') && !name.startsWith('node_modules')) utimesSync(path.join(folder, name), 0, 0);
    }
    expect(await isStale(folder)).toBe(false);
    action(folder);
    return isStale(folder);
  };

  it('when it is not there', async () => {
    expect(await isStale(sources())).toBe(true);
  });

  it('when a source was changed, added or deleted', async () => {
    expect(await change((folder) => write(path.join(folder, 'src/late.ts'), ''))).toBe(true);
    expect(await change((folder) => write(path.join(folder, 'src/new.ts'), ''))).toBe(true);
    expect(await change((folder) => rmSync(path.join(folder, 'src/installation/json-schema.ts')))).toBe(true);
  });

  it('when package.json was changed', async () => {
    expect(await change((folder) => write(path.join(folder, 'package.json'), '{}'))).toBe(true);
  });

  it('never when only a test was changed', async () => {
    expect(await change((folder) => write(path.join(folder, 'test/new.test.ts'), ''))).toBe(false);
  });
});
