import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const project = fileURLToPath(new URL('../..', import.meta.url));

/** A new folder for this test, with these files in it. */
export function scratch(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-tooling-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) write(path.join(folder, name), text);
  return folder;
}

export function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What the tests read of package.json. */
export interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly config: { readonly releaseDate: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export const manifest = JSON.parse(readFileSync(path.join(project, 'package.json'), 'utf8')) as Manifest;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with the project's own tools in front of the PATH. */
export function run(command: string, args: readonly string[], options: { cwd?: string } = {}): Outcome {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${path.join(project, 'node_modules/.bin')}:${process.env['PATH']}`,
    NO_COLOR: '1',
  };
  delete env['FORCE_COLOR'];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: options.cwd ?? project, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}
