import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import type { Task } from './contender.ts';
import { sampleRun } from './sample-run.ts';
import { contents, fill, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();
const arena = (): string => join(at.folder, 'arena');
const script = fileURLToPath(new URL('contender.ts', import.meta.url));

beforeEach(() => {
  mkdirSync(arena());
  writeFileSync(join(arena(), 'counter'), '0');
});

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

let started = 0;

async function start(task: Omit<Task, 'path' | 'arena' | 'number'> & { readonly path?: string }): Promise<End> {
  started += 1;
  const full: Task = { path: at.path, arena: arena(), number: started, ...task };
  const child = spawn(process.execPath, [script, JSON.stringify(full)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, stderr };
}

const counter = (): number => Number(readFileSync(join(arena(), 'counter'), 'utf8'));
const errors = (): string => (existsSync(join(arena(), 'errors')) ? readFileSync(join(arena(), 'errors'), 'utf8') : '');
/** Processes are slow to start where many are. */
const PATIENT = { timeout: 120_000 };

const DONE: End = { code: 0, signal: null, stderr: '' };
const KILLED: End = { code: null, signal: 'SIGKILL', stderr: '' };

async function expectClean(): Promise<void> {
  expect(errors()).toBe('');
  await (await openDirectoryStore(at.path).lock({ command: 'check', user: 'tester', since: '' })).release();
  expect((await tree(at.path)).filter((name) => /lock|tmp/.test(name))).toEqual([]);
}

describe('many processes that want the lock', PATIENT, () => {
  test('are never two at a time where only one may be', async () => {
    const ends = await Promise.all(Array.from({ length: 8 }, () => start({ act: 'count', rounds: 10 })));
    expect(ends).toEqual(ends.map(() => DONE));
    expect(counter()).toBe(80);
    await expectClean();
  });

  test('20 of them take over one dead lock one after the other', async () => {
    expect(await start({ act: 'count', dieInside: true })).toEqual(KILLED);
    expect(readdirSync(at.path)).toContain('.lock');
    const ends = await Promise.all(Array.from({ length: 20 }, () => start({ act: 'count' })));
    expect(ends).toEqual(ends.map(() => DONE));
    expect(counter()).toBe(20);
    await expectClean();
  });

  test('are never two at a time, although others die inside, or at any step of taking over', async () => {
    await fill(openDirectoryStore(at.path));
    expect(await start({ act: 'count', dieInside: true })).toEqual(KILLED);
    const healthy = Array.from({ length: 4 }, () => start({ act: 'count', rounds: 8 }));
    const mortal = async (from: number, step: number): Promise<void> => {
      for (let n = from; n <= 60; n += step) {
        const { signal, code, stderr } = await start({
          act: 'count',
          ...(n % 7 === 0 ? { dieInside: true } : { dieAtCall: n }),
        });
        expect([signal === 'SIGKILL' || code === 0, stderr]).toEqual([true, '']);
      }
    };
    await Promise.all([mortal(1, 8), mortal(3, 8), mortal(5, 8), mortal(7, 8)]);
    expect(await Promise.all(healthy)).toEqual(healthy.map(() => DONE));
    await expectClean();
  });
});

describe('a run that is killed', PATIENT, () => {
  // At every single call: failures.test.ts, where being killed is only played.
  test.each([15, 30, 45, 60, 75, 90, 105, 120])('at call %i leaves a store that the next run completes', async (n) => {
    const undisturbed = join(at.folder, 'undisturbed');
    await sampleRun(openDirectoryStore(undisturbed));
    expect(await start({ act: 'write', dieAtCall: n })).toEqual(KILLED);
    const found = await openDirectoryStore(at.path).list('team');
    expect(found.filter(({ damage }) => damage !== undefined)).toEqual([]);
    await sampleRun(openDirectoryStore(at.path));
    expect(await contents(at.path)).toEqual(await contents(undisturbed));
  });
});
