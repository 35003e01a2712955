// Runs one command line after the other in one process: the same program, without what a start costs.
// A line of JSON `{ argv, cwd, now? }` on stdin is a run, at this machine's time or at `now`; a line `{ code, stdout, stderr }` on stdout is its outcome.
import { createInterface } from 'node:readline';

const { run } = await import('../../../dist/main.js');

for await (const line of createInterface({ input: process.stdin })) {
  const { argv, cwd, now } = JSON.parse(line);
  process.chdir(cwd);
  const texts = { stdout: '', stderr: '' };
  const output = (name) => ({
    write: (text) => {
      texts[name] += text;
    },
  });
  const terminal = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    interactive: false,
    colour: { stdout: 0, stderr: 0 },
    redraws: false,
  };
  const clock = { now: () => (now === undefined ? new Date() : new Date(now)) };
  const code = await run(argv, { terminal, clock }).catch((error) => `run threw ${error}`);
  process.stdout.write(`${JSON.stringify({ code, ...texts })}\n`);
}
