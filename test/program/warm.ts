import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { newFolder, type Outcome, script } from '../support/program.ts';

/** The program in a process that stays, for tables of many runs: see warm-main.mjs. */
export interface WarmProgram {
  run(argv: readonly string[], options?: { readonly cwd?: string }): Promise<Pick<Outcome, 'code' | 'stdout' | 'stderr'>>;
}

/** Starts it; it ends with the test file. One run at a time. */
export function startWarm(): WarmProgram {
  const [command = '', ...args] = script(new URL('./warm-main.mjs', import.meta.url));
  const env = { PATH: process.env['PATH'], HOME: newFolder(), TMPDIR: newFolder(), TZ: 'UTC', NO_COLOR: '1' };
  const child = spawn(command, args, { env, cwd: newFolder(), stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout });
  const waiting: ((line: string) => void)[] = [];
  answers.on('line', (line) => waiting.shift()?.(line));
  child.on('exit', () => {
    for (const answer of waiting.splice(0)) answer('{"code":null,"stdout":"","stderr":"the process ended"}');
  });
  afterAll(() => {
    child.kill('SIGKILL');
  });
  return {
    run: (argv, { cwd = newFolder() } = {}) =>
      new Promise((resolve) => {
        waiting.push((line) => resolve(JSON.parse(line)));
        child.stdin.write(`${JSON.stringify({ argv, cwd })}\n`);
      }),
  };
}
