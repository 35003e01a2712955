/** Other people's tools, where they are installed. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { newFolder, PROGRAM } from '../../support/program.ts';
import { readObject } from './store.ts';

/** Where Debian keeps servers, which is not in everybody's PATH. */
const PLACES = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];

/** True where all of them are there; else one loud line on stderr, and under CI an error. */
export function haveTools(...names: readonly string[]): boolean {
  const missing = names.filter((name) => whereIs(name) === undefined);
  if (missing.length === 0) return true;
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))];
  return skipped(`${missing.join(', ')} not installed (on Debian: apt-get install ${packages.join(' ')})`);
}

/** Says so once and loudly; under CI nothing may be skipped. */
export function skipped(why: string): false {
  const message = `TESTS SKIPPED: ${why}`;
  if ((process.env['CI'] ?? 'false') !== 'false') throw new Error(message);
  process.stderr.write(`\n${message}\n\n`);
  return false;
}

const PACKAGES: Readonly<Record<string, string>> = {
  certtool: 'gnutls-bin',
  'gnutls-cli': 'gnutls-bin',
  'gnutls-serv': 'gnutls-bin',
  java: 'openjdk-17-jdk-headless',
  javac: 'openjdk-17-jdk-headless',
  keytool: 'openjdk-17-jdk-headless',
  setpriv: 'util-linux',
  'ssh-keygen': 'openssh-client',
};

/** The full path of a tool. */
function whereIs(name: string): string | undefined {
  return PLACES.map((place) => path.join(place, name)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True where this process may mount a file system; else one loud line on stderr, and under CI an error. */
export function mayMount(): boolean {
  const place = newFolder();
  if (process.getuid?.() === 0 && whereIs('mount') !== undefined && mount(place) === 0) {
    execFileSync('umount', [place]);
    return true;
  }
  return skipped('no file system may be mounted here (run them as root for a full disk)');
}

function mount(place: string, options = 'size=64k,mode=700'): number | null {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', place], { stdio: 'ignore' }).status;
}

const mounted: string[] = [];
// The folders that they are in are deleted after that: of hooks that clean up, the last one that was set comes first.
afterAll(() => {
  for (const place of mounted.splice(0)) spawnSync('umount', ['-l', place]);
});

/** A folder on a disk of that many KiB; it is unmounted when the test file is done. */
export function smallDisk(kib: number): string {
  const place = newFolder();
  if (mount(place, `size=${kib}k,mode=700`) !== 0) throw new Error('cannot mount a tmpfs');
  mounted.push(place);
  return place;
}

/** True where other users may run the program from where it is; else one loud line on stderr, and under CI an error. */
export function mayBeRunByOthers(): boolean {
  const { status } = spawnSync('setpriv', [...AS_NOBODY, ...PROGRAM, '--version'], { cwd: '/', stdio: 'ignore' });
  return status === 0 || skipped('other users cannot reach this folder, so they cannot run the program');
}

export const NOBODY = 65_534;
export const AS_NOBODY = ['--reuid', String(NOBODY), '--clear-groups'];

/** Every entry of a Secret or ConfigMap as a file; returns the folder. */
export function unpack(store: string, ref: string): string {
  const folder = newFolder();
  for (const [name, bytes] of Object.entries(readObject(store, ref).data)) {
    writeFileSync(path.join(folder, name), bytes, { mode: 0o600 });
  }
  return folder;
}

export interface ToolOutcome {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a tool; stdout and stderr together. */
export function tool(
  name: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): ToolOutcome {
  const { status, stdout, stderr, error } = spawnSync(whereIs(name) ?? name, args, {
    cwd: options.cwd ?? newFolder(),
    input: options.input ?? '',
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (error !== undefined) throw error;
  return { code: status, output: `${stdout}${stderr}` };
}

/** Starts a server and waits until it says so; it is killed after the test. */
export async function server(
  name: string,
  args: readonly string[],
  ready: RegExp,
  cwd: string,
): Promise<{ said(): string }> {
  const child: ChildProcess = spawn(whereIs(name) ?? name, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name} ${why}: ${said}`));
    const timer = setTimeout(() => fail('is not ready in time'), 15_000);
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (ready.test(said)) resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.on('exit', (code) => fail(`ended with ${code}`));
    child.on('error', reject);
    onTestFinished(() => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    });
  });
  return { said: () => said };
}

/** A TCP port on 127.0.0.1 that nobody uses. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
