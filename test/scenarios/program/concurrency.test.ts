// Covers: src/adapters/system/signals.ts

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, newPath, type Outcome, run, runWell, start } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { compareLedger, wait } from './kill-rounds.ts';
import { fileOf, type InitResult, LEDGER, RECORD, readRecord, specFile, verifyInstallation } from './store.ts';

const randomInt = chance('concurrency');

const CROWD = 20;
const NAMES_HOLDER = /^palette-keys: error: \S+ is locked: 'init' by .+, process \d+ on \S+, since 20\d\d-/m;

/** Done, or turned away by a run that is named; nothing else may come of a race. */
function expectDoneOrTurnedAway(outcomes: readonly Outcome[]): void {
  for (const { code, stderr } of outcomes) {
    expect([0, 1], stderr).toContain(code);
    if (code === 1) expect(stderr).toMatch(NAMES_HOLDER);
    if (code === 1) expect(stderr).toMatch(/^palette-keys: hint: /m);
  }
}

async function expectOneInstallation(folder: string): Promise<void> {
  expect(readdirSync(path.join(folder, LEDGER, 'secrets'))).toHaveLength(9);
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
}

describe('twenty runs of init at once', { timeout: 60_000 }, () => {
  it('make one set of keys; at least one is done, the others are done or name who holds the lock', async () => {
    const folder = newPath();
    const args = ['init', '--dir', folder, '--config', specFile(), '-o', 'json'];
    const outcomes = await Promise.all(Array.from({ length: CROWD }, () => run(args)));
    expectDoneOrTurnedAway(outcomes);
    const done = outcomes.filter(({ code }) => code === 0).map(({ stdout }) => JSON.parse(stdout) as InitResult);
    expect(done.length).toBeGreaterThan(0);
    const ids = new Set(done.map(({ installationId }) => installationId));
    expect([...ids]).toEqual([readRecord(folder).installationId]);
    const kidsOf = ({ steps }: InitResult) => steps.map(({ object, kid }) => `${object} ${kid}`).sort();
    for (const document of done) expect(kidsOf(document)).toEqual(kidsOf(done[0] as InitResult));
    await expectOneInstallation(folder);
  });

  it('ten of them killed at random moments: the next one converges', async () => {
    const folder = newPath();
    const args = ['init', '--dir', folder, '--config', specFile()];
    const running = Array.from({ length: CROWD }, () => start(args));
    await Promise.all(
      running.slice(0, CROWD / 2).map(async (victim) => {
        await wait(randomInt(6000));
        victim.kill('SIGKILL');
      }),
    );
    const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
    expectDoneOrTurnedAway(outcomes.filter(({ signal }) => signal !== 'SIGKILL'));
    const seen = new Map<string, string>();
    if (existsSync(folder)) compareLedger(folder, seen);
    await runWell(args);
    compareLedger(folder, seen);
    await expectOneInstallation(folder);
  });

  it('status reads beside them, and never takes what it meets for a fault of its own', async () => {
    const folder = newPath();
    const writer = start(['init', '--dir', folder, '--config', specFile()]);
    const ended = writer.outcome.then(() => true);
    do {
      const { code, stderr } = await run(['status', '--dir', folder, '-o', 'json']);
      expect([0, 1, 3], stderr).toContain(code);
    } while (!(await Promise.race([ended, wait(0).then(() => false)])));
    expect((await writer.outcome).code).toBe(0);
  });
});

describe.each([
  ['SIGINT', 130, 'INTERRUPTED'],
  ['SIGTERM', 143, 'TERMINATED'],
] as const)('%s', (signal, exit, code) => {
  /** Sends the signal as soon as that file is there. */
  async function interrupted(args: readonly string[], file: string, times = 1): Promise<Outcome> {
    const running = start(args);
    let ended = false;
    running.child.on('close', () => {
      ended = true;
    });
    while (!(ended || existsSync(file))) await wait(1);
    for (let n = 0; n < times; n += 1) running.kill(signal);
    return running.outcome;
  }

  it.each([
    ['the lock is held', '.lock'],
    ['the first key is written', fileOf(`Secret/${LEDGER}/palette-key-root-key-v1`)],
    ['the record is written', fileOf(RECORD)],
  ])(`ends init with exit code ${exit} when %s; a re-run completes`, async (_, file) => {
    const folder = newPath();
    const args = ['init', '--dir', folder, '--config', specFile()];
    const outcome = await interrupted(args, path.join(folder, file));
    expect(outcome).toMatchObject({ code: exit, stdout: '' });
    expect(outcome.stderr).toMatch(/^palette-keys: error: .*\npalette-keys: hint: .*again/m);
    expect(existsSync(path.join(folder, '.lock'))).toBe(false);
    const seen = new Map<string, string>();
    compareLedger(folder, seen);
    await runWell(args);
    compareLedger(folder, seen);
    await expectOneInstallation(folder);
  });

  it('is a document of kind Error with -o json', async () => {
    const folder = newPath();
    const { code: ended, stdout } = await interrupted(
      ['init', '--dir', folder, '--config', specFile(), '-o', 'json'],
      path.join(folder, '.lock'),
    );
    expect(ended).toBe(exit);
    expect(JSON.parse(stdout)).toMatchObject({ apiVersion: 'palette-keys/v1', kind: 'Error', code });
  });

  it('twice ends it at once', async () => {
    const folder = newPath();
    const args = ['init', '--dir', folder, '--config', specFile()];
    const outcome = await interrupted(args, path.join(folder, '.lock'), 2);
    expect([exit, signal]).toContain(outcome.code ?? outcome.signal);
    await runWell(args);
    expect((await verifyInstallation(folder)).code).toBe(0);
  });
});

it('a dead run’s lock is no obstacle', async () => {
  const folder = newPath();
  const args = ['init', '--dir', folder, '--config', specFile()];
  const running = start(args);
  while (!existsSync(path.join(folder, '.lock'))) await wait(1);
  running.kill('SIGKILL');
  await running.outcome;
  expect(Object.keys(fingerprintOf(folder))).toContain('.lock');
  await runWell(args);
  await expectOneInstallation(folder);
});
