import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { newFolder, type Outcome, script } from '../../support/program.ts';

/** The program in a process that stays, for tables of many runs: see warm-main.mjs. */
export interface WarmProgram {
  run(
    argv: readonly string[],
    options?: { readonly cwd?: string; readonly now?: string },
  ): Promise<Pick<Outcome, 'code' | 'stdout' | 'stderr'>>;
}

/** Starts so many of them; each does one run at a time. They end with the test file. */
export function startWarm(count = 1): WarmProgram {
  const workers = Array.from({ length: count }, startOne);
  return {
    run: (argv, { cwd = newFolder(), now } = {}) => {
      const [idlest] = workers.toSorted((a, b) => a.waiting.length - b.waiting.length);
      return new Promise((resolve, reject) => {
        if (idlest === undefined) return reject(new Error('no worker was started'));
        idlest.waiting.push((line) => resolve(JSON.parse(line)));
        idlest.child.stdin.write(`${JSON.stringify({ argv, cwd, now })}\n`);
      });
    },
  };
}

function startOne() {
  const [command = '', ...args] = script(new URL('./warm-main.mjs', import.meta.url));
  const env = { PATH: process.env['PATH'], HOME: newFolder(), TMPDIR: newFolder(), TZ: 'UTC', NO_COLOR: '1' };
  const child = spawn(command, args, { env, cwd: newFolder(), stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  child.on('exit', () => {
    for (const answer of waiting.splice(0)) answer('{"code":null,"stdout":"","stderr":"the process ended"}');
  });
  afterAll(() => {
    child.kill('SIGKILL');
  });
  return { child, waiting };
}
