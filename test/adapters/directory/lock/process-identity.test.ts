import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { systemProcess } from '../../../../src/adapters/directory/lock/process-identity.ts';

describe('a process', () => {
  const self = systemProcess();

  test('finds itself, with the start that it says of itself', () => {
    expect(self.lookUp(process.pid)).toEqual({ running: true, start: self.origin.start });
  });

  test('finds another while it runs, and not after', async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    expect(self.lookUp(child.pid ?? 0)).toMatchObject({ running: true });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(self.lookUp(child.pid ?? 0)).toEqual({ running: false });
  });

  test.skipIf(!existsSync('/proc/self/stat'))('takes a zombie for dead', async () => {
    // The shell becomes another program, which never asks for the exit code of what the shell had started.
    const child = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [chunk] = await once(child.stdout, 'data');
    const pid = Number(String(chunk));
    await expect.poll(() => self.lookUp(pid)).toEqual({ running: false });
    expect(process.kill(pid, 0)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test.skipIf(!existsSync('/proc/self/stat'))('is read right whatever its name is', async () => {
    const child = spawn(
      process.execPath,
      ['-e', "process.title = 'a) R (b'; console.log(); setTimeout(() => {}, 60_000)"],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    await once(child.stdout, 'data');
    expect(self.lookUp(child.pid ?? 0)).toEqual({ running: true, start: expect.stringMatching(/^\d{2,}$/) });
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
