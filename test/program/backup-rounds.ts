import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { copyOf, fingerprintOf, newPath, run, runWell, start } from '../support/program.ts';
import { chance } from '../support/seed.ts';
import { type KeyPair, ledgerOf, restoreInto } from './backups.ts';
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
  const before = fingerprintOf(ledgerOf(folder));
  await killed(['backup', '--dir', folder, '--out', file, '--recipient', pair.recipient], path.dirname(file));
  if (existsSync(file)) expect((await restoreInto(newPath(), file, pair, '--verify')).code).toBe(0);
  const names = readdirSync(path.dirname(file)).filter((name) => name !== 'b.age');
  for (const name of names) expect(name).toMatch(/^\.b\.age\..*\.tmp$/);
  await runWell(['backup', '--dir', folder, '--out', newPath('again.age'), '--recipient', pair.recipient]);
  expect(fingerprintOf(ledgerOf(folder))).toEqual(before);
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
  expect(fingerprintOf(ledgerOf(folder))).toEqual(fingerprintOf(ledgerOf(keys)));
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
}

async function killEscrow(pair: KeyPair): Promise<void> {
  const folder = newPath();
  const file = newPath('escrow.age');
  await killed(['init', '--dir', folder, '--escrow', pair.recipient, '--escrow-file', file], folder);
  const seen = new Map<string, string>();
  compareLedger(folder, seen);
  if (seen.size > 0) {
    const into = newPath();
    await runWell(['restore', file, '--dir', into, '--identity', pair.identity]);
    const held = new Map<string, string>();
    compareLedger(into, held);
    for (const [name, text] of seen) expect(held.get(name), `${name} is in the store, but not in the file`).toBe(text);
  }
  const { code, stderr } = await run(['init', '--dir', folder]);
  expect(code, stderr).toBe(0);
  compareLedger(folder, seen);
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
}
