/** The real program as a child process, and folders for it to work in; they go when the test file is done. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const project = fileURLToPath(new URL('../..', import.meta.url));

/** How a shell would start the program with the Node.js that runs the tests. */
export const PROGRAM: readonly string[] = [process.execPath, path.join(project, 'bin/palette-keys.js')];

/** How one starts a script of the tests. */
export function script(url: URL): readonly string[] {
  return [process.execPath, fileURLToPath(url)];
}

export interface RunOptions {
  /** An empty folder unless given: the program looks for a spec there. */
  readonly cwd?: string;
  /** Besides PATH, HOME and TMPDIR, which are always set; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** A command that runs the program, such as `faketime` with its arguments. */
  readonly through?: readonly string[];
  /** Instead of the program itself. */
  readonly program?: readonly string[];
  /** After so many milliseconds it is killed, and the test fails. */
  readonly timeout?: number;
}

export interface Outcome {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<Outcome>;
  /** Sends a signal; false where the process is gone already. */
  kill(signal: NodeJS.Signals): boolean;
}

const children = new Set<ChildProcessWithoutNullStreams>();
let workspace: string | undefined;

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  if (workspace !== undefined) rmSync(workspace, { recursive: true, force: true });
  workspace = undefined;
});

/** A new, empty folder that only we can read, outside of the tree. */
export function newFolder(): string {
  // Without symlinks in its path: the program is told where it is, and says so.
  workspace ??= mkdtempSync(path.join(realpathSync(tmpdir()), 'palette-keys-program-'));
  return mkdtempSync(path.join(workspace, 'f-'));
}

/** A path in a new folder where nothing is yet. */
export function newPath(name = 'keys'): string {
  return path.join(newFolder(), name);
}

/** A copy with owners, modes and times, as `cp -a` makes it. */
export function copyOf(folder: string): string {
  const copy = newPath(path.basename(folder));
  execFileSync('cp', ['-a', folder, copy]);
  return copy;
}

/** Starts the program and returns at once. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const [command = '', ...rest] = [...(options.through ?? []), ...(options.program ?? PROGRAM), ...args];
  const begun = performance.now();
  const child = spawn(command, rest, { cwd: options.cwd ?? newFolder(), env: environment(options.env), stdio: 'pipe' });
  children.add(child);
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  // A program that ends without reading its input is no fault of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const outcome = new Promise<Outcome>((resolve, reject) => {
    const limit = options.timeout ?? 60_000;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`still running after ${limit} ms: ${args.join(' ')}`));
    }, limit);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      children.delete(child);
      const [stdout, stderr] = [Buffer.concat(chunks.stdout).toString(), Buffer.concat(chunks.stderr).toString()];
      resolve({ code, signal, stdout, stderr, ms: performance.now() - begun });
    });
  });
  return { pid: child.pid ?? 0, child, outcome, kill: (signal) => child.kill(signal) };
}

/** Runs the program to its end. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return start(args, options).outcome;
}

/** Runs the program, and throws with what it said where it does not end with exit code 0. */
export async function runWell(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await run(args, options);
  if (outcome.code === 0) return outcome;
  throw new Error(`${args.join(' ')} ended with ${outcome.code ?? outcome.signal}:\n${outcome.stderr}`);
}

function environment(changes: RunOptions['env']): NodeJS.ProcessEnv {
  const plain = { PATH: process.env['PATH'], HOME: newFolder(), TMPDIR: newFolder(), TZ: 'UTC', LANG: 'C.UTF-8' };
  return { ...plain, ...changes };
}

/** Every file and folder below, by its path there: kind, mode, and for files a digest of their bytes. */
export function fingerprintOf(
  root: string,
  options: { readonly times?: boolean } = {},
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = (place: string, inside: string): void => {
    const stats = lstatSync(place, { bigint: true });
    const mode = (Number(stats.mode) & 0o7777).toString(8);
    const bytes = stats.isFile() ? ` ${sha256(readFileSync(place))}` : '';
    const times = options.times === true ? ` ${stats.mtimeNs} ${stats.ino}` : '';
    found[inside === '' ? '.' : inside] = `${mode}${bytes}${times}`;
    if (!stats.isDirectory()) return;
    for (const name of readdirSync(place).sort())
      walk(path.join(place, name), inside === '' ? name : `${inside}/${name}`);
  };
  walk(root, '');
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The paths whose bytes, mode or being there differ; those in the first one that are not in the second begin with `-`. */
export function changesBetween(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return [
    ...changed.map((name) => (Object.hasOwn(before, name) ? name : `+${name}`)),
    ...gone.map((name) => `-${name}`),
  ].sort();
}

/** A new file with that text; returns its path. */
export function fileWith(text: string, name = 'palette-keys.yaml'): string {
  const file = newPath(name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** A folder with these files in it, to be the working directory. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = newFolder();
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  }
  return folder;
}
