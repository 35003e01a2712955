import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { LeakFinder } from '../../support/canary.ts';
import { copyOf, fileWith, newFolder, newPath, type Outcome, script, start } from '../../support/program.ts';
import { type KeyPair, keyPair, ledgerOf } from './backups.ts';
import { wait } from './kill-rounds.ts';
import { editEntries, LEDGER, pathOf, readObject, SMALL, specFile } from './store.ts';
import { haveTools } from './tools.ts';

const CANARY_MAIN = script(new URL('../../support/canary-main.ts', import.meta.url));
const PASSPHRASE = 'kelp-otter-mango-quartz-violin';
const SALT = `Secret/${LEDGER}/palette-key-hash-salt-v1`;

const finder = new LeakFinder();
finder.addCanaries();

let keys = '';
let pair: KeyPair;
let backup = '';

beforeAll(async () => {
  pair = await keyPair();
  finder.add('the identity', Buffer.from(pair.secret.slice('AGE-SECRET-KEY-1'.length)));
  finder.add('the passphrase', Buffer.from(PASSPHRASE));
  keys = newPath();
  const spec = specFile({ ...SMALL, jwt: { algorithm: 'HS256' } });
  await watched(['init', '--dir', keys, '--config', spec, '-q']);
  addPrivateKeys(keys);
  backup = newPath('b.age');
  await watched(['backup', '--dir', copyOf(keys), '--out', backup, '--recipient', pair.recipient]);
});

/** Whatever form a private key leaves in, its private members are part of it. */
function addPrivateKeys(folder: string): void {
  for (const name of readdirSync(ledgerOf(folder))) {
    const { data } = readObject(folder, `Secret/${LEDGER}/${path.basename(name, '.yaml')}`);
    const pem = data['key.pem']?.toString();
    if (pem === undefined) continue;
    const { d, p, q, dp, dq, qi } = createPrivateKey(pem).export({ format: 'jwk' });
    for (const member of [d, p, q, dp, dq, qi]) finder.add(name, Buffer.from(member ?? '', 'base64url'));
  }
}

function filesIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  return names.filter((name) => statSync(name).isFile());
}

/** Runs the program, and looks for keys in what it says, in what /proc shows of it, and around it. */
async function watched(args: readonly string[], through: readonly string[] = []): Promise<Outcome> {
  const outside = { cwd: newFolder(), TMPDIR: newFolder(), HOME: newFolder() };
  const running = start(args, { program: CANARY_MAIN, through, cwd: outside.cwd, env: outside });
  const shown = new Set<string>();
  let ended = false;
  const watching = (async () => {
    for (; !ended; await wait(10)) {
      for (const file of ['cmdline', 'environ']) shown.add(readIfThere(`/proc/${running.pid}/${file}`));
    }
  })();
  const outcome = await running.outcome;
  ended = true;
  await watching;
  for (const text of [outcome.stdout, outcome.stderr, [...shown].join('\n')]) expect(finder.leaksIn(text)).toEqual([]);
  for (const folder of Object.values(outside)) {
    for (const file of filesIn(folder)) expect(finder.leaksIn(readFileSync(file)), file).toEqual([]);
  }
  return outcome;
}

/** A manifest holds PEM in base64, which is base64 in base64. */
function leaksDeep(text: string): readonly string[] {
  const inner = text.match(/[A-Za-z0-9+/]{60,}={0,2}/g) ?? [];
  return [text, ...inner.map((run) => Buffer.from(run, 'base64').toString('latin1'))].flatMap((part) =>
    finder.leaksIn(part),
  );
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

describe('the keys of these tests', () => {
  it('are found where they are', () => {
    for (const kind of [
      'root-key',
      'hash-salt',
      'jwt-signing-key',
      'internal-ca',
      'message-bus-operator',
      'mongodb-auth',
    ]) {
      const { data } = readObject(keys, `Secret/${LEDGER}/palette-key-${kind}-v1`);
      expect(finder.leaksIn(data['key'] ?? data['key.pem'] ?? data['keyfile'] ?? ''), kind).not.toEqual([]);
    }
    expect(finder.leaksIn(readFileSync(pair.identity))).toEqual(['the identity (raw)']);
  });

  it('show nowhere in a backup, in the record that notes it, and in the audit log', async () => {
    const folder = copyOf(keys);
    const file = newPath('b.age');
    await watched(['backup', '--dir', folder, '--out', file, '--recipient', pair.recipient]);
    expect(finder.leaksIn(readFileSync(file))).toEqual([]);
    for (const config of filesIn(path.join(folder, LEDGER, 'configmaps'))) {
      expect(finder.leaksIn(readFileSync(config)), config).toEqual([]);
    }
  });
});

describe('no key shows in what is said of', () => {
  it.each(['-v', '-o json', '-o yaml', '--dry-run'])('a backup with %s', async (flags) => {
    const args = ['backup', '--dir', copyOf(keys), '--out', newPath('b.age'), '--recipient', pair.recipient];
    expect(await watched([...args, ...flags.split(' ')])).toMatchObject({ code: 0 });
  });

  it.each(['-v', '-o json', '--verify -v'])('a restore with %s', async (flags) => {
    const args = ['restore', backup, '--dir', newPath(), '--identity', pair.identity];
    expect(await watched([...args, ...flags.split(' ')])).toMatchObject({ code: 0 });
  });

  it('a restore that is refused for a key that was mixed up with its kid', async () => {
    const folder = copyOf(keys);
    editEntries(folder, SALT, ({ key, ...rest }) => ({ ...rest, kid: key }));
    const args = ['restore', backup, '--dir', folder, '--identity', pair.identity, '-v', '-o', 'json'];
    expect(await watched(args)).toMatchObject({ code: 5 });
  });

  it('a restore with the wrong file for its identity', async () => {
    const recipients = fileWith(`${pair.recipient}\n`, 'recipients.txt');
    const args = ['restore', backup, '--dir', newPath(), '--identity'];
    expect(await watched([...args, recipients])).toMatchObject({ code: 2 });
    const cut = fileWith(`${pair.secret.slice(0, -3)}\n`, 'cut.key');
    expect(await watched([...args, cut])).toMatchObject({ code: 2 });
  });

  it('a backup with the identity in the place of the recipients', async () => {
    const args = ['backup', '--dir', copyOf(keys), '--out', newPath('b.age'), '-R', pair.identity];
    expect(await watched(args)).toMatchObject({ code: 2 });
  });

  it('a restore of a damaged file', async () => {
    const cut = newPath('cut.age');
    writeFileSync(cut, readFileSync(backup).subarray(0, 2000));
    const args = ['restore', cut, '--dir', newPath(), '--identity', pair.identity, '-v'];
    expect(await watched(args)).toMatchObject({ code: 4 });
  });
});

describe.skipIf(!haveTools('strace'))('what is written to any file at any time', () => {
  /** Every write of a run under strace that holds a part of a key: where to, and whose. */
  async function leakingWrites(args: readonly string[]): Promise<readonly string[]> {
    const log = path.join(newFolder(), 'strace.log');
    const calls =
      'trace=execve,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,rename,renameat2';
    const outcome = await watched(args, [
      'strace',
      '-f',
      '-qq',
      '-y',
      '-xx',
      '-s',
      '4000000',
      '-e',
      'signal=none',
      '-e',
      calls,
      '-o',
      log,
    ]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const lines = readFileSync(log, 'latin1').split('\n');
    expect(lines.filter((line) => / p?write(64)?\(/.test(line)).length).toBeGreaterThan(3);
    const leaks = lines.flatMap((line) => {
      const text = Buffer.from(
        (line.match(/\\x[0-9a-f]{2}/g) ?? []).map((byte) => Number.parseInt(byte.slice(2), 16)),
      ).toString('latin1');
      // strace shows the path of a descriptor in hex too, with -xx.
      const place = /<([^>]*)>/
        .exec(line)?.[1]
        ?.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
      return leaksDeep(text).length > 0 ? [place ?? line.slice(0, 60)] : [];
    });
    return [...new Set(leaks)];
  }

  it('by a backup holds no part of a key', async () => {
    const folder = copyOf(keys);
    const args = ['backup', '--dir', folder, '--out', newPath('b.age'), '--recipient', pair.recipient];
    expect(await leakingWrites(args)).toEqual([]);
  });

  it('by a backup to a pipe holds no part of a key', async () => {
    const args = ['backup', '--dir', copyOf(keys), '--out', '-', '--recipient', pair.recipient];
    expect(await leakingWrites(args)).toEqual([]);
  });

  it('by a rehearsed restore holds no part of a key', async () => {
    const args = ['restore', backup, '--dir', newPath(), '--identity', pair.identity, '--verify', '-q', '-o', 'json'];
    expect(await leakingWrites(args)).toEqual([]);
  });

  it('by a restore holds keys in the Secrets of the store alone', async () => {
    const folder = newPath();
    const places = await leakingWrites(['restore', backup, '--dir', folder, '--identity', pair.identity]);
    expect(places.length).toBeGreaterThan(9);
    for (const place of places) expect(path.relative(folder, place)).toMatch(/^[a-z-]+\/secrets\/[^/]+$/);
  });

  it('by init with an escrow holds keys in the Secrets of the store alone, all after the file', async () => {
    const folder = newPath();
    const file = newPath('e.age');
    const spec = specFile({ ...SMALL, jwt: { algorithm: 'HS256' } });
    const log = path.join(newFolder(), 'strace.log');
    const through = [
      'strace',
      '-f',
      '-qq',
      '-e',
      'signal=none',
      '-e',
      'trace=link,linkat,openat,fsync,fdatasync',
      '-o',
      log,
    ];
    const args = ['init', '--dir', folder, '--config', spec, '--escrow', pair.recipient, '--escrow-file', file];
    expect(await watched(args, through)).toMatchObject({ code: 0 });
    const lines = readFileSync(log, 'latin1').split('\n');
    // It gets its own name later, when the record holds its digest.
    const published = lines.findIndex((line) => /\blink(at)?\(.*"[^"]*e\.age\.pending"/.test(line));
    const read = lines.findIndex((line) => /openat\(.*\.e\.age\.[^"]*", O_RDONLY/.test(line));
    const firstObject = lines.findIndex((line) => line.includes(`${LEDGER}/secrets/`) && line.includes('palette-key-'));
    expect(read).toBeGreaterThan(0);
    expect(published).toBeGreaterThan(read);
    expect(firstObject).toBeGreaterThan(published);
    expect(
      lines
        .slice(0, published)
        .filter((line) => line.includes(`${folder}/`) && /O_CREAT/.test(line))
        .join('\n'),
    ).not.toMatch(/\/(secrets|configmaps)\//);
    expect(readdirSync(path.dirname(file))).toEqual(['e.age']);
    expect(statSync(pathOf(folder, SALT)).size).toBeGreaterThan(0);
  });
});
