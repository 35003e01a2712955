import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { copyOf, newPath, run, runWell, start } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { type KeyPair, ledgerFiles, restoreInto } from './backups.ts';
import { compareLedger, wait } from './kill-rounds.ts';
import { verifyInstallation } from './store.ts';

const randomInt = chance('backup-rounds');

/** A backup or a restore of this takes about so long; kills are spread over it. */
const LIFE_MS = 900;

/** Kills a command at a random moment; half of the kills wait for a file to be there first. */
async function killed(args: readonly string[], folder: string): Promise<void> {
  const victim = start(args);
  let ended = false;
  victim.child.on('close', () => {
    ended = true;
  });
  const count = (): number => (existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0);
  if (randomInt(2) === 0) await wait(randomInt(LIFE_MS));
  else for (const files = count() + 1 + randomInt(24); !ended && count() < files; ) await wait(0);
  victim.kill('SIGKILL');
  const { code, stderr } = await victim.outcome;
  expect([null, 0], stderr).toContain(code);
}

/**
 * Kills a backup, a restore into nothing, and a first init with an escrow, each at a random moment: a file is whole or
 * absent, and a second run converges.
 */
export async function backupRound(keys: string, backup: string, pair: KeyPair): Promise<void> {
  await killBackup(keys, pair);
  await killRestore(keys, backup, pair);
  await killEscrow(pair);
}

async function killBackup(keys: string, pair: KeyPair): Promise<void> {
  const folder = copyOf(keys);
  const file = newPath('b.age');
  const before = ledgerFiles(folder);
  const args = ['backup', '--dir', folder, '--out', file, '--recipient', pair.recipient];
  await killed(args, path.dirname(file));
  if (existsSync(file)) expect((await restoreInto(newPath(), file, pair, '--verify')).code).toBe(0);
  const names = readdirSync(path.dirname(file)).filter((name) => name !== 'b.age');
  for (const name of names) expect(name).toMatch(/^\.b\.age\..*\.tmp$|^b\.age\.pending$/);
  await runWell(args);
  expect(existsSync(file)).toBe(true);
  expect(existsSync(`${file}.pending`)).toBe(false);
  expect(ledgerFiles(folder)).toEqual(before);
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
}

async function killRestore(keys: string, backup: string, pair: KeyPair): Promise<void> {
  const folder = newPath();
  const args = ['restore', backup, '--dir', folder, '--identity', pair.identity];
  await killed(args, folder);
  const seen = new Map<string, string>();
  compareLedger(folder, seen);
  await runWell(args);
  compareLedger(folder, seen);
  expect(ledgerFiles(folder)).toEqual(ledgerFiles(keys));
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
}

async function killEscrow(pair: KeyPair): Promise<void> {
  const folder = newPath();
  const file = newPath('escrow.age');
  const args = ['init', '--dir', folder, '--escrow', pair.recipient, '--escrow-file', file];
  await killed(args, folder);
  const seen = new Map<string, string>();
  compareLedger(folder, seen);
  const { code, stderr } = await run(args);
  expect(code, stderr).toBe(0);
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  expect(readdirSync(path.dirname(file)).filter((name) => !name.startsWith('.'))).toEqual(['escrow.age']);
  const into = newPath();
  await runWell(['restore', file, '--dir', into, '--identity', pair.identity]);
  expect(ledgerFiles(into)).toEqual(ledgerFiles(folder));
  // What a killed run has stored is there still; that the first root key has another digest to note is no change.
  const names = [...seen.keys()].filter((name) => !name.endsWith('root-key-v1.yaml'));
  const now = new Map<string, string>();
  compareLedger(folder, now);
  for (const name of names) expect(now.get(name)).toBe(seen.get(name));
}
