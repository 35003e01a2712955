/** The imported private key and its passphrase show nowhere but in Secrets of the store. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { LeakFinder } from '../../support/canary.ts';
import { type KeyName, privateKey } from '../../support/openssl-pki.ts';
import { copyOf, fileWith, newFolder, newPath, start } from '../../support/program.ts';
import { INGRESS, OTHER_KEY, Pki, pkcs8, WITH_DOMAIN } from './import-bed.ts';
import { wait } from './kill-rounds.ts';
import { install, LEDGER, pathOf, readObject } from './store.ts';
import { haveTools } from './tools.ts';

const PASSPHRASE = 'kelp-otter-mango-quartz';
const WRONG = 'rivet-walnut-ember-sloop';
const RSA: KeyName = 'rsa2048-3';

const finder = new LeakFinder();

function addKey(name: string, key = privateKey(name as KeyName)): void {
  const { d, p, q, dp, dq, qi } = key.export({ format: 'jwk' });
  for (const member of [d, p, q, dp, dq, qi]) finder.add(name, Buffer.from(member ?? '', 'base64url'));
}

const filesIn = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => path.join(folder, name))
        .filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile())
    : [];

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

describe.skipIf(!haveTools('openssl')).concurrent('an imported key and its passphrase', () => {
  const pki = new Pki();
  const { intermediate } = pki;
  const leaf = pki.server({ keyName: RSA });
  const key = pki.write('rsa.key', pkcs8(leaf));
  const chain = ['--cert', pki.file(leaf.pem + intermediate.pem), '--ca', pki.ca];
  const secret = fileWith(`${PASSPHRASE}\n`, 'right');
  const wrong = fileWith(`${WRONG}\n`, 'wrong');
  const made = (...args: string[]) => {
    const out = newPath('made');
    execFileSync('openssl', [...args, '-passout', `pass:${PASSPHRASE}`, '-out', out]);
    return out;
  };
  const pfx = made('pkcs12', '-export', '-inkey', key, '-in', leaf.file, '-certfile', intermediate.file);
  const encrypted = made('pkcs8', '-topk8', '-in', key);
  const damaged = (change: (text: string) => string) => pki.file(change(readFileSync(key, 'utf8')));
  let store = '';

  beforeAll(async () => {
    store = await install(WITH_DOMAIN);
    for (const name of [RSA, OTHER_KEY, 'p256-3']) addKey(name);
    finder.add('the passphrase', Buffer.from(PASSPHRASE));
    finder.add('the wrong passphrase', Buffer.from(WRONG));
  });

  it('are found where they are: this test can fail', () => {
    for (const file of [key, secret, wrong]) expect(finder.leaksIn(readFileSync(file)), file).not.toEqual([]);
    expect(finder.leaksIn(readFileSync(pki.chain))).toEqual([]);
  });

  /** Looks wherever the program could leave something; of Secrets, only what stands above their data may be read. */
  async function watched(args: readonly string[], exit: number, stdin = ''): Promise<string> {
    const folder = copyOf(store);
    const outside = { cwd: newFolder(), TMPDIR: newFolder(), HOME: newFolder() };
    const { cwd, ...env } = outside;
    const running = start([...args, '--dir', folder], { cwd, env, stdin });
    const shown = new Set<string>();
    let ended = false;
    const watching = (async () => {
      while (!ended) {
        for (const file of ['cmdline', 'environ', 'comm']) shown.add(readIfThere(`/proc/${running.pid}/${file}`));
        for (const place of Object.values(outside)) for (const file of filesIn(place)) shown.add(readIfThere(file));
        await wait(10);
      }
    })();
    const { code, stdout, stderr } = await running.outcome;
    ended = true;
    await watching;
    expect(code, stderr).toBe(exit);
    for (const place of Object.values(outside)) for (const file of filesIn(place)) shown.add(readIfThere(file));
    for (const file of filesIn(folder)) {
      const text = readFileSync(file, 'utf8');
      shown.add(file.includes('/secrets/') ? text.slice(0, text.search(/^data:/m)) : text);
    }
    for (const text of [stdout, stderr, ...shown]) expect(finder.leaksIn(text), text.slice(0, 200)).toEqual([]);
    return folder;
  }

  const RUNS: readonly (readonly [string, readonly string[], number])[] = [
    ['PKCS#12', ['--pfx', pfx, '--ca', pki.ca, '--passphrase-file', secret, '-v'], 0],
    ['an encrypted key, as JSON', [...chain, '--key', encrypted, '--passphrase-file', secret, '-o', 'json'], 0],
    ['a dry run, as YAML', [...chain, '--key', key, '--dry-run', '-v', '-o', 'yaml'], 0],
    ['a wrong passphrase', ['--pfx', pfx, '--ca', pki.ca, '--passphrase-file', wrong, '-v'], 4],
    ['no passphrase', [...chain, '--key', encrypted, '-v'], 2],
    ['a key of another certificate', [...chain, '--key', pki.file(pkcs8({ key: privateKey(OTHER_KEY) })), '-v'], 4],
    ['swapped files', ['--cert', key, '--key', pki.chain, '-v', '-o', 'json'], 4],
    ['a key cut off', [...chain, '--key', damaged((text) => text.slice(0, 900)), '-v'], 4],
    [
      'a key with a wrong character',
      [...chain, '--key', damaged((text) => text.replace(/\n(.{9})./, '\n$1*')), '-v'],
      4,
    ],
    [
      'a key with bytes swapped',
      [...chain, '--key', damaged((text) => text.replace(/(.{30})(.{30})\n/, '$2$1\n')), '-v'],
      4,
    ],
    ['a passphrase as file of the key', [...chain, '--key', secret, '-v'], 4],
    ['a key as file of the passphrase', ['--pfx', pfx, '--ca', pki.ca, '--passphrase-file', key, '-v'], 2],
  ];
  it.each(RUNS)('stay hidden: %s', async (_, flags, exit) => {
    const folder = await watched(['import-cert', ...flags], exit);
    const isStored = exit === 0 && !flags.includes('--dry-run');
    expect(existsSync(pathOf(folder, INGRESS))).toBe(isStored);
    if (isStored) expect(finder.leaksIn(readObject(folder, INGRESS).data['tls.key'] ?? '')).not.toEqual([]);
  });

  it('stay hidden: the key from standard input', async () => {
    await watched(['import-cert', ...chain, '--key', '-', '-v'], 0, readFileSync(key, 'utf8'));
  });

  it('stay hidden in status and init; the key of a request does in all that csr says', async () => {
    const folder = await watched(['import-cert', ...chain, '--key', key], 0);
    const said: string[] = [];
    for (const args of ['status -v', 'init -v -o json', 'csr -v -o json']) {
      const { code, stdout, stderr } = await start([...args.split(' '), '--dir', folder]).outcome;
      expect(code, stderr).toBe(0);
      said.push(stdout, stderr);
    }
    const { data } = readObject(folder, `Secret/${LEDGER}/palette-key-fqdn-key-v1`);
    addKey('the key of the request', createPrivateKey(data['key.pem'] ?? ''));
    for (const text of said) expect(finder.leaksIn(text)).toEqual([]);
  });
});
