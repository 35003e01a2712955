/** Not a test: a process of its own that the tests start, and kill. Its argument is a Task as JSON. */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { systemProcess } from '../../../src/adapters/directory/lock/process-identity.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import { chance } from '../../support/seed.ts';
import { FaultyFiles } from './faulty-files.ts';
import { sampleRun } from './sample-run.ts';

export interface Task {
  readonly path: string;
  /** Where the contenders note what they see; outside of the store. */
  readonly arena: string;
  /** Tells it from the others: each waits in a rhythm of its own. */
  readonly number: number;
  /** 'count': goes that often where only one may be; 'write': does one run, and writes. */
  readonly act: 'count' | 'write';
  readonly rounds?: number;
  /** Kills itself when it makes this call to the file system. */
  readonly dieAtCall?: number;
  /** Kills itself where only one may be. */
  readonly dieInside?: boolean;
}

const task: Task = JSON.parse(process.argv[2] ?? '{}');
const draw = chance(`contender ${task.number}`);
const note = (file: string, text: string): void => appendFileSync(join(task.arena, file), `${text}\n`);

const files = new FaultyFiles();
files.onCall = ({ n }) => {
  if (n === task.dieAtCall) process.kill(process.pid, 'SIGKILL');
};
const store = openDirectoryStore(task.path, { files });

if (task.act === 'count') await count();
else await sampleRun(store);

async function count(): Promise<void> {
  for (let round = 0; round < (task.rounds ?? 1); ) {
    const lock = await lockIfFree();
    if (lock === undefined) {
      await sleep(1 + draw(20));
      continue;
    }
    await inside();
    await lock.release();
    round += 1;
  }
}

async function lockIfFree() {
  try {
    return await store.lock({ command: 'count', user: String(process.pid), since: '2026-01-01T00:00:00Z' });
  } catch (error) {
    if (error instanceof PaletteKeysError && error.code === 'LOCK_HELD') return undefined;
    note('errors', error instanceof Error ? `${error.name} ${error.message}` : String(error));
    throw error;
  }
}

/** Adds one, in a way that loses counts if two do it at a time. */
async function inside(): Promise<void> {
  const [marker, counter] = [join(task.arena, 'inside'), join(task.arena, 'counter')];
  try {
    writeFileSync(marker, String(process.pid), { flag: 'wx' });
  } catch {
    const other = Number(readFileSync(marker, 'utf8'));
    if (other === 0 || systemProcess().lookUp(other).running) note('errors', `${process.pid} met ${other} inside`);
    writeFileSync(marker, String(process.pid));
  }
  const before = Number(readFileSync(counter, 'utf8'));
  await sleep(draw(4));
  if (task.dieInside === true) process.kill(process.pid, 'SIGKILL');
  writeFileSync(counter, String(before + 1));
  rmSync(marker);
}
