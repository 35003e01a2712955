// Covers: src/cli/csr/, src/front-door/request.ts

/** A request and its key through kills, backups and restorations, also of a store that 0.1.0 made. */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, newPath, run, runWell, start } from '../../support/program.ts';
import { backUp, type KeyPair, keyPair, ledgerOf, restoreInto } from './backups.ts';
import { Pki, storedPair, WITH_DOMAIN } from './import-bed.ts';
import { wait } from './kill-rounds.ts';
import { install, readRecord } from './store.ts';
import { haveTools } from './tools.ts';

const OLD = fileURLToPath(new URL('../../fixtures/installations/0.1.0', import.meta.url));

/** Git keeps no modes. */
function oldStore(): string {
  const folder = newPath();
  cpSync(path.join(OLD, 'csr'), folder, { recursive: true });
  for (const entry of ['.', ...(readdirSync(folder, { recursive: true }) as string[])]) {
    chmodSync(path.join(folder, entry), entry.endsWith('.yaml') || entry.endsWith('.gitignore') ? 0o600 : 0o700);
  }
  return folder;
}

const versionsOf = (folder: string) => readRecord(folder).keys['fqdn-key']?.versions ?? [];
const entriesOf = (folder: string) => readdirSync(ledgerOf(folder)).filter((name) => name.includes('fqdn-key'));

describe.skipIf(!haveTools('openssl'))('csr', { timeout: 120_000 }, () => {
  let fresh = '';
  let pair: KeyPair;
  beforeAll(async () => {
    [fresh, pair] = await Promise.all([install(WITH_DOMAIN), keyPair()]);
  });

  it.each([
    ['as it is', []],
    ['after init has migrated it', ['init', '--yes', '-q']],
  ])(
    'a store of 0.1.0 with an open request, %s, is backed up, restored, and gives the same request',
    async (_, before) => {
      const folder = oldStore();
      if (before.length > 0) await runWell([...before, '--dir', folder]);
      const again = newPath();
      const { code, stderr } = await restoreInto(again, await backUp(folder, pair), pair);
      expect(code, stderr).toBe(0);
      for (const name of entriesOf(folder)) {
        const data = (place: string) => readFileSync(path.join(ledgerOf(place), name), 'utf8').split('\ndata:\n')[1];
        expect(data(again)).toBe(data(folder));
      }
      const { stdout } = await runWell(['csr', '--dir', again, '--fqdn', 'palette.example.com', '-q']);
      expect(stdout).toBe(readFileSync(path.join(OLD, 'request.csr'), 'utf8'));
    },
  );

  it('the answer to a request is imported into what was restored from a backup of its key', async () => {
    const pki = new Pki();
    const folder = copyOf(fresh);
    const { stdout } = await runWell(['csr', '--dir', folder, '--wildcard', '-q']);
    const again = newPath();
    expect((await restoreInto(again, await backUp(folder, pair), pair)).code).toBe(0);
    const answer = pki.file(readFileSync(pki.answer(stdout), 'utf8') + pki.intermediate.pem);
    await runWell(['import-cert', '--dir', again, '--cert', answer, '--ca', pki.ca, '--yes']);
    expect(storedPair(again)).toBeDefined();
    expect((await run(['init', '--dir', folder, '--adopt', '--yes'])).stdout).toContain('Nothing to do');
    await backUp(again, pair);
  });

  it('killed at any moment and given again makes one version, one file, and exit code 0', async () => {
    for (const patience of [0, 1, 2, 3, 4, 5]) {
      const folder = copyOf(fresh);
      const out = newPath('palette.csr');
      const args = ['csr', '--dir', folder, '--key-type', 'p-256', '--out', out];
      const victim = start(args);
      let ended = false;
      victim.child.on('close', () => {
        ended = true;
      });
      // The first kills come as soon as the key is in the ledger, the later ones in what follows.
      while (!ended && entriesOf(folder).length === 0) await wait(0);
      await wait(patience * 10);
      victim.kill('SIGKILL');
      await victim.outcome;
      const { code, stderr } = await run([...args, '-o', 'json']);
      expect(code, stderr).toBe(0);
      expect([versionsOf(folder).length, entriesOf(folder).length, existsSync(out)]).toEqual([1, 1, true]);
    }
  });
});
