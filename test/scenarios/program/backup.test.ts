// Covers: src/cli/backup/command.ts, src/cli/backup/run.ts, src/cli/render/keys.ts

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, fileWith, fingerprintOf, newFolder, newPath, PROGRAM, run, runWell } from '../../support/program.ts';
import { ageWithPassphrase, backUp, type KeyPair, keyPair, kubectlCreate, ledgerOf, restoreInto } from './backups.ts';
import { AUDIT, fileOf, install, LEDGER, RECORD, readObject, readRecord, verifyInstallation } from './store.ts';
import { haveTools, mayMount, smallDisk, tool } from './tools.ts';

const PASSPHRASE = 'correct-horse-battery-staple';

let keys = '';
let pair: KeyPair;
/** A backup of `keys` that was made of a copy: the record of `keys` knows of none. */
let backup = '';

beforeAll(async () => {
  [keys, pair] = await Promise.all([install(), keyPair()]);
  backup = await backUp(copyOf(keys), pair);
});

/** The List that `age` finds in a file. */
function decrypted(file: string, ...identity: string[]): string {
  return execFileSync('age', ['-d', ...identity, file], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

/** Data of every Secret of the ledger, by name, as the manifests in the folder have it. */
function ledgerData(folder: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const names = readdirSync(ledgerOf(folder)).map((name) => path.basename(name, '.yaml'));
  return Object.fromEntries(
    names.map((name) => {
      const { data } = readObject(folder, `Secret/${LEDGER}/${name}`);
      return [
        name,
        Object.fromEntries(Object.entries(data).map(([entry, bytes]) => [entry, bytes.toString('base64')])),
      ];
    }),
  );
}

async function isNagged(folder: string): Promise<boolean> {
  const { stdout } = await run(['status', '--dir', folder, '-o', 'json']);
  return JSON.parse(stdout).findings.some(({ code }: { code: string }) => code === 'ROOT_KEY_NOT_BACKED_UP');
}

describe('backup', () => {
  it('makes a file for its owner alone, notes it, and changes nothing but record and audit', async () => {
    const folder = copyOf(keys);
    const before = fingerprintOf(folder);
    const file = newPath('b.age');
    const { stdout, stderr } = await runWell(['backup', '--dir', folder, '--out', file, '--recipient', pair.recipient]);
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    expect(readdirSync(path.dirname(file))).toEqual(['b.age']);
    expect(stdout).toContain('9 keys');
    expect(stderr).toContain('two places');
    const after = fingerprintOf(folder);
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed.sort()).toEqual([fileOf(AUDIT), fileOf(RECORD)].sort());
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    const { keys: kinds } = readRecord(folder) as unknown as {
      keys: Record<string, { versions: { backups: unknown[] }[] }>;
    };
    expect(Object.keys(kinds)).toHaveLength(9);
    for (const { versions } of Object.values(kinds)) {
      expect(versions[0]?.backups).toMatchObject([{ file, sha256, recipients: [pair.recipient] }]);
    }
    expect(await isNagged(folder)).toBe(false);
    expect((await run(['init', '--dir', folder])).stdout).toContain('Nothing to do');
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  });

  it('with -o json says it in one document', async () => {
    const file = newPath('b.age');
    const { stdout } = await runWell([
      'backup',
      '--dir',
      copyOf(keys),
      '--out',
      file,
      '--recipient',
      pair.recipient,
      '-o',
      'json',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      apiVersion: 'palette-keys/v1',
      kind: 'BackupResult',
      file,
      verified: true,
    });
  });

  it('writes over nothing: exit code 2, and file and store stay as they were', async () => {
    const file = fileWith('theirs', 'b.age');
    const before = fingerprintOf(keys);
    const outcome = await run(['backup', '--dir', keys, '--out', file, '--recipient', pair.recipient]);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(readFileSync(file, 'utf8')).toBe('theirs');
    expect(fingerprintOf(keys)).toEqual(before);
  });

  it('with --dry-run writes nothing', async () => {
    const file = newPath('b.age');
    const before = fingerprintOf(keys, { times: true });
    await runWell(['backup', '--dir', keys, '--out', file, '--recipient', pair.recipient, '--dry-run']);
    expect(existsSync(file)).toBe(false);
    expect(fingerprintOf(keys, { times: true })).toEqual(before);
  });

  it('of a full disk leaves nothing there, and is not noted', { skip: !mayMount() }, async () => {
    const file = path.join(smallDisk(16), 'b.age');
    const before = fingerprintOf(keys);
    const outcome = await run(['backup', '--dir', keys, '--out', file, '--recipient', pair.recipient]);
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr).toContain('ENOSPC');
    expect(readdirSync(path.dirname(file))).toEqual([]);
    expect(fingerprintOf(keys)).toEqual(before);
  });

  it('to a pipe gives the file to whoever reads it', async () => {
    const folder = copyOf(keys);
    const file = newPath('b.age');
    const command = [...PROGRAM, 'backup', '--dir', folder, '--out', '-', '--recipient', pair.recipient].map(
      (word) => `'${word}'`,
    );
    execFileSync('sh', ['-c', `${command.join(' ')} | cat > ${file}`], { cwd: newFolder() });
    const into = newPath();
    expect(await restoreInto(into, file, pair)).toMatchObject({ code: 0 });
    expect(await isNagged(folder)).toBe(false);
  });

  it('to a pipe that nobody reads ends with exit code 1, and is not noted', async () => {
    const folder = copyOf(keys);
    const child = pipedFrom(folder, 'pipe');
    child.stdout?.destroy();
    await expectNotNoted(folder, child, 'EPIPE');
  });

  it('to a full device ends with exit code 1, and is not noted', async () => {
    const folder = copyOf(keys);
    const full = openSync('/dev/full', 'w');
    const child = pipedFrom(folder, full);
    closeSync(full);
    await expectNotNoted(folder, child, 'ENOSPC');
  });
});

/** A backup of the folder to a standard output of that kind. */
function pipedFrom(folder: string, stdout: 'pipe' | number): ChildProcess {
  const args = ['backup', '--dir', folder, '--out', '-', '--recipient', pair.recipient];
  const [command = '', ...words] = [...PROGRAM, ...args];
  return spawn(command, words, { stdio: ['ignore', stdout, 'pipe'], cwd: newFolder() });
}

async function expectNotNoted(folder: string, child: ChildProcess, says: string): Promise<void> {
  const said: Buffer[] = [];
  child.stderr?.on('data', (part: Buffer) => said.push(part));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code, Buffer.concat(said).toString()).toBe(1);
  expect(Buffer.concat(said).toString()).toMatch(
    new RegExp(`^palette-keys: error: .*standard output.*${says}.*\npalette-keys: hint: .`),
  );
  expect(await isNagged(folder)).toBe(true);
}

describe.skipIf(!haveTools('age'))('the age program', () => {
  it('opens what we write for a recipient: a List of the very objects of the ledger', () => {
    const list = JSON.parse(decrypted(backup, '-i', pair.identity));
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List' });
    const secrets = list.items.filter(({ kind }: { kind: string }) => kind === 'Secret');
    expect(
      Object.fromEntries(
        secrets.map(({ metadata, data }: { metadata: { name: string }; data: unknown }) => [metadata.name, data]),
      ),
    ).toEqual(ledgerData(keys));
  });

  it.skipIf(!haveTools('kubectl'))('gives kubectl a List that it creates as it is', async () => {
    const list = decrypted(backup, '-i', pair.identity);
    const created = await kubectlCreate(list);
    expect(created.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(
      JSON.parse(list).items.map(
        ({ kind, metadata }: { kind: string; metadata: { name: string } }) => `${kind} ${metadata.name}`,
      ),
    );
    const data = created.filter(({ kind }) => kind === 'Secret').map(({ metadata, data }) => [metadata.name, data]);
    expect(Object.fromEntries(data)).toEqual(ledgerData(keys));
  });

  it('opens what we write for several recipients and from a file of them, for each', async () => {
    const [second, third] = await Promise.all([keyPair(), keyPair()]);
    const list = fileWith(`# the vault\n${second.recipient}\n\n# the safe\n${third.recipient}\n`, 'recipients.txt');
    const file = newPath('b.age');
    await runWell(['backup', '--dir', copyOf(keys), '--out', file, '--recipient', pair.recipient, '-R', list]);
    for (const { identity } of [pair, second, third])
      expect(JSON.parse(decrypted(file, '-i', identity)).kind).toBe('List');
    expect(() => decrypted(file, '-i', fileWith('', 'none.key'))).toThrow();
  });

  // A try of a passphrase takes a second of a processor, and more of one that is shared.
  describe.skipIf(!haveTools('expect'))('at a terminal', { timeout: 60_000 }, () => {
    it('opens what we write with a passphrase', async () => {
      const file = newPath('b.age');
      const pass = fileWith(`${PASSPHRASE}\n`, 'pass');
      await runWell(['backup', '--dir', copyOf(keys), '--out', file, '--passphrase-file', pass]);
      const plain = newPath('list.json');
      ageWithPassphrase(['-d', '-o', plain, file], PASSPHRASE);
      expect(JSON.parse(readFileSync(plain, 'utf8')).kind).toBe('List');
    });

    it('writes with a passphrase what we open', async () => {
      const plain = fileWith(decrypted(backup, '-i', pair.identity), 'list.json');
      const [file, into] = [newPath('theirs.age'), newPath()];
      ageWithPassphrase(['-p', '-o', file, plain], PASSPHRASE);
      await runWell(['restore', file, '--dir', into, '--passphrase-file', fileWith(`${PASSPHRASE}\n`, 'pass')]);
      expect(ledgerData(into)).toEqual(ledgerData(keys));
    });
  });

  it('writes what we open, for one recipient, several, and a file of them with comments', async () => {
    const plain = fileWith(decrypted(backup, '-i', pair.identity), 'list.json');
    const other = await keyPair();
    const list = fileWith(`# the vault\n\n${other.recipient}\n# the safe\n${pair.recipient}\n`, 'recipients.txt');
    for (const recipients of [
      ['-r', pair.recipient],
      ['-r', other.recipient, '-r', pair.recipient],
      ['-R', list],
    ]) {
      const file = newPath('theirs.age');
      tool('age', [...recipients, '-o', file, plain]);
      const into = newPath();
      const outcome = await restoreInto(into, file, pair, '-q');
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(ledgerData(into)).toEqual(ledgerData(keys));
    }
  });

  it('agrees on what is damaged: neither opens a file with a byte that is another one', async () => {
    const bytes = readFileSync(backup);
    for (const at of [3, 40, 120, 200, bytes.length >> 1, bytes.length - 1]) {
      const file = newPath('damaged.age');
      writeFileSync(
        file,
        bytes.map((byte, n) => (n === at ? byte ^ 4 : byte)),
      );
      expect(tool('age', ['-d', '-i', pair.identity, '-o', newPath('x'), file]).code, `byte ${at}`).not.toBe(0);
      expect((await restoreInto(newPath(), file, pair)).code, `byte ${at}`).toBe(4);
    }
  });
});
