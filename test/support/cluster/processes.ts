import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program running in the background, its output in a file. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  isRunning(): boolean;
  /** The last lines that it wrote. */
  tail(): string;
  /** SIGTERM, then SIGKILL; returns when it is gone. */
  kill(): Promise<void>;
}

/** A folder and the programs at work in it, all of which end with the process that made it, however that ends. */
export interface Workshop {
  readonly folder: string;
  start(name: string, file: string, args: readonly string[]): Promise<Child>;
  /** Of the programs that run. */
  pids(): readonly number[];
  /** Ends every program and removes the folder. */
  close(): Promise<void>;
}

/** How long a program may take to end by itself: nothing that a test left in it is worth waiting for. */
const GRACE_MS = 1500;

/**
 * Reads from a pipe which programs run. When the pipe closes without `done`, the test process died (killed, crashed):
 * then the watchdog ends what is left and removes the folder. It stays out of the terminal's process group, so that
 * Ctrl-C does not end it first.
 */
const WATCHDOG = `
pids=
while read -r word value; do
  case $word in
    started) pids="$pids $value" ;;
    ended) rest=; for pid in $pids; do [ "$pid" = "$value" ] || rest="$rest $pid"; done; pids=$rest ;;
    done) exit 0 ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
sleep 1
rm -rf -- "$1"
`;

export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), `palette-keys-cluster-${process.pid}-`));
  const tellWatchdog = startWatchdog(folder);
  const children = new Set<Child>();
  const start = async (name: string, file: string, args: readonly string[]): Promise<Child> => {
    const child = await spawnChild({ name, file, args, folder, tellWatchdog });
    children.add(child);
    return child;
  };
  const pids = () => [...children].filter((child) => child.isRunning()).map((child) => child.pid);
  const close = async (): Promise<void> => {
    await Promise.all([...children].map((child) => child.kill()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    tellWatchdog('done');
  };
  return { folder, start, pids, close };
}

function startWatchdog(folder: string): (line: string) => void {
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', folder], { stdio: [...stdio], detached: true });
  watchdog.unref();
  watchdog.stdin?.on('error', () => undefined);
  return (line) => void watchdog.stdin?.write(`${line}\n`);
}

interface Start {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly tellWatchdog: (line: string) => void;
}

async function spawnChild({ name, file, args, folder, tellWatchdog }: Start): Promise<Child> {
  const log = join(folder, `${name}.log`);
  const output = openSync(log, 'a', 0o600);
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', output, output] });
  closeSync(output);
  const { pid = 0 } = child;
  if (pid > 0) tellWatchdog(`started ${pid}`);
  child.once('exit', () => tellWatchdog(`ended ${pid}`));
  await once(child, 'spawn');
  // A test process with nothing else to do may end without stop(): the watchdog sees to the rest.
  child.unref();
  return { name, pid, isRunning: () => isRunning(child), tail: () => tail(log), kill: () => kill(child) };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function kill(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  child.ref();
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const grace = new AbortController();
  const patience = sleep(GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined);
  await Promise.race([gone, patience]);
  grace.abort();
  if (isRunning(child)) child.kill('SIGKILL');
  await gone;
}

function tail(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n');
}
