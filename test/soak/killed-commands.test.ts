import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { backUp, type KeyPair, keyPair } from '../scenarios/program/backups.ts';
import { FQDN, Pki, WITH_DOMAIN } from '../scenarios/program/import-bed.ts';
import { wait } from '../scenarios/program/kill-rounds.ts';
import { install, specFile, verifyInstallation } from '../scenarios/program/store.ts';
import { copyOf, newPath, run, script, start } from '../support/program.ts';
import { chance } from '../support/seed.ts';

const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);
const rounds = Number(process.env['SOAK_ROUNDS'] ?? 200);
const randomInt = chance('killed-commands');

/** A command takes about so long; kills are spread over it. */
const LIFE_MS = 1200;

/** A command, and the folder that it begins with; undefined is none. Files that it makes go beside its folder. */
interface Scenario {
  readonly from: string | undefined;
  /** True where it writes the Secret of the ingress, which the independent check does not know. */
  readonly writesIngress?: true;
  argv(folder: string): readonly string[];
}

const beside = (folder: string, name: string): string => path.join(path.dirname(folder), name);

function scenarios(made: string, backup: string, pair: KeyPair, pki: Pki): Readonly<Record<string, Scenario>> {
  const rotate = (...args: string[]): Scenario => ({
    from: made,
    argv: (folder) => ['rotate', ...args, '--yes', '--dir', folder],
  });
  const spec = specFile(WITH_DOMAIN);
  const escrow = (folder: string) => ['--escrow', pair.recipient, '--escrow-file', beside(folder, 'escrow.age')];
  const importing = ['import-cert', '--cert', pki.chain, '--key', pki.key, '--ca', pki.ca, '--yes'];
  return {
    init: { from: undefined, argv: (folder) => ['init', '--config', spec, '--dir', folder] },
    'init --escrow': {
      from: undefined,
      argv: (folder) => ['init', '--config', spec, '--dir', folder, ...escrow(folder)],
    },
    csr: { from: made, argv: (folder) => ['csr', '--fqdn', FQDN, '--out', beside(folder, 'r.csr'), '--dir', folder] },
    'import-cert': { from: made, writesIngress: true, argv: (folder) => [...importing, '--dir', folder] },
    backup: {
      from: made,
      argv: (folder) => ['backup', '--out', beside(folder, 'b.age'), '--recipient', pair.recipient, '--dir', folder],
    },
    restore: { from: undefined, argv: (folder) => ['restore', backup, '--identity', pair.identity, '--dir', folder] },
    'rotate jwt-signing-key': rotate('jwt-signing-key', '--again'),
    'rotate internal-ca': rotate('internal-ca', '--again'),
    'rotate root-key': rotate('root-key', '--again', '--no-tenant-store'),
    'rotate message-bus-operator': rotate('message-bus-operator', '--compromised'),
    'rotate jwt-signing-key --compromised': rotate('jwt-signing-key', '--compromised'),
    'rotate service-certificates': rotate('service-certificates', '--again'),
  };
}

interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
  readonly versions: unknown;
}

/** Runs the command until it ends by itself; the first time it is killed after so many milliseconds. */
async function outcomeOf({ from, writesIngress, argv }: Scenario, killAfter: number | undefined): Promise<Outcome> {
  const folder = from === undefined ? newPath() : copyOf(from);
  if (killAfter !== undefined) {
    const victim = start(argv(folder));
    await wait(killAfter);
    victim.kill('SIGKILL');
    const killed = await victim.outcome;
    if (killed.code !== null) return { ...killed, versions: versionsIn(folder) };
  }
  const { code, stderr } = await run(argv(folder));
  if (writesIngress !== true) {
    const { stdout } = await verifyInstallation(folder);
    // A second run that finds nothing to do takes no lock, so that of a run that was killed as it ended stays.
    const isDeadLock = killAfter !== undefined && stdout === '.lock: does not belong here\n';
    expect(isDeadLock ? 'everything fits\n' : stdout, stderr).toBe('everything fits\n');
  }
  return { code, stderr, versions: versionsIn(folder) };
}

function versionsIn(folder: string): unknown {
  if (!existsSync(folder)) return undefined;
  const [node = '', ...args] = script(new URL('../support/count-versions.mjs', import.meta.url));
  return JSON.parse(execFileSync(node, [...args, folder], { encoding: 'utf8' }));
}

it('a command that was killed and is given again ends like one that was not', {
  timeout: (seconds + 300) * 1000,
}, async () => {
  const end = performance.now() + seconds * 1000;
  const pki = new Pki();
  const pair = await keyPair();
  const made = await install(WITH_DOMAIN);
  const backup = await backUp(made, pair);
  const all = Object.entries(scenarios(made, backup, pair, pki));
  const undisturbed = new Map<string, Outcome>();
  for (const [name, scenario] of all) undisturbed.set(name, await outcomeOf(scenario, undefined));
  const faults: string[] = [];
  let done = 0;
  for (; done < rounds && performance.now() < end; done += 1) {
    const [name, scenario] = all[done % all.length] ?? [];
    if (name === undefined || scenario === undefined) throw new Error('there is no scenario');
    const after = randomInt(LIFE_MS);
    const { code, stderr, versions } = await outcomeOf(scenario, after);
    const expected = undisturbed.get(name);
    const same = JSON.stringify([code, versions]) === JSON.stringify([expected?.code, expected?.versions]);
    if (!same) faults.push(`${name}, killed after ${after} ms: ${code} ${JSON.stringify(versions)}\n${stderr}`);
  }
  process.stderr.write(`${done} rounds over ${all.length} commands\n`);
  expect(faults.join('\n')).toBe('');
  expect(done).toBeGreaterThan(0);
});
