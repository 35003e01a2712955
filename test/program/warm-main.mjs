// Runs one command line after the other in one process: the same program, without the half second that a start costs.
// A line of JSON `{ argv, cwd }` on stdin is a run; a line `{ code, stdout, stderr }` on file descriptor 3 is its outcome.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { run } = await import('../../dist/main.js');

for await (const line of createInterface({ input: process.stdin })) {
  const { argv, cwd } = JSON.parse(line);
  process.chdir(cwd);
  const texts = { stdout: '', stderr: '' };
  const restore = ['stdout', 'stderr'].map((name) => catchUp(name, texts));
  const code = await run(argv).catch((error) => `run threw ${error}`);
  for (const undo of restore) undo();
  writeSync(3, `${JSON.stringify({ code, ...texts })}\n`);
}

function catchUp(name, texts) {
  const stream = process[name];
  const write = stream.write;
  stream.write = (chunk) => {
    texts[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  };
  return () => {
    stream.write = write;
  };
}
