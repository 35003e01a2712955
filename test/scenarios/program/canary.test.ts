import { createPrivateKey } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { canary, LeakFinder } from '../../support/canary.ts';
import {
  copyOf,
  newFolder,
  newPath,
  type Outcome,
  type RunOptions,
  run,
  script,
  start,
} from '../../support/program.ts';
import { wait } from './kill-rounds.ts';
import {
  editEntries,
  foreignRootKey,
  LEDGER,
  PLATFORM,
  pathOf,
  readObject,
  SMALL,
  specFile,
  specText,
} from './store.ts';
import { AS_NOBODY, haveTools, mayBeRunByOthers, mayMount, NOBODY, smallDisk } from './tools.ts';
import { startWarm } from './warm.ts';

const CANARY_MAIN = script(new URL('../../support/canary-main.ts', import.meta.url));
const HS = { ...SMALL, jwt: { algorithm: 'HS256' } };
const ES = { ...SMALL, jwt: { algorithm: 'ES256' } };

const finder = new LeakFinder();
finder.addCanaries();

/** Installations whose symmetric keys are canaries; the private keys of both are known to `finder`. */
let es = '';
let hs = '';

beforeAll(async () => {
  [es, hs] = (await Promise.all(
    [ES, HS].map(async (spec) => {
      const folder = newPath();
      expect(await watched(['init', '--dir', folder, '--config', specFile(spec), '-q'])).toMatchObject({ code: 0 });
      return folder;
    }),
  )) as [string, string];
});

/** Every private member of every private key in the folder: whatever form a key leaves in, they are part of it. */
function addPrivateKeys(folder: string): void {
  for (const [name, text] of secretFiles(folder)) {
    for (const [, value] of text.matchAll(/^ {2}\S+: "?([A-Za-z0-9+/=]{60,})"?$/gm)) {
      const pem = Buffer.from(value ?? '', 'base64').toString('latin1');
      for (const [block] of pem.matchAll(/-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----/g)) {
        const { d, p, q, dp, dq, qi } = createPrivateKey(block).export({ format: 'jwk' });
        for (const member of [d, p, q, dp, dq, qi]) finder.add(name, Buffer.from(member ?? '', 'base64url'));
      }
    }
  }
}

function files(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  return names.filter((name) => statSync(name).isFile());
}

function secretFiles(folder: string): readonly (readonly [name: string, text: string])[] {
  return files(folder)
    .filter((file) => file.includes('/secrets/') && file.endsWith('.yaml'))
    .map((file) => [path.basename(file, '.yaml'), readFileSync(file, 'utf8')] as const);
}

/**
 * Runs the program with canaries and looks for them wherever it could leave them: in what it says, what /proc shows of
 * it, its working directory, TMPDIR, HOME, and all of the store but the data of Secrets.
 */
async function watched(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const outside = { cwd: newFolder(), TMPDIR: newFolder(), HOME: newFolder() };
  const env = { ...options.env, TMPDIR: outside.TMPDIR, HOME: outside.HOME };
  const running = start(args, { program: CANARY_MAIN, ...options, cwd: outside.cwd, env });
  const shown = new Set<string>();
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      for (const file of ['cmdline', 'environ', 'comm']) shown.add(readIfThere(`/proc/${running.pid}/${file}`));
      for (const file of filesAround(args)) shown.add(readIfThere(file));
      await wait(10);
    }
  })();
  const outcome = await running.outcome;
  ended = true;
  await watching;
  const store = args[args.indexOf('--dir') + 1] ?? '';
  addPrivateKeys(store);
  const said = { stdout: outcome.stdout, stderr: outcome.stderr, 'while running': [...shown].join('\n') };
  for (const [where, text] of Object.entries(said)) expect(finder.leaksIn(text), where).toEqual([]);
  for (const folder of Object.values(outside)) expectNoLeakInFiles(folder);
  expectNoLeakOutsideSecrets(store);
  return outcome;
}

/** The lock and whatever else stands at the top of the store while the program runs. */
function filesAround(args: readonly string[]): readonly string[] {
  const store = args[args.indexOf('--dir') + 1] ?? '';
  try {
    return readdirSync(store, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => path.join(store, name));
  } catch {
    return [];
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function expectNoLeakInFiles(folder: string): void {
  for (const file of files(folder)) {
    expect(finder.leaksIn(readFileSync(file)), file).toEqual([]);
    expect(finder.leaksIn(file), file).toEqual([]);
  }
}

/** Record, audit, ConfigMaps, the list of namespaces: whole. Of Secrets what stands above `data`. */
function expectNoLeakOutsideSecrets(store: string): void {
  for (const file of files(store)) {
    const text = readFileSync(file, 'utf8');
    const open = file.includes('/secrets/') ? text.slice(0, text.search(/^data:/m)) : text;
    expect(finder.leaksIn(open), file).toEqual([]);
  }
}

describe('the finder of leaks', () => {
  const secret = Buffer.from(canary(7, 32));
  const part = secret.subarray(5, 14);

  it.each([
    ['as it is', secret.toString('latin1')],
    ['a part of nine bytes', `…${part.toString('latin1')}…`],
    ['base64', secret.toString('base64')],
    ['base64 of something around it', Buffer.concat([Buffer.from('x'), secret, Buffer.from('y')]).toString('base64')],
    ['a part of base64', secret.toString('base64').slice(3, 20)],
    ['base64 with line breaks', secret.toString('base64').replaceAll(/(.{5})/g, '$1\n')],
    ['base64 in a JSON text with line breaks', JSON.stringify(secret.toString('base64').replaceAll(/(.{9})/g, '$1\n'))],
    ['base64url', secret.toString('base64url')],
    ['hex', secret.toString('hex')],
    ['a part of hex', secret.toString('hex').slice(1, 24)],
    ['hex in capitals with colons', (secret.toString('hex').toUpperCase().match(/../g) ?? []).join(':')],
    ['what JSON makes of a Buffer', JSON.stringify(secret)],
    ['what Node prints of a Buffer', `<Buffer ${(secret.toString('hex').match(/../g) ?? []).join(' ')}>`],
  ])('finds it %s', (_, text) => {
    expect(finder.leaksIn(`before ${text} after`)).not.toEqual([]);
  });

  it('finds nothing in other text', () => {
    expect(
      finder.leaksIn(
        `${JSON.stringify(process.versions)} ${Buffer.from('nothing of interest, really').toString('base64')}`,
      ),
    ).toEqual([]);
  });

  it('knows the keys of the installations that are looked at', () => {
    for (const folder of [es, hs]) {
      for (const kind of [
        'root-key',
        'hash-salt',
        'mongodb-auth',
        'internal-ca',
        'cluster-ca',
        'message-bus-operator',
        'jwt-signing-key',
      ]) {
        const { data } = readObject(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`);
        const key = data['key'] ?? data['key.pem'] ?? data['keyfile'] ?? '';
        expect(finder.leaksIn(key), `${folder} ${kind}`).not.toEqual([]);
      }
    }
    expect(finder.leaksIn(readObject(es, `Secret/${PLATFORM}/palette-mongodb-auth`).data['uri'] ?? '')).not.toEqual([]);
    expect(finder.leaksIn(readObject(es, `Secret/${PLATFORM}/palette-auth-tls`).data['tls.key'] ?? '')).not.toEqual([]);
  });
});

describe.concurrent('a key shows nowhere but in Secrets', () => {
  it.each(['-v', '-o json', '-o yaml'])('init %s', async (flags) => {
    const folder = newPath();
    const { code } = await watched(['init', '--dir', folder, '--config', specFile(HS), ...flags.split(' ')]);
    expect(code).toBe(0);
  });

  it('an installation that is complete', () => {
    expectNoLeakOutsideSecrets(es);
    expectNoLeakOutsideSecrets(hs);
  });

  it.each(['table', 'json', 'yaml', 'prometheus'])('status -o %s', async (format) => {
    const { code } = await watched(['status', '--dir', hs, '-v', '-o', format]);
    expect(code).toBe(0);
  });

  it('a run that is refused, and one that takes a foreign key in', async () => {
    const folder = copyOf(hs);
    editEntries(folder, `Secret/${PLATFORM}/palette-root-key`, () => foreignRootKey(canary(55, 32)));
    for (const format of ['table', 'yaml']) {
      const { code } = await watched(['init', '--dir', folder, '-v', '-o', format]);
      expect(code).toBe(5);
    }
    const { code } = await watched(['init', '--dir', folder, '-v', '-o', 'json', '--adopt', '--yes']);
    expect(code).toBe(0);
  });

  it('a full disk', { skip: !mayMount() }, async () => {
    const disk = smallDisk(64);
    for (const flags of [['-v'], ['-o', 'json']]) {
      const { code, stderr } = await watched(['init', '--dir', disk, '--config', specFile(), ...flags]);
      expect(code, stderr).toBe(1);
      expect(stderr).toContain('no space is left');
    }
  });

  it('files that may not be read', {
    skip: process.getuid?.() !== 0 || !haveTools('setpriv') || !mayBeRunByOthers(),
  }, async () => {
    const folder = copyOf(hs);
    const through = ['setpriv', ...AS_NOBODY];
    for (const file of [path.dirname(path.dirname(folder)), path.dirname(folder)]) chmodSync(file, 0o711);
    for (const file of [
      folder,
      ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
    ])
      chownSync(file, NOBODY, NOBODY);
    chmodSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`), 0);
    for (const command of ['init', 'status']) {
      const { code, stderr } = await run([command, '--dir', folder, '-v', '-o', 'json'], {
        through,
        cwd: '/',
        env: { HOME: '/', TMPDIR: '/' },
      });
      expect(code).toBe(1);
      expect(finder.leaksIn(stderr)).toEqual([]);
    }
  });

  it('a spec with a password in its uri', async () => {
    const password = Buffer.from(canary(50, 32)).toString('latin1');
    const text = specText({ mongodb: { uri: `mongodb://user:${password}@host/db` } });
    const { code } = await watched([
      'init',
      '--dir',
      newPath(),
      '-o',
      'json',
      '--config',
      specFile({ mongodb: { uri: `mongodb://user:${password}@host/db` } }),
    ]);
    expect(text).toContain(password);
    expect(code).toBe(2);
  });
});

describe.concurrent('a damaged file is not quoted', () => {
  const warm = startWarm(2);
  const DAMAGES: readonly (readonly [string, (text: string) => string])[] = [
    [
      'cut off in the middle of a value',
      (text) => text.slice(0, text.search(/^data:/m) + Math.floor((text.length - text.search(/^data:/m)) / 2)),
    ],
    ['a tab before every entry', (text) => text.replaceAll(/^ {2}(\S+: \S{20})/gm, '\t$1')],
    ['a quote that does not end', (text) => text.replaceAll(/^( {2}\S+: )"?(\S{20})/gm, '$1"$2')],
    ['an entry that is there twice', (text) => text.replaceAll(/^( {2}\S+: \S{20,}\n)/gm, '$1$1')],
    ['values that are no base64', (text) => text.replaceAll(/^( {2}\S+: \S{20})/gm, '$1*')],
    ['values as anchors', (text) => text.replaceAll(/^( {2}\S+: )(\S{20})/gm, '$1*$2')],
    ['values as keys', (text) => text.replaceAll(/^ {2}\S+: (\S{20,})/gm, '  $1: x')],
    [
      'values where the kind belongs',
      (text) => text.replace(/^kind: .*$/m, `kind: ${/^ {2}\S+: (\S{20,})/m.exec(text)?.[1]}`),
    ],
    [
      'values where the name belongs',
      (text) =>
        text.replace(/^ {2}name: .*$/m, `  name: ${/^ {2}(?:key|password|key.pem): (\S{20,})/m.exec(text)?.[1]}`),
    ],
    ['a value as a tag', (text) => text.replaceAll(/^( {2}\S+: )(\S{20,})/gm, '$1!$2 x')],
  ];

  it.each(DAMAGES)('%s', async (_, damage) => {
    for (const folder of [copyOf(es), copyOf(hs)]) {
      for (const file of files(folder).filter((name) => name.includes('/secrets/'))) {
        const text = readFileSync(file, 'utf8');
        expect(damage(text), file).not.toBe(text);
        writeFileSync(file, damage(text));
      }
      for (const args of [['init', '-v', '-o', 'json'], ['status']]) {
        const { code, stdout, stderr } = await warm.run([...args, '--dir', folder]);
        expect([3, 5], stderr).toContain(code);
        expect(finder.leaksIn(stdout)).toEqual([]);
        expect(finder.leaksIn(stderr)).toEqual([]);
      }
    }
  });

  it('not even by the values of JSON entries that are broken', async () => {
    const folder = copyOf(hs);
    for (const name of ['palette-root-key', 'palette-hash-salt', 'palette-jwt-signing-key']) {
      editEntries(folder, `Secret/${PLATFORM}/${name}`, ({ 'keyring.json': ring }) => ({
        'keyring.json': ring?.toString().replace(/("k": ")/, '$1,"'),
      }));
    }
    const { code, stdout, stderr } = await warm.run(['init', '-v', '-o', 'json', '--dry-run', '--dir', folder]);
    expect(code).toBe(0);
    expect(finder.leaksIn(`${stdout}${stderr}`)).toEqual([]);
  });
});
