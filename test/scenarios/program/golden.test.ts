// Covers: src/cli/apply-ports.ts, src/cli/command-line.ts, src/cli/definition.ts, src/cli/init/command.ts
// Covers: src/cli/init/document.ts, src/cli/init/render.ts, src/cli/init/run.ts, src/cli/open-store.ts
// Covers: src/cli/print.ts, src/cli/program.ts, src/cli/render/, src/cli/report-error.ts, src/cli/status/, src/status/

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderWith, newFolder, type Outcome, project, type RunOptions, run } from '../../support/program.ts';
import { Pki, pkcs8 } from './import-bed.ts';
import {
  AUDIT,
  editEntries,
  foreignRootKey,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  SMALL,
  specFile,
  specText,
} from './store.ts';
import { haveTools } from './tools.ts';
import { startWarm } from './warm.ts';

const warm = startWarm();
const GOLDEN = path.join(project, 'test/golden');

/** What differs from run to run, in the length that it has, so that tables stay as wide as they are. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, '00000000-0000-4000-8000-000000000000'],
  [/\bSHA256:[0-9a-f]{64}\b/g, `SHA256:${'f'.repeat(64)}`],
  [/\b20\d\d-\d\d-\d\d\b/g, '2000-01-01'],
  [/\b[0-9a-f]{40}\b/g, 'f'.repeat(40)],
  [/\b[0-9a-f]{12}…/g, 'ffffffffffff…'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2000-01-01T00:00:00Z'],
  // A kid has a digit or not; no word of sixteen letters is in these texts.
  [/\b(?=[a-z2-7]{16}\b)[a-z2-7]{16}\b/g, 'kkkkkkkkkkkkkkkk'],
  [/(_seconds\{[^}]*\}) \d{10}$/gm, '$1 1000000000'],
  [/\b\d min\b/g, 'N min'],
];

function normalised(text: string): string {
  return CHANGING.reduce((result, [pattern, placeholder]) => result.replaceAll(pattern, placeholder), text);
}

function screen(
  args: readonly string[],
  { code, stdout, stderr }: Pick<Outcome, 'code' | 'stdout' | 'stderr'>,
): string {
  const part = (name: string, text: string) => (text === '' ? '' : `--- ${name}\n${text}`);
  return normalised(
    `$ palette-keys ${args.join(' ')}\n${part('stdout', stdout)}${part('stderr', stderr)}--- exit code ${code}\n`,
  );
}

/** Compares with the golden file of that name; with UPDATE_GOLDEN=1 writes it. */
function expectGolden(name: string, text: string): void {
  const file = path.join(GOLDEN, `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
}

/** Messages and hints are one line each, for scripts; everything else is laid out for 80 columns. */
function expectNarrow(text: string): void {
  const wide = text
    .split('\n')
    .filter((line) => [...line].length > 80 && !/^(\$ |palette-keys: (error|hint): )/.test(line));
  expect(wide).toEqual([]);
}

/** Working directories with an installation in ./keys, so that no path of this machine is in what is said. */
let whole = '';
let small = '';

beforeAll(async () => {
  [whole, small] = (await Promise.all(
    [{}, SMALL].map(async (spec) => {
      const cwd = newFolder();
      execFileSync('cp', ['-a', await install(spec), path.join(cwd, 'keys')]);
      return cwd;
    }),
  )) as [string, string];
});

function copyOfSmall(): string {
  const cwd = newFolder();
  execFileSync('cp', ['-a', path.join(small, 'keys'), path.join(cwd, 'keys')]);
  return cwd;
}

describe('what people see', () => {
  const LINES: readonly (readonly [name: string, args: string, options: () => RunOptions])[] = [
    ['help', '--help', () => ({})],
    ['help-init', 'init --help', () => ({})],
    ['help-status', 'status --help', () => ({})],
    ['help-rotate', 'rotate --help', () => ({})],
    ['help-import-cert', 'import-cert --help', () => ({})],
    ['help-csr', 'csr --help', () => ({})],
    ['version', '--version', () => ({})],
    ['init-first', 'init --dir keys', () => ({ cwd: newFolder() })],
    ['init-first-verbose', 'init --dir keys -v', () => ({ cwd: folderWith({ 'palette-keys.yaml': specText(SMALL) }) })],
    [
      'init-dry-run',
      'init --dir keys --dry-run',
      () => ({ cwd: folderWith({ 'palette-keys.yaml': specText(SMALL) }) }),
    ],
    ['init-again', 'init --dir keys', () => ({ cwd: whole })],
    ['init-again-verbose', 'init --dir keys -v', () => ({ cwd: small })],
    ['init-restored', 'init --dir keys', missingProjection],
    ['init-refused', 'init --dir keys', foreignEdit],
    ['init-refused-ledger', 'init --dir keys', missingLedgerEntry],
    ['init-changed-spec', 'init --dir keys', changedSpec],
    ['init-changed-spec-yes', 'init --dir keys --yes', changedSpec],
    ['init-wrong-spec', 'init --dir keys', wrongSpec],
    ['init-wrong-flag', 'init --dri-run', () => ({})],
    ['no-store', 'init', () => ({ env: { HOME: '/home/somebody' } })],
    ['status', 'status --dir keys', () => ({ cwd: whole })],
    ['status-damaged', 'status --dir keys', damaged],
    ['status-nothing', 'status --dir keys', () => ({})],
  ];

  it.each(LINES)('%s is as it was, and no wider than 80 columns', async (name, args, options) => {
    const words = args.split(' ');
    // A few starts of the real program show that the warm one says the same.
    const text = screen(
      words,
      await (/^(help|init-first|init-refused|no-store|status)$/.test(name) ? run : warm.run)(words, options()),
    );
    // What the version is does not matter here.
    expectGolden(name, name === 'version' ? text.replace(/^\d+\.\d+\.\d+$/m, '0.0.0') : text);
    expectNarrow(text);
  });

  it('status -o prometheus is as it was', async () => {
    const args = ['status', '--dir', 'keys', '-o', 'prometheus'];
    expectGolden('status-prometheus', screen(args, await warm.run(args, { cwd: small })));
  });

  it('init --print-config is as it was, and a spec that init takes', async () => {
    const args = ['init', '--print-config'];
    const outcome = await warm.run(args);
    expectGolden('print-config', screen(args, outcome));
    const cwd = folderWith({ 'palette-keys.yaml': outcome.stdout });
    const again = await warm.run(['init', '--dir', 'keys', '--dry-run', '-o', 'json'], { cwd });
    expect(again.code, again.stderr).toBe(0);
    const plain = await warm.run(['init', '--dir', 'keys', '--dry-run', '-o', 'json']);
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(plain.stdout));
  });
});

describe.skipIf(!haveTools('openssl'))('what people see of an import', () => {
  const pki = new Pki();
  const { root, intermediate, leaf } = pki;

  function withFiles(): { cwd: string } {
    const cwd = copyOfSmall();
    const write = (name: string, text: string) => writeFileSync(path.join(cwd, name), text, { mode: 0o600 });
    write('good.pem', [intermediate, root, leaf].map(({ pem }) => pem.replaceAll('\n', '\r\n')).join(''));
    write('bad.pem', pki.server({ san: 'DNS:other.example.org', lines: ['extendedKeyUsage='] }).pem);
    write('fqdn.key', pkcs8(leaf));
    write('root.pem', root.pem);
    return { cwd };
  }

  it.each([
    ['import-verified', '--verify-only --cert good.pem'],
    ['import-rejected', '--dir keys --cert bad.pem'],
    ['import-dry-run', '--dir keys --cert good.pem --dry-run'],
    ['import-written', '--dir keys --cert good.pem'],
  ])('%s is as it was, and no wider than 80 columns', async (name, flags) => {
    const args = `import-cert --fqdn palette.example.org ${flags} --key fqdn.key --ca root.pem`.split(' ');
    const text = screen(args, await warm.run(args, withFiles()));
    expectGolden(name, text);
    expectNarrow(text);
  });
});

function missingProjection(): { cwd: string } {
  const cwd = copyOfSmall();
  rmSync(pathOf(path.join(cwd, 'keys'), `Secret/${PLATFORM}/palette-root-key`));
  return { cwd };
}

function foreignEdit(): { cwd: string } {
  const cwd = copyOfSmall();
  editEntries(path.join(cwd, 'keys'), `Secret/${PLATFORM}/palette-root-key`, () => foreignRootKey(Buffer.alloc(32, 7)));
  return { cwd };
}

function missingLedgerEntry(): { cwd: string } {
  const cwd = copyOfSmall();
  rmSync(pathOf(path.join(cwd, 'keys'), `Secret/${LEDGER}/palette-key-internal-ca-v1`));
  return { cwd };
}

function changedSpec(): { cwd: string } {
  const cwd = copyOfSmall();
  const services = [
    { name: 'auth', dnsNames: ['auth.example.org'] },
    { name: 'ui', namespace: 'ui-system' },
  ];
  writeFileSync(
    path.join(cwd, 'palette-keys.yaml'),
    specText({ ...SMALL, serviceCertificates: { services }, jwt: { algorithm: 'EdDSA' } }),
  );
  return { cwd };
}

function wrongSpec(): { cwd: string } {
  return {
    cwd: folderWith({
      'palette-keys.yaml': 'apiVersion: palette-keys/v1\nkind: Installation\nnamspace: x\njwt: { algorithm: ES265 }\n',
    }),
  };
}

function damaged(): { cwd: string } {
  const cwd = copyOfSmall();
  const keys = path.join(cwd, 'keys');
  rmSync(pathOf(keys, `Secret/${PLATFORM}/palette-auth-tls`));
  writeFileSync(pathOf(keys, `Secret/${PLATFORM}/palette-hash-salt`), '');
  editEntries(keys, `Secret/${PLATFORM}/palette-root-key`, () => foreignRootKey(Buffer.alloc(32, 7)));
  editEntries(keys, AUDIT, () => ({ 'audit.jsonl': 'x\n' }));
  return { cwd };
}

describe('colours', () => {
  const ESCAPE = '\u001B[';

  it.each<[string, string[], Record<string, string>, boolean]>([
    ['none where stdout is no terminal', [], {}, false],
    ['some with FORCE_COLOR=1', [], { FORCE_COLOR: '1' }, true],
    ['none with FORCE_COLOR=0', [], { FORCE_COLOR: '0' }, false],
    ['none with NO_COLOR=1, whatever FORCE_COLOR says', [], { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    ['none with --no-color', ['--no-color'], { FORCE_COLOR: '1' }, false],
  ])('%s', async (_, flags, env, coloured) => {
    const { stdout } = await run(['status', '--dir', 'keys', ...flags], { cwd: small, env });
    expect(stdout.includes(ESCAPE)).toBe(coloured);
    expect(stdout).toContain('root-key');
  });

  it('are none in documents, and nothing redraws where stderr is no terminal', async () => {
    const { stdout, stderr } = await run(['init', '--dir', newFolder(), '--config', specFile(), '-o', 'json'], {
      env: { FORCE_COLOR: '1' },
    });
    expect(stdout.includes(ESCAPE)).toBe(false);
    expect(`${stdout}${stderr}`).not.toMatch(/[\r█░]/);
  });
});

it('a reader that goes away early is no error', async () => {
  const through = ['sh', '-c', '"$@" | head -1', 'sh'];
  expect(await run(['status', '--dir', 'keys'], { cwd: small, through })).toMatchObject({ code: 0, stderr: '' });
});
