// Covers: src/cli/restore/

import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, fileWith, fingerprintOf, newPath, type Outcome, run, runWell, start } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { backupRound } from './backup-rounds.ts';
import { backUp, type KeyPair, keyPair, ledgerFiles, ledgerOf, restoreInto, withPassphrase } from './backups.ts';
import {
  editEntries,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readObject,
  readRecord,
  SMALL,
  specFile,
  verifyInstallation,
} from './store.ts';
import { startWarm } from './warm.ts';

const randomInt = chance('restore');

const SALT = `Secret/${LEDGER}/palette-key-hash-salt-v1`;

let keys = '';
/** Another installation. */
let other = '';
let pair: KeyPair;
let backup = '';

const warm = startWarm();

beforeAll(async () => {
  [keys, other, pair] = await Promise.all([install(), install(), keyPair()]);
  backup = await backUp(keys, pair);
});

/** Every file of the ledger with its mode and a digest. */
/** The folder is what it was in the backup: ledger, states, and all that follows from them. */
async function expectBack(folder: string): Promise<void> {
  expect(ledgerFiles(folder)).toEqual(ledgerFiles(keys));
  const versions = (from: string) =>
    Object.entries(readRecord(from).keys).map(([kind, found]) => [
      kind,
      found.versions.map(({ n, kid, state }) => [n, kid, state]),
    ]);
  expect(versions(folder)).toEqual(versions(keys));
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  const before = fingerprintOf(folder, { times: true });
  expect((await warm.run(['init', '--dir', folder])).stdout).toContain('Nothing to do');
  expect(fingerprintOf(folder, { times: true })).toEqual(before);
}

describe('restore', () => {
  it('brings an installation back from the file alone: every key, every state; init finds nothing to do', async () => {
    const folder = newPath();
    const { stdout } = await runWell(['restore', backup, '--dir', folder, '--identity', pair.identity]);
    expect(stdout).toContain('9 created; what workloads mount: 11 created');
    await expectBack(folder);
  });

  it('reads the file from a pipe', async () => {
    const folder = newPath();
    const through = ['sh', '-c', 'cat "$0" | "$@"', backup];
    const outcome = await run(['restore', '-', '--dir', folder, '--identity', pair.identity], { through });
    expect(outcome.code, outcome.stderr).toBe(0);
    await expectBack(folder);
  });

  it('rehearsed makes no folder and changes none', async () => {
    const folder = newPath();
    const damaged = copyOf(keys);
    rmSync(pathOf(damaged, SALT));
    const before = fingerprintOf(damaged, { times: true });
    for (const flag of ['--verify', '--dry-run']) {
      for (const into of [folder, damaged]) {
        const argv = ['restore', backup, '--dir', into, '--identity', pair.identity, flag, '-o', 'json'];
        const { stdout } = await warm.run(argv);
        expect(JSON.parse(stdout)).toMatchObject({ kind: 'RestoreResult', verified: true, written: false });
      }
    }
    expect(existsSync(folder)).toBe(false);
    expect(fingerprintOf(damaged, { times: true })).toEqual(before);
  });

  it.each<readonly [string, (folder: string) => void]>([
    ['a key', (folder) => rmSync(pathOf(folder, SALT))],
    ['the ledger', (folder) => rmSync(path.join(folder, LEDGER), { recursive: true })],
    ['the record', (folder) => rmSync(pathOf(folder, RECORD))],
    ['the platform', (folder) => rmSync(path.join(folder, PLATFORM), { recursive: true })],
    [
      'all but the record',
      (folder) => {
        rmSync(ledgerOf(folder), { recursive: true });
        rmSync(path.join(folder, PLATFORM), { recursive: true });
      },
    ],
  ])('brings back %s, and leaves what is there as it is', async (_, harm) => {
    const folder = copyOf(keys);
    harm(folder);
    const before = fingerprintOf(folder, { times: true });
    const outcome = await warm.run(['restore', backup, '--dir', folder, '--identity', pair.identity]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const after = fingerprintOf(folder, { times: true });
    const secrets = Object.keys(before).filter((name) => name.includes('/secrets/') && name.endsWith('.yaml'));
    for (const name of secrets) expect(after[name], name).toBe(before[name]);
    await expectBack(folder);
  });

  it('into a complete installation writes nothing at all', async () => {
    const folder = copyOf(keys);
    const before = fingerprintOf(folder, { times: true });
    await runWell(['restore', backup, '--dir', folder, '--identity', pair.identity]);
    const { '.': ignored, ...after } = fingerprintOf(folder, { times: true });
    const { '.': old, ...was } = before;
    expect(after).toEqual(was);
  });
});

describe('what is refused leaves the folder byte for byte as it was', () => {
  /** A folder that lacks a key, so that there would be something to do. */
  let damaged = '';
  let before: Readonly<Record<string, string>> = {};

  beforeAll(() => {
    damaged = copyOf(keys);
    rmSync(pathOf(damaged, SALT));
    before = fingerprintOf(damaged, { times: true });
  });

  async function expectRefused(file: string, code: number, flags = ['--identity', pair.identity]): Promise<string> {
    const fresh = newPath();
    let said = '';
    for (const folder of [damaged, fresh]) {
      const outcome = await warm.run(['restore', file, '--dir', folder, ...flags, '--yes']);
      expect(outcome.code, outcome.stderr).toBe(code);
      expect(outcome.stdout).toBe('');
      expect(outcome.stderr).toMatch(/^palette-keys: error: .*\n(.*\n)*palette-keys: hint: ./);
      said = outcome.stderr;
    }
    expect(existsSync(fresh)).toBe(false);
    expect(fingerprintOf(damaged, { times: true })).toEqual(before);
    return said;
  }

  it('a byte that is another one, at hundreds of positions', async () => {
    const bytes = readFileSync(backup);
    const file = newPath('flipped.age');
    const header = bytes.indexOf('\n---') + 60;
    for (let n = 0; n < 150; n++) {
      const at = n < 50 ? randomInt(header) : randomInt(bytes.length);
      const flip = 1 + randomInt(255);
      writeFileSync(
        file,
        bytes.map((byte, position) => (position === at ? byte ^ flip : byte)),
      );
      const { code, stderr } = await warm.run([
        'restore',
        file,
        '--dir',
        damaged,
        '--identity',
        pair.identity,
        '--yes',
      ]);
      expect(code, `byte ${at} ^ ${flip}: ${stderr}`).toBe(4);
    }
    expect(fingerprintOf(damaged, { times: true })).toEqual(before);
  });

  it('a file that is cut off, wherever', async () => {
    const bytes = readFileSync(backup);
    for (const length of [0, 1, 22, 100, 300, bytes.length >> 1, bytes.length - 17, bytes.length - 1]) {
      const file = newPath('cut.age');
      writeFileSync(file, bytes.subarray(0, length));
      await expectRefused(file, 4);
    }
  });

  it('the wrong key, and a passphrase for a file that has none', async () => {
    const stranger = await keyPair();
    const said = await expectRefused(backup, 4, ['--identity', stranger.identity]);
    expect(said).not.toContain(stranger.secret);
    await expectRefused(backup, 4, ['--passphrase-file', fileWith('correct horse\n', 'pass')]);
  });

  it('the wrong passphrase', async () => {
    const file = newPath('b.age');
    writeFileSync(file, await withPassphrase(backup, pair, 'correct horse'));
    const said = await expectRefused(file, 4, ['--passphrase-file', fileWith('wrong horse\n', 'pass')]);
    expect(said).not.toContain('horse');
    const right = ['--passphrase-file', fileWith('correct horse\n', 'pass'), '--verify'];
    expect(await warm.run(['restore', file, '--dir', newPath(), ...right])).toMatchObject({ code: 0 });
  });

  it('a backup of another installation', async () => {
    const other = await install();
    const said = await warm.run([
      'restore',
      await backUp(other, pair),
      '--dir',
      keys,
      '--identity',
      pair.identity,
      '--yes',
    ]);
    expect(said.code, said.stderr).toBe(5);
    for (const folder of [keys, other]) expect(said.stderr).toContain(readRecord(folder).installationId);
  });

  it('a different key under the same name: both are named', async () => {
    const folder = copyOf(keys);
    editEntries(folder, SALT, () => readObject(other, SALT).data);
    const was = fingerprintOf(folder, { times: true });
    const outcome = await warm.run(['restore', backup, '--dir', folder, '--identity', pair.identity, '--yes']);
    expect(outcome.code, outcome.stderr).toBe(5);
    const kids = [keys, other].map((one) => readRecord(one).keys['hash-salt']?.versions[0]?.kid);
    for (const named of [...kids, SALT]) expect(outcome.stderr).toContain(named);
    expect(fingerprintOf(folder, { times: true })).toEqual(was);
  });

  it('a key of another installation in the ledger', async () => {
    const folder = copyOf(keys);
    copyFileSync(pathOf(other, SALT), pathOf(folder, SALT));
    const was = fingerprintOf(folder, { times: true });
    const outcome = await warm.run(['restore', backup, '--dir', folder, '--identity', pair.identity, '--yes']);
    expect(outcome.code, outcome.stderr).toBe(5);
    for (const named of [readRecord(other).installationId, SALT]) expect(outcome.stderr).toContain(named);
    expect(fingerprintOf(folder, { times: true })).toEqual(was);
  });

  it('a folder that holds other things', async () => {
    const folder = path.dirname(fileWith('theirs', 'notes.txt'));
    const outcome = await restoreInto(folder, backup, pair);
    expect([2, 5], outcome.stderr).toContain(outcome.code);
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });
});

describe('at once', { timeout: 60_000 }, () => {
  function expectDoneOrTurnedAway(outcomes: readonly Outcome[]): void {
    expect(
      outcomes.some(({ code }) => code === 0),
      outcomes.map(({ stderr }) => stderr).join('\n'),
    ).toBe(true);
    for (const { code, stderr } of outcomes) expect([0, 1, 5], stderr).toContain(code);
  }

  it('four restores make one set of keys: that of the backup', async () => {
    const folder = newPath();
    expectDoneOrTurnedAway(await Promise.all(Array.from({ length: 4 }, () => restoreInto(folder, backup, pair))));
    await expectBack(folder);
  });

  it('a restore beside runs of init makes one set of keys, and whoever says done has what is there', async () => {
    const folder = newPath();
    const init = () => run(['init', '--dir', folder, '--config', specFile(SMALL)]);
    const [restored, ...others] = await Promise.all([restoreInto(folder, backup, pair), init(), init()]);
    expectDoneOrTurnedAway([restored, ...others]);
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
    if (restored.code === 0) await expectBack(folder);
    else expect(readRecord(folder).installationId).not.toBe(readRecord(keys).installationId);
  });
});

it('killed at a random moment, once of each command: no half of a file, no half of an installation', {
  timeout: 60_000,
}, async () => {
  await backupRound(keys, backup, pair);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it with its exit code; a re-run completes', async (signal, exit) => {
  const folder = newPath();
  const running = start(['restore', backup, '--dir', folder, '--identity', pair.identity]);
  while (!existsSync(path.join(folder, '.lock')) && running.child.exitCode === null) await new Promise(setImmediate);
  running.kill(signal);
  const outcome = await running.outcome;
  expect([0, exit], outcome.stderr).toContain(outcome.code);
  await runWell(['restore', backup, '--dir', folder, '--identity', pair.identity]);
  await expectBack(folder);
});
