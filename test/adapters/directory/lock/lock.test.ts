// Covers: src/adapters/directory/lock/

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../../src/adapters/directory/directory-store.ts';
import {
  type ProcessIdentity,
  type Sighting,
  systemProcess,
} from '../../../../src/adapters/directory/lock/process-identity.ts';
import { FaultyFiles } from '../faulty-files.ts';
import { fill, HOLDER, secret, tree, useWorkspace } from '../workspace.ts';

const at = useWorkspace();
const path = (name = '.lock'): string => join(at.path, name);
const NONCE = '0123456789abcdef0123456789abcdef';
const read = (name?: string): Record<string, unknown> => JSON.parse(readFileSync(path(name), 'utf8'));

const RECORD = {
  pid: 4242,
  processStart: '1000',
  bootId: 'boot-1',
  host: 'here',
  pidNamespace: 'pid:[1]',
  command: 'palette-keys rotate',
  user: 'ada',
  since: '2026-01-01T00:00:00Z',
  nonce: NONCE,
};

/** A process on the machine `here`, to which others look as `sighting` says. */
function self(sighting: Sighting, change: Partial<ProcessIdentity['origin']> = {}): ProcessIdentity {
  const origin = { pid: 1, start: '5000', bootId: 'boot-1', host: 'here', pidNamespace: 'pid:[1]', ...change };
  return { ...systemProcess(), origin, lookUp: () => sighting };
}

const running = (start?: string): Sighting => ({ running: true, start });
const GONE: Sighting = { running: false };

function putLock(content: string | object, name = '.lock'): void {
  mkdirSync(at.path, { recursive: true, mode: 0o700 });
  writeFileSync(path(name), typeof content === 'string' ? content : `${JSON.stringify(content)}\n`, { mode: 0o600 });
}

describe('the lock file', () => {
  test('says who holds it, is whole from the first moment, and goes with its release', async () => {
    const files = new FaultyFiles();
    const lock = await openDirectoryStore(at.path, { files }).lock(HOLDER);
    const { origin } = systemProcess();
    expect(read()).toEqual({
      pid: process.pid,
      processStart: origin.start ?? null,
      bootId: origin.bootId ?? null,
      host: origin.host,
      pidNamespace: origin.pidNamespace ?? null,
      ...HOLDER,
      nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(files.calls.filter(({ name, path: at }) => name === 'open' && at === path())).toEqual([]);
    await lock.release();
    expect(await tree(at.path)).toEqual(['.gitignore']);
  });

  test('has another nonce every time', async () => {
    const nonces = new Set<unknown>();
    for (let n = 0; n < 5; n += 1) {
      const lock = await openDirectoryStore(at.path).lock(HOLDER);
      nonces.add(read()['nonce']);
      await lock.release();
    }
    expect(nonces.size).toBe(5);
  });

  test('that was removed by hand and taken by another is left to it on release', async () => {
    const first = await openDirectoryStore(at.path).lock(HOLDER);
    await rm(path());
    const second = await openDirectoryStore(at.path).lock(HOLDER);
    const { nonce } = read();
    await first.release();
    expect(read()['nonce']).toBe(nonce);
    await second.release();
  });

  test('keeps out the process that has it already', async () => {
    const store = openDirectoryStore(at.path);
    const lock = await store.lock(HOLDER);
    await expect(store.lock(HOLDER)).rejects.toMatchObject({ code: 'LOCK_HELD' });
    await lock.release();
    await (await store.lock(HOLDER)).release();
  });

  test('of concurrent attempts in one process exactly one succeeds', async () => {
    await fill(openDirectoryStore(at.path));
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => openDirectoryStore(at.path).lock(HOLDER)),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'LOCK_HELD' });
    }
  });
});

describe('a lock that is there', () => {
  const cases: readonly [string, object, ProcessIdentity, 'taken over' | 'held'][] = [
    ['its process runs', {}, self(running('1000')), 'held'],
    ['its process runs, as far as one can see', {}, self(running()), 'held'],
    ['its process is gone', {}, self(GONE), 'taken over'],
    ['its pid is another process’s now', {}, self(running('2000')), 'taken over'],
    ['the machine was booted since', { bootId: 'boot-0' }, self(running('1000')), 'taken over'],
    [
      'it was booted since, and the namespace is another',
      { bootId: 'boot-0', pidNamespace: 'pid:[2]' },
      self(GONE),
      'taken over',
    ],
    ['it is another container’s', { pidNamespace: 'pid:[2]' }, self(GONE), 'held'],
    ['it is another machine’s', { host: 'there' }, self(GONE), 'held'],
    ['it is another machine’s, with another boot', { host: 'there', bootId: 'boot-9' }, self(GONE), 'held'],
    ['it does not say when its machine was booted', { bootId: null }, self(GONE), 'held'],
    [
      'nothing says when the machine was booted, and its process is gone',
      { bootId: null },
      self(GONE, { bootId: undefined }),
      'taken over',
    ],
    [
      'it does not say when its process started, and a process of that pid runs',
      { processStart: null },
      self(running('1000')),
      'held',
    ],
    [
      'without /proc, its process is gone',
      { bootId: null, processStart: null, pidNamespace: null },
      self(GONE, { bootId: undefined, start: undefined, pidNamespace: undefined }),
      'taken over',
    ],
    [
      'without /proc, a process of that pid runs',
      { bootId: null, processStart: null, pidNamespace: null },
      self(running(), { bootId: undefined, start: undefined, pidNamespace: undefined }),
      'held',
    ],
  ];

  test.each(cases)('where %s', async (_, change, process, outcome) => {
    putLock({ ...RECORD, ...change });
    const attempt = openDirectoryStore(at.path, { process }).lock(HOLDER);
    if (outcome === 'held') {
      await expect(attempt).rejects.toMatchObject({
        code: 'LOCK_HELD',
        exit: 1,
        message: expect.stringMatching(/'palette-keys rotate' by ada, process 4242 on \w+, since 2026-01-01T00:00:00Z/),
      });
      expect(read()['nonce']).toBe(NONCE);
      return;
    }
    const lock = await attempt;
    expect(read()).toMatchObject({ pid: 1, ...HOLDER });
    expect(await tree(at.path)).toEqual(['.gitignore', '.lock']);
    await lock.release();
    expect(await tree(at.path)).toEqual(['.gitignore']);
  });

  test('names the command that removes it only where one cannot look for its process', async () => {
    putLock({ ...RECORD, host: 'there' });
    await expect(openDirectoryStore(at.path, { process: self(GONE) }).lock(HOLDER)).rejects.toMatchObject({
      hint: expect.stringContaining(`if you are sure that it does not: rm ${path()}`),
    });
    putLock(RECORD);
    await expect(openDirectoryStore(at.path, { process: self(running('1000')) }).lock(HOLDER)).rejects.toMatchObject({
      hint: expect.not.stringContaining('rm '),
    });
  });

  test.each<[string, string | object]>([
    ['is empty', ''],
    ['was cut off', '{"pid": 4242, "no'],
    ['is no JSON', 'locked'],
    ['is another tool’s', '4242\n'],
    ['has no nonce', { ...RECORD, nonce: undefined }],
    ['has a nonce that leads elsewhere', { ...RECORD, nonce: '../../x' }],
    ['has a pid that is a process group', { ...RECORD, pid: -1 }],
    ['has no pid', { ...RECORD, pid: 0 }],
    ['is null', 'null'],
    ['is huge', JSON.stringify({ ...RECORD, more: 'x'.repeat(70_000) })],
  ])('that %s stays, as nobody knows whose it is', async (_, content) => {
    putLock(content);
    await expect(openDirectoryStore(at.path, { process: self(GONE) }).lock(HOLDER)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      hint: expect.stringContaining(`rm ${path()}`),
    });
    expect(readFileSync(path(), 'utf8')).not.toContain(HOLDER.command);
  });

  test('does not hinder reading', async () => {
    await fill(openDirectoryStore(at.path));
    putLock(RECORD);
    expect(await openDirectoryStore(at.path).missingNamespaces(['team'])).toEqual([]);
  });

  test('cannot bring control characters to the terminal', async () => {
    putLock({ ...RECORD, command: 'a\u001b[2Jb', host: 'there' });
    await expect(openDirectoryStore(at.path).lock(HOLDER)).rejects.toMatchObject({
      message: expect.stringContaining("'a [2Jb'"),
    });
  });
});

describe('a lock that is being taken over', () => {
  const guard = `.lock.${NONCE}`;
  beforeEach(() => putLock(RECORD));

  const identity = (alive: readonly number[]): ProcessIdentity => ({
    ...self(GONE),
    lookUp: (pid) => (alive.includes(pid) ? running('1000') : GONE),
  });

  test('by a living process is left to it, which is named', async () => {
    putLock({ ...RECORD, pid: 77, nonce: 'a'.repeat(32), user: 'bob' }, guard);
    await expect(openDirectoryStore(at.path, { process: identity([77]) }).lock(HOLDER)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      message: expect.stringMatching(/by bob, process 77/),
    });
    expect(read()['nonce']).toBe(NONCE);
  });

  test('by a run that died before it was done, as the run before it, is taken over in turn', async () => {
    putLock({ ...RECORD, nonce: 'a'.repeat(32) }, guard);
    putLock({ ...RECORD, nonce: 'b'.repeat(32) }, `.lock.${'a'.repeat(32)}`);
    const lock = await openDirectoryStore(at.path, { process: identity([]) }).lock(HOLDER);
    expect(await tree(at.path)).toEqual(['.gitignore', '.lock']);
    await lock.release();
  });

  test('by a run that died after it was done leaves a guard of nothing, which is cleaned up', async () => {
    putLock({ ...RECORD, nonce: 'c'.repeat(32) });
    putLock({ ...RECORD, nonce: 'a'.repeat(32) }, guard);
    putLock('half a gu', `.lock.${'d'.repeat(32)}`);
    putLock({ ...RECORD, nonce: 'e'.repeat(32), pid: 77 }, `.lock.${'f'.repeat(32)}`);
    const lock = await openDirectoryStore(at.path, { process: identity([77]) }).lock(HOLDER);
    expect(await tree(at.path)).toEqual(['.gitignore', '.lock', `.lock.${'f'.repeat(32)}`]);
    await lock.release();
  });

  test('is not taken from another run that has taken it over meanwhile', async () => {
    const files = new FaultyFiles();
    const first = openDirectoryStore(at.path, { files, process: identity([78]) });
    const fresh = { ...RECORD, pid: 78, nonce: 'f'.repeat(32) };
    files.onCall = ({ name, path: where }) => {
      // Between our finding it dead and our getting the guard, another one did both, and finished.
      if (name === 'link' && where.endsWith(guard)) putLock(fresh);
    };
    await expect(first.lock(HOLDER)).rejects.toMatchObject({ code: 'LOCK_HELD' });
    expect(await tree(at.path)).toEqual(['.lock']);
    expect(read()).toMatchObject(fresh);
  });
});

describe('left-over temp files', () => {
  const temps = async (): Promise<readonly string[]> => (await tree(at.path)).filter((name) => name.endsWith('.tmp'));

  /** As a process leaves them that is killed before it could unlink them, in the root and beside the objects. */
  async function leaveTemps(pid: number): Promise<void> {
    const { origin, lookUp } = systemProcess();
    const found = lookUp(pid);
    const process = { ...systemProcess(), origin: { ...origin, pid, start: found.running ? found.start : '1' } };
    const files = new FaultyFiles()
      .fail('EIO', ({ name }) => name === 'link')
      .fail('EIO', ({ name, path: where }) => name === 'unlink' && where.endsWith('.tmp'));
    const store = openDirectoryStore(at.path, { files, process });
    await expect(store.create(secret('palette-b'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.lock(HOLDER)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }

  test('beside objects are deleted once the lock is taken; in the root one that a living process may need stays', async () => {
    await fill(openDirectoryStore(at.path), secret());
    const alive = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
    const dead = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    await once(dead, 'exit');
    await leaveTemps(alive.pid ?? 0);
    await leaveTemps(dead.pid ?? 0);
    expect(await temps()).toHaveLength(4);
    await (await openDirectoryStore(at.path).lock(HOLDER)).release();
    expect(await temps()).toEqual([expect.stringMatching(new RegExp(`^\\.palette-keys\\.[^/]*\\.${alive.pid}\\.`))]);
    alive.kill('SIGKILL');
    await once(alive, 'exit');
    await (await openDirectoryStore(at.path).lock(HOLDER)).release();
    expect(await temps()).toEqual([]);
  });

  test.each([
    ['another machine', { host: 'there' }],
    ['another container', { pidNamespace: 'pid:[99]' }],
    ['a machine that does not tell its boot', { bootId: undefined }],
    ['this very process', undefined],
  ])('of %s beside objects are deleted, though nobody can see whether it still runs', async (_, change) => {
    await fill(openDirectoryStore(at.path), secret());
    const { origin } = systemProcess();
    const files = new FaultyFiles().fail('EIO', ({ name }) => name === 'link' || name === 'unlink');
    const other = { ...origin, ...change, pid: 999_999_999, start: '1' };
    const process = { ...systemProcess(), origin: change === undefined ? origin : other };
    await expect(openDirectoryStore(at.path, { files, process }).create(secret('palette-b'))).rejects.toMatchObject({
      details: [
        { message: expect.stringMatching(/\/secrets\/\.palette-keys\..*\.tmp: a temp file, .* was not deleted$/) },
      ],
    });
    expect(await temps()).toHaveLength(1);
    await (await openDirectoryStore(at.path).lock(HOLDER)).release();
    expect(await temps()).toEqual([]);
  });

  test('are neither objects nor a hindrance, and kubectl does not read them', async () => {
    await fill(openDirectoryStore(at.path), secret());
    await leaveTemps(process.pid);
    for (const name of await temps()) expect(name).toMatch(/(^|\/)\.[^/]*\.tmp$/);
    expect(await openDirectoryStore(at.path).list('team')).toHaveLength(1);
  });
});
