import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { newPath, type Running, run, start } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { LEDGER, SMALL, specFile, verifyInstallation } from './store.ts';

const randomInt = chance('kill-rounds');

/** An `init` of this takes about so long; kills are spread over it. */
const LIFE_MS = 1500;

/**
 * Kills `init` at a random moment, of a first run and of a change, and then lets it finish: it has to converge, and no key
 * that was ever in the ledger may be gone or another. Half of the kills wait for a number of files, so that the quick steps, between
 * the slow ones that make keys, are hit too.
 */
export async function killRound(): Promise<void> {
  const folder = newPath();
  const seen = new Map<string, string>();
  const first = ['init', '--dir', folder, '--config', specFile()];
  const services = [{ name: 'auth', dnsNames: ['more.example.org'] }, { name: 'user' }];
  const second = [
    'init',
    '--yes',
    '--dir',
    folder,
    '--config',
    specFile({ ...SMALL, serviceCertificates: { services } }),
  ];
  for (const args of [first, second]) {
    const victim = start(args);
    await killSomewhen(victim, folder);
    const killed = await victim.outcome;
    expect([null, 0], killed.stderr).toContain(killed.code);
    compareLedger(folder, seen);
    const status = await run(['status', '--dir', folder]);
    expect([0, 1, 3], status.stderr).toContain(status.code);
    const { code, stderr } = await run(args);
    expect(code, stderr).toBe(0);
    compareLedger(folder, seen);
    // Killed when all was done, the first run leaves its lock, and the second one has nothing to take it for.
    rmSync(path.join(folder, '.lock'), { force: true });
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  }
}

async function killSomewhen(running: Running, folder: string): Promise<void> {
  if (randomInt(2) === 0) {
    await wait(randomInt(LIFE_MS));
    running.kill('SIGKILL');
    return;
  }
  const before = countFiles(folder);
  const files = before + randomInt(25);
  let ended = false;
  running.child.on('close', () => {
    ended = true;
  });
  while (!ended && countFiles(folder) < files) await wait(0);
  running.kill('SIGKILL');
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function countFiles(folder: string): number {
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0;
}

/** Every Secret of the ledger that was seen once is still there with the same bytes; new ones are noted. */
export function compareLedger(folder: string, seen: Map<string, string>): void {
  const secrets = path.join(folder, LEDGER, 'secrets');
  const names = existsSync(secrets) ? readdirSync(secrets).filter((name) => name.endsWith('.yaml')) : [];
  for (const name of names) {
    const text = readFileSync(path.join(secrets, name), 'utf8');
    expect(text, `${name} was changed`).toBe(seen.get(name) ?? text);
    seen.set(name, text);
  }
  for (const name of seen.keys()) expect(names, `${name} was lost`).toContain(name);
}
