import { execFile } from 'node:child_process';
import { access, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = await readFile(path.join(root, 'README.md'), 'utf8');

/** The lines of all `sh` blocks, one command each. */
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'));

let copy: string;

beforeAll(async () => {
  // What a clone has after `npm ci`: the files, the dependencies, and dist/, which `prepare` has built.
  copy = await mkdtemp(path.join(tmpdir(), 'palette-keys-readme-'));
  for (const name of ['bin', 'dist', 'templates', 'package.json']) {
    await cp(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
});

afterAll(() => rm(copy, { recursive: true, force: true }));

/** Runs a command line of the README in the copy; `npx palette-keys` is the program of the copy. */
async function sh(line: string): Promise<string> {
  const program = `'${process.execPath}' bin/palette-keys.js`;
  const { stdout } = await promisify(execFile)('sh', ['-euc', line.replaceAll('npx palette-keys', program)], {
    cwd: copy,
  });
  return stdout;
}

describe('the commands of the README', () => {
  test('are the two that a fresh clone needs, and one that looks', () => {
    expect(commands).toEqual([
      'npm ci && npx palette-keys init --dir ./keys',
      'npx palette-keys status --dir ./keys',
      'npm test',
    ]);
  });

  test('make an installation and show it', async () => {
    expect(await sh('npx palette-keys init --dir ./keys')).toMatch(/Done in \.\/keys: \d+ created\./);
    expect(await sh('npx palette-keys init --dir ./keys')).toMatch(/Nothing to do in \.\/keys/);
    expect(await sh('npx palette-keys status --dir ./keys')).toMatch(/root-key v1 +active/);
  });

  test('print a spec that init takes', async () => {
    expect(
      await sh(
        'npx palette-keys init --print-config > spec.yaml; npx palette-keys init --config spec.yaml --dir ./keys',
      ),
    ).toMatch(/Nothing to do/);
  });

  test('are what the CI runs', async () => {
    const ci = await readFile(path.join(root, '.ci/run'), 'utf8');
    expect(ci).toMatch(/^npm ci$/m);
    expect(ci).toMatch(/^npm test$/m);
  });
});

test('every file that the README points to is there', async () => {
  const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(3);
  for (const target of targets) await access(path.join(root, target));
});
