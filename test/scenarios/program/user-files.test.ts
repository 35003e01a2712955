// Covers: src/adapters/system/user-files.ts, src/cli/read-text.ts

/** Every flag of every command that names a file, as the help lists them: a new one cannot be forgotten here. */
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  changesBetween,
  fileWith,
  fingerprintOf,
  newFolder,
  newPath,
  PROGRAM,
  run,
  start,
} from '../../support/program.ts';
import { FQDN, Pki } from './import-bed.ts';
import { install, SMALL, specFile } from './store.ts';
import { haveTools } from './tools.ts';

const FIXTURES = path.join(import.meta.dirname, '../../fixtures/installations/0.1.0');
const IDENTITY = path.join(FIXTURES, 'identity.txt');
const BACKUP = path.join(FIXTURES, 'backup.age');
const URI = 'mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=1';
const KUBECONFIG = JSON.stringify({
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { token: 't' } }],
});

const pki = new Pki();
let store = '';
beforeAll(async () => {
  store = await install();
}, 60_000);

/** Where a flag is tried: what has to stand beside it so that its file is read, and a content that is taken. */
interface Case {
  readonly beside: () => readonly string[];
  readonly content: () => string | Buffer;
  /** Over this many bytes it is refused. */
  readonly limit?: number;
}

const dir = (): readonly string[] => ['--dir', store];
const uri = (...beside: readonly string[]): Case => ({
  beside: () => [...beside, '--request-timeout', '300ms', ...dir()],
  content: () => URI,
});
const certificate = (flag: string): Case => ({
  beside: () => [
    ...pki.flags().filter((_, at, all) => all[at] !== flag && all[at - 1] !== flag),
    '--verify-only',
    '--fqdn',
    FQDN,
  ],
  content: () => readFileSync(pki.flags()[Math.max(0, pki.flags().indexOf(flag)) + 1] ?? ''),
});

const READS: Readonly<Record<string, Case>> = {
  'init --mongodb-uri-file': uri(),
  'status --mongodb-uri-file': uri(),
  'rotate --mongodb-uri-file': uri('root-key', '--dry-run'),
  'rotate --mongodb-admin-uri-file': uri('mongodb-auth', '--dry-run'),
  'backup --recipients-file': {
    beside: () => ['--out', newPath('b.age'), '--dry-run', ...dir()],
    content: () => execFileSync('age-keygen', ['-y', IDENTITY]),
  },
  'backup --passphrase-file': {
    beside: () => ['--out', newPath('b.age'), '--dry-run', ...dir()],
    content: () => 'correct horse battery staple\n',
  },
  'restore <file>': {
    beside: () => ['--identity', IDENTITY, '--verify', '--dir', newPath()],
    content: () => readFileSync(BACKUP),
    limit: 1_000_000_000,
  },
  'restore --identity': {
    beside: () => [BACKUP, '--verify', '--dir', newPath()],
    content: () => readFileSync(IDENTITY),
  },
  'restore --passphrase-file': {
    beside: () => [path.join(FIXTURES, 'backup-passphrase.age'), '--verify', '--dir', newPath()],
    content: () => readFileSync(path.join(FIXTURES, 'passphrase.txt')),
  },
  'restore --mongodb-uri-file': uri(BACKUP, '--identity', IDENTITY, '--verify'),
  'import-cert --cert': certificate('--cert'),
  'import-cert --key': certificate('--key'),
  'import-cert --pfx': { beside: () => ['--verify-only', '--fqdn', FQDN], content: () => 'not one' },
  'import-cert --chain': certificate('--chain'),
  'import-cert --ca': certificate('--ca'),
  'import-cert --passphrase-file': {
    beside: () => [...pki.flags(), '--verify-only', '--fqdn', FQDN],
    content: () => 'of no use here',
  },
  'tenant add --from': { beside: () => ['--dry-run', ...dir()], content: () => 'acme', limit: 64_000_000 },
};
for (const verb of ['add acme', 'list', 'verify', 'remove acme --no-backup', 'rewrap']) {
  const [name, ...beside] = verb.split(' ');
  Object.assign(READS, { [`tenant ${name} --mongodb-uri-file`]: uri(...beside) });
}

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  init: [],
  status: [],
  rotate: ['root-key', '--dry-run'],
  backup: ['--out', '-', '--recipient', 'age1', '--dry-run'],
  restore: [BACKUP, '--identity', IDENTITY, '--verify'],
  csr: ['--fqdn', FQDN, '--dry-run'],
  'import-cert': [],
  'tenant add': ['acme'],
  'tenant list': [],
  'tenant verify': [],
  'tenant remove': ['acme', '--no-backup'],
  'tenant rewrap': [],
};

/** These make a file. */
const MAKES: Readonly<Record<string, () => readonly string[]>> = {
  'init --escrow-file': () => [
    ...['--escrow', String(execFileSync('age-keygen', ['-y', IDENTITY])).trim(), '--dir', newPath()],
    ...['--config', specFile(SMALL)],
  ],
  'backup --out': () => ['--passphrase-file', fileWith('correct horse battery', 'p'), ...dir()],
  'csr --out': () => ['--fqdn', FQDN, ...dir()],
};

/** A database has to be there first. */
const UNTRIED = ['tenant remove --backup'];

for (const command of Object.keys(COMMANDS)) {
  const beside = COMMANDS[command] ?? [];
  const importing = command === 'import-cert';
  const more = (): readonly string[] => (importing ? [...pki.flags(), '--fqdn', FQDN, '--dry-run'] : beside);
  Object.assign(READS, {
    [`${command} --kubeconfig`]: { beside: more, content: () => KUBECONFIG } satisfies Case,
    // What is restored has its spec with it.
    ...(command === 'restore' || command.startsWith('tenant ')
      ? {}
      : {
          [`${command} --config`]: {
            beside: () => [...more(), ...dir()],
            content: () => readFileSync(specFile(SMALL)),
          } satisfies Case,
        }),
  });
}

function argsOf(name: string, file: string, beside: readonly string[]): readonly string[] {
  const words = name.split(' ');
  const flag = words.pop() ?? '';
  return flag === '<file>' ? [...words, file, ...beside] : [...words, ...beside, flag, file];
}

const cases = Object.entries(READS).map(([name, each]) => ({ name, ...each }));
// Enough to start Node.js with, and far less than the machine has.
const BOUNDED = ['prlimit', '--data=2500000000', '/usr/bin/time', '-f', 'maxrss %M'];

describe.skipIf(!haveTools('prlimit', 'bash', 'age-keygen', 'mkfifo', 'time'))('a file that the user names', () => {
  it('by a flag or an argument that this list does not know is none', async () => {
    const found: string[] = [];
    for (const command of Object.keys(COMMANDS)) {
      const { stdout } = await run([...command.split(' '), '--help']);
      for (const [, flag] of stdout.matchAll(/(--[a-z-]+) <(?:file|path)(?:\.\.\.)?>/g))
        found.push(`${command} ${flag}`);
      if (/^Arguments:\n +file /m.test(stdout)) found.push(`${command} <file>`);
    }
    const ignored = found.filter((name) => /^(restore|tenant .*) --config$/.test(name) || name.endsWith(' --dir'));
    const known = [...Object.keys(READS), ...Object.keys(MAKES), ...UNTRIED, ...ignored];
    expect(found.toSorted()).toEqual(known.toSorted());
  }, 60_000);

  it.each(cases)('$name: a device is refused (2), at once and without its memory', async ({ name, beside }) => {
    const before = fingerprintOf(store);
    const { code, stderr, ms } = await run(argsOf(name, '/dev/zero', beside()), { through: BOUNDED, timeout: 20_000 });
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/\/dev\/zero is\s+a device: only files and pipes are read/);
    expect(Number(/maxrss (\d+)/.exec(stderr)?.[1])).toBeLessThan(300_000);
    expect(ms).toBeLessThan(10_000);
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });

  it.each(cases)(
    '$name: a FIFO that nobody writes to is waited for, and a signal ends that',
    async ({ name, beside }) => {
      const fifo = newPath('fifo');
      execFileSync('mkfifo', [fifo]);
      const before = fingerprintOf(store);
      const running = start(argsOf(name, fifo, beside()), { timeout: 20_000 });
      await untilOpen(running.pid, fifo);
      running.kill('SIGTERM');
      const { code, stderr } = await running.outcome;
      expect(code, stderr).toBe(143);
      expect(stderr).toContain('ended by SIGTERM');
      expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
    },
  );

  it.each(cases)('$name: a folder, and a file that is not there, are told (1, 2 or 4)', async ({ name, beside }) => {
    for (const file of [newFolder(), newPath('missing')]) {
      const { code, stderr, stdout } = await run(argsOf(name, file, beside()));
      expect([1, 2, 4], stderr).toContain(code);
      if (!name.endsWith('--kubeconfig')) expect(code, stderr).not.toBe(1);
      // What is wrong with certificates is the result, on stdout.
      expect(stderr + stdout).toContain(path.basename(file));
      expect(stderr + stdout).toMatch(/palette-keys: hint: \S|→ \S|Name the file in it/);
    }
  });

  it.each(cases)('$name: a file over the limit is refused by its size, and the limit is named', async (each) => {
    const { name, beside, limit = 1_000_000 } = each;
    const file = fileWith('', 'large');
    truncateSync(file, limit + 1);
    const { code, stderr } = await run(argsOf(name, file, beside()), { through: BOUNDED });
    expect(code, stderr).toBe(limit === 1_000_000_000 ? 4 : 2);
    expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(/large is larger than (1 MB|64 MB|1 GB), the most that is read/);
  });

  it.each(cases)('$name: a process substitution is as good as a file', async ({ name, beside, content }) => {
    const file = newPath('content');
    writeFileSync(file, content());
    const others = beside();
    const ended = ({ code, stderr }: { code: number | null; stderr: string }) => ({
      code,
      stderr: stderr
        .replaceAll(file, 'FILE')
        .replaceAll(/\/dev\/fd\/\d+/g, 'FILE')
        // Both are asked at once.
        .replaceAll(/list (configmaps|secrets) /g, 'list ')
        .replaceAll(/\s+/g, ' '),
    });
    const asFile = ended(await run(argsOf(name, file, others)));
    const words = [...PROGRAM, ...argsOf(name, '$PIPE', others)].map((word) =>
      word === '$PIPE' ? `<(cat '${file}')` : `'${word}'`,
    );
    const asPipe = ended(await run(['-c', words.join(' ')], { program: ['bash'] }));
    expect(asPipe).toEqual(asFile);
    expect([0, 1, 4, 5, 6], asFile.stderr).toContain(asFile.code);
  });

  it.each(Object.entries(MAKES))('%s: what is there already is not written to', async (name, beside) => {
    const fifo = newPath('fifo');
    execFileSync('mkfifo', [fifo]);
    const before = fingerprintOf(store);
    for (const file of ['/dev/null', fifo, newFolder(), fileWith('theirs', 'taken')]) {
      const { code, stderr } = await run(argsOf(name, file, beside()), { timeout: 20_000 });
      // A file in the place of an escrow may hold the only copy of the keys.
      expect(code, stderr).toBe(name === 'init --escrow-file' && file.endsWith('taken') ? 5 : 2);
      expect(stderr.replaceAll(/\s+/g, ' ')).toContain(`${file} is there`);
    }
    // A key that waits for its certificate, and nothing else.
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });
});

/** The program has opened it, or would block there: a writer that comes and goes would tell, and end the wait. */
async function untilOpen(pid: number, file: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = execFileSync('bash', ['-c', `ls -l /proc/${pid}/fd 2>/dev/null || true`], { encoding: 'utf8' });
    if (open.includes(file)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${file} was not opened`);
}
