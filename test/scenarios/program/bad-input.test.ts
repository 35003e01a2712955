// Covers: src/cli/open-store.ts, src/cli/program.ts, src/cli/report-error.ts

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  changesBetween,
  copyOf,
  fileWith,
  fingerprintOf,
  folderWith,
  newFolder,
  newPath,
  type Outcome,
  run,
} from '../../support/program.ts';
import { compareLedger } from './kill-rounds.ts';
import {
  codesOf,
  entryOf,
  fileOf,
  type InitResult,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readObject,
  readRecord,
  SMALL,
  specFile,
  specText,
  verifyInstallation,
  writeObject,
} from './store.ts';
import { AS_NOBODY, haveTools, mayBeRunByOthers, mayMount, NOBODY, skipped, smallDisk } from './tools.ts';
import { startWarm } from './warm.ts';

const warm = startWarm();

/** An installation that nothing here may change. */
let store = '';
let other = '';
let unchanged: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  [store, other] = (await Promise.all([install(), install()])) as [string, string];
  unchanged = fingerprintOf(store, { times: true });
});

type Said = Pick<Outcome, 'code' | 'stdout' | 'stderr'>;

/** What everybody who ends badly has to say, in this order: what happened, and what to do. */
function expectFailure({ code, stdout, stderr }: Said, exit: number, message: RegExp, hint: RegExp = /\S/): void {
  expect(code, stderr).toBe(exit);
  expect(stdout).toBe('');
  // Long lines are wrapped: what they say counts, not where they break.
  const [first = '', ...rest] = stderr.split(/(?=^palette-keys: )/m).map((part) => part.replaceAll(/\s+/g, ' '));
  expect(first).toMatch(/^palette-keys: error: \S/);
  expect(first).toMatch(message);
  expect(rest).toHaveLength(1);
  expect(rest[0]).toMatch(/^palette-keys: hint: \S/);
  expect(rest[0]).toMatch(hint);
}

function expectUntouched(): void {
  expect(fingerprintOf(store, { times: true })).toEqual(unchanged);
}

describe('a command line', () => {
  it.each<[sentence: string, args: string, exit: number, message: RegExp, hint: RegExp]>([
    ['with a flag that there is not', 'init --frobnicate', 2, /unknown option '--frobnicate'/, /--help/],
    ['with a misspelt flag', 'init --dry-rum', 2, /unknown option '--dry-rum'/, /--dry-run/],
    ['with a command that there is not', 'frobnicate', 2, /unknown command 'frobnicate'/, /--help/],
    ['with a misspelt command', 'intit', 2, /unknown command 'intit'/, /init/],
    ['with an argument too many', 'init now', 2, /argument/, /\S/],
    ['with -o xml', 'init -o xml', 2, /xml.*table, json, yaml/s, /\S/],
    ['with -o prometheus for init', 'init -o prometheus', 2, /prometheus/, /table, json/],
    ['with --fail-on of a severity that there is not', 'status --fail-on info', 2, /info.*error, warning/s, /\S/],
    ['with -q and -v', 'init -q -v', 2, /-q.*-v|-v.*-q/, /\S/],
    ['with --adopt and --restore', 'init --adopt --restore', 2, /--adopt.*--restore/, /one of them/],
    ['with a flag without its value', 'status --config', 2, /--config <file>.*argument missing/, /\S/],
    ['with --config of a file that is not there', 'init --config gone.yaml', 2, /gone\.yaml/, /--print-config/],
    ['with --config of a folder', 'init --config .', 2, /folder/, /\S/],
    ['with -n that contradicts the record', 'init -n elsewhere', 2, /-n elsewhere.*hubble-system/, /\S/],
    ['with -n that contradicts the record, for status', 'status -n elsewhere', 2, /-n elsewhere.*hubble-system/, /\S/],
  ])('%s: exit code, message and hint, and nothing is written', async (_, args, exit, message, hint) => {
    expectFailure(await warm.run(['--dir', store, ...args.split(' ')]), exit, message, hint);
    expectUntouched();
  });

  it.each<[string, string[], number, RegExp, RegExp]>([
    ['an unknown flag', ['init', '--frobnicate'], 2, /unknown option/, /--help/],
    ['no --dir', ['init'], 1, /cluster.*folder|folder.*cluster/, /--dir/],
    ['no --dir for status', ['status'], 1, /cluster.*folder|folder.*cluster/, /--dir/],
    ['an empty --dir', ['init', '-q', '--dir', ''], 2, /--dir/, /\S/],
    ['-n that is no name', ['init', '--dir', 'keys', '-n', 'No_Name'], 2, /-n.*No_Name|namespace/, /\S/],
    ['status of nothing', ['status', '--dir', 'keys'], 1, /keys holds no installation/, /init/],
    ['--dir in a folder that is not there', ['init', '-q', '--dir', 'not/there/keys'], 1, /not\/there/, /\S/],
  ])('%s, in the real program', async (_, args, exit, message, hint) => {
    const cwd = newFolder();
    expectFailure(await run(args, { cwd }), exit, message, hint);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('without a command is wrong usage', async () => {
    expectFailure(await run([]), 2, /no command/, /--help/);
  });

  it.each(['json', 'yaml'])('that is wrong is one document of kind Error with -o %s', async (format) => {
    for (const args of [
      ['init', '--frobnicate'],
      ['init', '-n', 'elsewhere'],
      ['init', '--config', 'gone.yaml'],
    ]) {
      const { code, stdout } = await warm.run([...args, '--dir', store, '-o', format]);
      expect(code).toBe(2);
      expect(stdout).toContain('USAGE');
      if (format === 'json') {
        expect(JSON.parse(stdout)).toMatchObject({
          apiVersion: 'palette-keys/v1',
          kind: 'Error',
          code: 'USAGE',
          message: expect.any(String),
          hint: expect.any(String),
        });
      }
    }
    expectUntouched();
  });
});

describe('a spec', () => {
  const TEN_MISTAKES = `apiVersion: palette-keys/v2
kind: Instalation
namespace: Hubble_System
namePrefix: 5
jwt: { algorithm: ES265, clockSkew: soon }
tenantKeys: { bits: 65 }
internalCA: { keySize: 1024 }
serviceCertificates:
  renewAt: 2
  services:
    - { name: auth, dnsNames: [not a name] }
    - { name: auth, ipAddresses: [300.1.1.1] }
mongodb: { uri: "http://host" }
serviecs: []
`;

  it('wrong in more than ten places is told of all of them, with line and column', async () => {
    const file = fileWith(TEN_MISTAKES);
    const cwd = newFolder();
    const outcome = await run(['init', '--dir', 'keys', '--config', file], { cwd });
    expectFailure(outcome, 2, /palette-keys\.yaml has \d+ mistakes/, /--print-config/);
    const said = outcome.stderr.replaceAll(/\s+/g, ' ');
    const places = [...said.matchAll(/palette-keys\.yaml:(\d+):(\d+): (\S+)/g)].map(
      ([, line, column]) => `${line}:${column}`,
    );
    for (const place of [
      '1:13',
      '2:7',
      '3:12',
      '4:13',
      '5:19',
      '5:37',
      '6:21',
      '7:24',
      '9:12',
      '11:32',
      '12:35',
      '13:17',
      '14:1',
    ])
      expect(places).toContain(place);
    expect(existsSync(path.join(cwd, 'keys'))).toBe(false);
  });

  it.each<[sentence: string, text: string, message: RegExp]>([
    ['with an unknown key: the nearest known one is named', specText({ namspace: 'x' }), /did you mean "namespace"/],
    ['with an unknown key further in', specText({ jwt: { algoritm: 'ES256' } }), /did you mean "algorithm"/],
    ['with a misspelt choice', specText({ jwt: { algorithm: 'ES265' } }), /did you mean "ES256"/],
    [
      'with 10,000 services',
      specText({ serviceCertificates: { services: Array.from({ length: 10_000 }, (_, i) => ({ name: `s${i}` })) } }),
      /10000 entries/,
    ],
    ['with the ledger in the platform’s namespace', specText({ ledgerNamespace: PLATFORM }), /apart/],
    [
      'with a namespace that sorts before the list of namespaces',
      specText({ serviceCertificates: { services: [{ name: 'a', namespace: '00-a' }] } }),
      /services\[0\]\.namespace: must not sort before/,
    ],
    [
      'with two services of one name',
      specText({ serviceCertificates: { services: [{ name: 'a' }, { name: 'a' }] } }),
      /twice/,
    ],
    [
      'with two services and one Secret',
      specText({ serviceCertificates: { services: [{ name: 'a' }, { name: 'b', secretName: 'palette-a-tls' }] } }),
      /collides/,
    ],
    [
      'with a Secret of a service that is one of the platform’s',
      specText({ serviceCertificates: { services: [{ name: 'a', secretName: 'palette-root-key' }] } }),
      /collides/,
    ],
    [
      'with leaves that outlive their CA',
      specText({ internalCA: { validity: '30d' } }),
      /shorter than internalCA\.validity/,
    ],
    ['with a password in its uri', specText({ mongodb: { uri: 'mongodb://u:p@host/db' } }), /credentials/],
    ['that is no YAML', 'apiVersion: [', /palette-keys\.yaml:\d+:\d+/],
    ['that is empty', '', /\S/],
    ['that is a list', '- a\n- b\n', /mapping/],
    ['that has tabs', 'apiVersion: palette-keys/v1\nkind:\tInstallation\njwt:\n\talgorithm: ES256\n', /tab/i],
    [
      'that has a key twice',
      'apiVersion: palette-keys/v1\nkind: Installation\nkind: Installation\n',
      /twice|unique|duplicate/i,
    ],
    ['of two documents', `${specText()}---\n${specText()}`, /document/],
    ['of bytes that are no text', '\u0000\u0001\u0002', /\S/],
    [
      'that is a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replaceAll(/./g, (c) => `${c}: &${c} [${Array.from({ length: 9 }, () => `*${String.fromCharCode(c.charCodeAt(0) - 1)}`).join()}]\n`)}`,
      /\S/,
    ],
    ['for another program', 'apiVersion: v1\nkind: Pod\n', /apiVersion/],
  ])('%s', async (_, text, message) => {
    const cwd = folderWith({ 'palette-keys.yaml': text });
    const begun = performance.now();
    expectFailure(await warm.run(['init', '--dir', 'keys'], { cwd }), 2, message);
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(readdirSync(cwd)).toEqual(['palette-keys.yaml']);
  });

  it.each<[sentence: string, parts: object, message: RegExp]>([
    ['namePrefix', { namePrefix: 'other-' }, /namePrefix/],
    ['namespace', { namespace: 'other' }, /namespace/],
    ['ledgerNamespace', { ledgerNamespace: 'other' }, /ledgerNamespace/],
  ])('that changes %s is refused: it would make a second root key', async (_, parts, message) => {
    for (const flags of [[], ['--yes'], ['--restore', '--yes'], ['--dry-run']]) {
      const outcome = await warm.run(['init', '--dir', store, '--config', specFile({ ...SMALL, ...parts }), ...flags]);
      expectFailure(outcome, 5, message, /second root key/);
    }
    expectUntouched();
  });
});

describe('more than one installation', () => {
  it('of ledgers in two namespaces is refused', async () => {
    const folder = copyOf(store);
    execFileSync('cp', ['-a', path.join(other, LEDGER), path.join(folder, 'other-system')]);
    for (const file of readdirSync(path.join(folder, 'other-system'), { recursive: true, encoding: 'utf8' })) {
      const place = path.join(folder, 'other-system', file);
      if (file.endsWith('.yaml')) writeFileSync(place, readFileSync(place, 'utf8').replaceAll(LEDGER, 'other-system'));
    }
    await expectTwo(folder, /two namespaces.*other-system.*palette-keys-system/);
  });

  it('of ledger entries side by side is refused', async () => {
    const folder = copyOf(store);
    const ref = `Secret/${LEDGER}/palette-key-root-key-v1`;
    const object = readObject(other, ref);
    const name = 'palette-key-root-key-v2';
    writeObject(folder, `Secret/${LEDGER}/${name}`, { ...object, metadata: { ...object.metadata, name } });
    await expectTwo(folder, /two installations/);
  });

  async function expectTwo(folder: string, message: RegExp): Promise<void> {
    const before = fingerprintOf(folder);
    for (const args of [['init', '--yes'], ['init', '--restore', '--yes'], ['init', '--adopt', '--yes'], ['status']]) {
      expectFailure(await warm.run([...args, '--dir', folder]), 5, message, /move/);
    }
    expect(fingerprintOf(folder)).toEqual(before);
  }
});

describe.concurrent('a lost record', () => {
  it.each([
    ['another namespace', { namespace: 'other-system' }],
    ['another ledgerNamespace', { ledgerNamespace: 'other-system' }],
    ['another namePrefix', { namePrefix: 'other-' }],
  ])(
    'of an installation with %s: its own spec comes back, and the built-in default is never taken for it',
    async (_, parts) => {
      const folder = await install({ ...SMALL, ...parts });
      const ledger = 'ledgerNamespace' in parts ? parts.ledgerNamespace : LEDGER;
      const [record, audit] = ['installation', 'audit'].map((name) =>
        path.join(folder, ledger, `configmaps/palette-keys-${name}.yaml`),
      );
      rmSync(record ?? '');
      expect((await warm.run(['init', '--yes', '--dir', folder])).code).toBe(0);
      expect(readRecord(folder, `ConfigMap/${ledger}/palette-keys-installation`).spec).toMatchObject(parts);
      // The copy of the spec stands beside the audit log.
      rmSync(record ?? '');
      rmSync(audit ?? '');
      const before = fingerprintOf(folder);
      const { code, stderr } = await warm.run(['init', '--yes', '--dir', folder]);
      expect([2, 5], stderr).toContain(code);
      expect(changesBetween(before, fingerprintOf(folder))).toEqual([]);
      expect(stderr).toContain('--config');
      const again = await warm.run(['init', '--yes', '--dir', folder, '--config', specFile({ ...SMALL, ...parts })]);
      expect(again.code, again.stderr).toBe(0);
      expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
    },
  );
});

describe.concurrent('the folder of --dir', () => {
  it('that is a file is refused', async () => {
    const file = fileWith('x', 'keys');
    expectFailure(await run(['init', '--dir', file]), 2, /not a folder/);
    expect(readFileSync(file, 'utf8')).toBe('x');
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['a repository', { 'package.json': '{}', '.git/HEAD': 'ref: x' }],
    ['a folder of other manifests', { 'deployment.yaml': 'kind: Deployment' }],
    ['a home directory', { '.bashrc': '', 'notes.txt': 'x' }],
  ])('that is %s gets nothing written into it', async (_, files) => {
    const folder = folderWith(files);
    const before = fingerprintOf(folder, { times: true });
    expectFailure(await run(['init', '--dir', folder]), 2, /holds other files/, /folder of its own/);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it('that is there and empty is taken', async () => {
    const folder = newFolder();
    const { code } = await warm.run(['init', '--dir', folder, '--config', specFile()]);
    expect(code).toBe(0);
    expect((await verifyInstallation(folder)).code).toBe(0);
  });

  it('that is a symlink is refused, also with a slash at its end', async () => {
    const link = newPath();
    symlinkSync(store, link);
    for (const dir of [link, `${link}/`, `${link}/.`]) {
      for (const command of ['init', 'status']) {
        expectFailure(await warm.run([command, '--dir', dir]), 5, /symbolic link/, /folder itself/);
      }
    }
    expectUntouched();
  });

  it('with a symlink in it is refused', async () => {
    const folder = copyOf(store);
    const secrets = path.join(folder, PLATFORM, 'secrets');
    renameSync(secrets, path.join(folder, 'moved'));
    symlinkSync(path.join(folder, 'moved'), secrets);
    const before = fingerprintOf(folder);
    expectFailure(await warm.run(['init', '--yes', '--dir', folder]), 5, /symbolic link/);
    expect(fingerprintOf(folder)).toEqual(before);
  });

  it.each<[string, (folder: string) => string, number]>([
    ['that the group may read', (folder) => folder, 0o750],
    ['that everybody may read', (folder) => folder, 0o755],
    ['with a folder that the group may enter', (folder) => path.join(folder, LEDGER), 0o710],
    ['with a Secret that everybody may read', (folder) => pathOf(folder, `Secret/${PLATFORM}/palette-root-key`), 0o644],
    ['with a ConfigMap that the group may write', (folder) => pathOf(folder, RECORD), 0o620],
  ])('%s is refused; the chmod in the hint mends it', async (_, place, mode) => {
    const folder = copyOf(store);
    chmodSync(place(folder), mode);
    const before = fingerprintOf(folder, { times: true });
    for (const command of ['init', 'status']) {
      const outcome = await warm.run([command, '--dir', folder]);
      expectFailure(outcome, 5, /can be reached by others \(mode 0\d{3}\)/, /chmod/);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
      const [remedy = ''] =
        /chmod (?:-R )?go= \S+/.exec(outcome.stderr.replaceAll(/\s+/g, ' ').split('hint: ')[1] ?? '') ?? [];
      expect(remedy).toContain(folder);
      if (command === 'status') execFileSync('sh', ['-c', remedy]);
    }
    expect(await warm.run(['init', '--dir', folder])).toMatchObject({ code: 0 });
  });

  it('that is made is closed to others whatever the umask', async () => {
    const folder = newPath();
    const through = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
    expect(await run(['init', '--dir', folder, '--config', specFile()], { through })).toMatchObject({ code: 0 });
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  });
});

const others =
  process.getuid?.() === 0 ? haveTools('setpriv') && mayBeRunByOthers() : skipped('other users (run them as root)');

describe.skipIf(!others).concurrent('another user', () => {
  const through = ['setpriv', ...AS_NOBODY];

  /** A folder that the other user may reach, with a copy of the installation in it. */
  function reachable(owner: number): string {
    const folder = copyOf(store);
    for (
      let above = path.dirname(folder);
      path.basename(above) !== path.basename(path.parse(above).root);
      above = path.dirname(above)
    ) {
      if (!above.includes('palette-keys-program-')) break;
      chmodSync(above, 0o711);
    }
    own(folder, owner);
    return folder;
  }

  function own(folder: string, owner: number): void {
    execFileSync('chown', ['-R', String(owner), folder]);
  }

  const asNobody = (args: readonly string[]) => {
    const home = newFolder();
    chownSync(home, NOBODY, NOBODY);
    return run(args, { through, cwd: '/', env: { HOME: home, TMPDIR: home } });
  };

  it('who owns it may use it', async () => {
    const folder = reachable(NOBODY);
    rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
    expect(await asNobody(['init', '--dir', folder])).toMatchObject({ code: 0 });
  });

  it('who does not own it is turned away, with the chown', async () => {
    const folder = reachable(0);
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    const before = fingerprintOf(folder);
    expectFailure(await asNobody(['init', '--dir', folder]), 5, /belongs to user 0, not to user 65534/, /chown/);
    expect(fingerprintOf(folder)).toEqual(before);
  });

  it('root does not use a folder that is somebody else’s', async () => {
    const folder = reachable(NOBODY);
    const before = fingerprintOf(folder);
    expectFailure(await run(['init', '--yes', '--dir', folder]), 5, /belongs to user 65534, not to user 0/, /chown/);
    expect(fingerprintOf(folder)).toEqual(before);
  });

  it('who may not enter the folder above is told so', async () => {
    const folder = copyOf(store);
    own(folder, NOBODY);
    for (const command of ['init', 'status']) {
      expectFailure(await asNobody([command, '--dir', folder]), 1, /permission denied/, /\S/);
    }
  });

  it('who may not write is told so; nothing is half done', async () => {
    const folder = reachable(NOBODY);
    rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
    execFileSync('find', [folder, '-type', 'd', '-exec', 'chmod', '500', '{}', '+']);
    const before = fingerprintOf(folder);
    expectFailure(await asNobody(['init', '--dir', folder, '-q']), 1, /permission denied/, /\S/);
    expect(fingerprintOf(folder)).toEqual(before);
    expect(await asNobody(['status', '--dir', folder])).toMatchObject({ code: 3 });
  });

  it('who may not read one file is told which; it is not taken for one that is gone', async () => {
    const folder = reachable(NOBODY);
    const file = pathOf(folder, `Secret/${LEDGER}/palette-key-root-key-v1`);
    chmodSync(file, 0);
    const before = fingerprintOf(folder);
    expectFailure(
      await asNobody(['init', '--yes', '--dir', folder]),
      1,
      /palette-key-root-key-v1\.yaml.*permission denied/s,
      /\S/,
    );
    expect(fingerprintOf(folder)).toEqual(before);
  });

  it('who may not make the folder is told so', async () => {
    const parent = path.dirname(reachable(NOBODY));
    chmodSync(parent, 0o755);
    expectFailure(await asNobody(['init', '-q', '--dir', path.join(parent, 'new')]), 1, /permission denied/, /\S/);
  });
});

describe.skipIf(!mayMount()).concurrent('a disk', () => {
  it('that is full ends the run with 1; with room a re-run completes, and keeps the keys', async () => {
    const disk = smallDisk(64);
    const folder = path.join(disk, 'keys');
    const args = ['init', '--dir', folder, '--config', specFile()];
    expectFailure(await run([...args, '-q']), 1, /no space is left/, /[Mm]ake room/);
    const seen = new Map<string, string>();
    compareLedger(folder, seen);
    expect((await run([...args, '-q'])).code).toBe(1);
    compareLedger(folder, seen);
    execFileSync('mount', ['-o', 'remount,size=4m', disk]);
    const { code, stderr } = await run(args);
    expect(code, stderr).toBe(0);
    compareLedger(folder, seen);
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  });

  it('that is full while something is mended leaves the installation as it was, or mended', async () => {
    const disk = smallDisk(4096);
    const folder = path.join(disk, 'keys');
    execFileSync('cp', ['-a', store, folder]);
    rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
    const filler = path.join(disk, 'filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'ignore' });
    const before = fingerprintOf(folder);
    expectFailure(await run(['init', '--dir', folder, '-q']), 1, /no space is left/, /[Mm]ake room/);
    expect(changesBetween(before, fingerprintOf(folder)).filter((file) => !file.startsWith('+.'))).toEqual([]);
    rmSync(filler);
    expect((await run(['init', '--dir', folder])).code).toBe(0);
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  });

  it('that is read-only can be read; writing is refused in words', async () => {
    const disk = smallDisk(4096);
    const folder = path.join(disk, 'keys');
    execFileSync('cp', ['-a', store, folder]);
    rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expectFailure(await run(['init', '--dir', folder, '-q']), 1, /read-only/, /[Mm]ount it writable/);
    expect((await run(['status', '--dir', folder])).code).toBe(3);
    expectFailure(await run(['init', '--dir', path.join(disk, 'new'), '-q']), 1, /read-only/, /\S/);
  });
});

describe.skipIf(!haveTools('faketime')).concurrent('a clock', () => {
  const at = (time: string) => ['faketime', '-m', '-f', time];

  it('before the release date makes nothing', async () => {
    const folder = newPath();
    for (const time of ['@2020-01-01 00:00:00', '@1970-01-02 00:00:00']) {
      expectFailure(await run(['init', '--dir', folder], { through: at(time) }), 1, /clock says/, /clock/);
    }
    expect(existsSync(folder)).toBe(false);
  });

  it('years behind is a finding of status', async () => {
    const { code, stdout } = await run(['status', '--dir', store, '-o', 'json'], { through: at('-5y') });
    expect(code).toBe(3);
    expect(codesOf(JSON.parse(stdout))).toContain('CLOCK_BEFORE_NOT_BEFORE');
    expectUntouched();
  });

  it('two years ahead: leaves are issued anew where that is agreed to, everything else stays', async () => {
    const folder = copyOf(store);
    const status = await run(['status', '--dir', folder, '-o', 'json'], { through: at('+2y') });
    expect(status.code).toBe(3);
    expect(codesOf(JSON.parse(status.stdout))).toContain('CERTIFICATE_EXPIRED');
    expectFailure(
      await run(['init', '--dir', folder, '-q'], { through: at('+2y') }),
      2,
      /write 4 existing objects anew/,
      /--yes/,
    );
    expect(fingerprintOf(folder)).toEqual(fingerprintOf(store));
    const { code, stdout } = await run(['init', '--yes', '--dir', folder], { through: at('+2y') });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Done in .*4 updated/m);
    const changed = changesBetween(fingerprintOf(store), fingerprintOf(folder));
    expect(changed.filter((file) => !/-tls\.yaml$|palette-keys-(audit|installation)/.test(file))).toEqual([]);
    const after = await run(['status', '--dir', folder], { through: at('+2y') });
    expect(after.code, after.stdout).toBe(0);
  });

  it('ten years ahead finds the CAs expired, and spoils nothing', async () => {
    const folder = copyOf(store);
    const status = await run(['status', '--dir', folder, '-o', 'json'], { through: at('+10y') });
    expect(status.code).toBe(3);
    // Which says it of everything that the CA has issued, too.
    expect(codesOf(JSON.parse(status.stdout))).toContain('CA_EXPIRED');
    const { code, stderr, stdout } = await run(['init', '--yes', '--dir', folder, '-o', 'json'], {
      through: at('+10y'),
    });
    // An expired CA cannot issue anything: whatever is written now would be expired too.
    expect([0, 5], stderr).toContain(code);
    expect(codesOf(JSON.parse(stdout) as InitResult)).toContain('CA_EXPIRED');
    expect(changesBetween(fingerprintOf(store), fingerprintOf(folder))).toEqual([]);
    const now = await run(['status', '--dir', folder]);
    expect(now.code, now.stdout).toBe(0);
  });

  it('near the end of a CA: a leaf ends no later than its CA', async () => {
    const folder = copyOf(store);
    const services = [{ name: 'auth' }, { name: 'late' }];
    const spec = specFile({ ...SMALL, serviceCertificates: { services } });
    const { code, stderr } = await run(['init', '--yes', '--dir', folder, '--config', spec], { through: at('+3500d') });
    expect(code, stderr).toBe(0);
    const verified = await verifyInstallation(folder);
    expect(verified.stdout).toBe('everything fits\n');
  });
});

describe.concurrent('a lock', () => {
  it.each<[string, string]>([
    [
      'of a process on another machine',
      JSON.stringify({
        pid: 1,
        processStart: '1',
        bootId: 'x',
        host: 'elsewhere',
        pidNamespace: 'pid:[1]',
        command: 'init',
        user: 'ann',
        since: '2026-11-22T00:00:00Z',
        nonce: '0'.repeat(32),
      }),
    ],
    ['that says nothing', 'x'],
  ])('%s is not taken over: the message names it, and how to remove it', async (_, text) => {
    const folder = copyOf(store);
    rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
    writeFileSync(path.join(folder, '.lock'), text, { mode: 0o600 });
    const before = fingerprintOf(folder);
    expectFailure(await warm.run(['init', '-q', '--dir', folder]), 1, /lock/, /rm \S+\.lock/);
    expect(fingerprintOf(folder)).toEqual(before);
    expect((await warm.run(['status', '--dir', folder])).code).toBe(3);
  });
});

it('files that are not ours are left alone in a store that is', async () => {
  const folder = copyOf(store);
  mkdirSync(path.join(folder, 'notes'), { mode: 0o700 });
  copyFileSync(pathOf(folder, RECORD), path.join(folder, 'notes', 'copy.yaml'));
  writeFileSync(path.join(folder, fileOf(RECORD).replace('.yaml', '.yaml~')), 'backup of an editor', { mode: 0o600 });
  const before = fingerprintOf(folder);
  expect((await warm.run(['init', '--dir', folder])).code).toBe(0);
  expect(fingerprintOf(folder)).toEqual(before);
  expect(entryOf(folder, RECORD, 'record.json')).toContain('installationId');
  onTestFinished(expectUntouched);
});
