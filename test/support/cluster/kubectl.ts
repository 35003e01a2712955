import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlRun {
  readonly kubectl: string;
  /** Where it may keep its cache: nothing of the person who runs the tests is read or written. */
  readonly home: string;
  readonly kubeconfig: string;
  readonly args: readonly string[];
  readonly input?: string | undefined;
}

const TIMEOUT_MS = 120_000;

/** Runs kubectl to its end. Only a run that could not start or was killed throws. */
export async function runKubectl({ kubectl, home, kubeconfig, args, input }: KubectlRun): Promise<Output> {
  const env = { PATH: process.env['PATH'], HOME: home };
  const login = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(home, 'kubectl-cache')}`];
  const child = spawn(kubectl, [...login, ...args], { env, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
  });
  // kubectl may end without reading its input.
  child.stdin.on('error', () => undefined).end(input ?? '');
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (typeof code === 'string') throw new Error(`kubectl ${args.join(' ')} was ended by ${code}: ${stderr}`);
  return { code, stdout, stderr };
}
