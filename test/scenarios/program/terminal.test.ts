// Covers: src/adapters/system/terminal.ts, src/cli/init/prompts.ts, src/cli/progress-bar.ts, src/cli/prompts/ask.ts
// Covers: src/cli/prompts/confirm.ts, src/installation/format.ts

import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fingerprintOf, folderWith, newFolder, run } from '../../support/program.ts';
import { CTRL_C, type Dialogue, DOWN, ENTER, session } from './session.ts';
import { install, PLATFORM, pathOf, readRecord, SMALL, specText, verifyInstallation } from './store.ts';
import { haveTools } from './tools.ts';

/** The answers that take every default. */
const QUESTIONS = [
  'FQDN of the platform',
  "Platform's namespace",
  "Ledger's namespace",
  'Services, as name',
  'Algorithm of session tokens',
  'Bits of a tenant key',
];
const defaults: Dialogue = QUESTIONS.map((question) => [question, ENTER] as const);
const REVIEW = 'Make all keys and certificates of this installation now?';
const KEEP = 'Keep these answers in ./palette-keys.yaml?';
describe.skipIf(!haveTools('expect')).concurrent('at a terminal', { timeout: 60_000 }, () => {
  /** An installation of the small spec. */
  let existing = '';
  beforeAll(async () => {
    existing = await install();
  });

  it('the wizard asks from start to end, makes the installation, and keeps the answers', async () => {
    const cwd = newFolder();
    const answers: Dialogue = [
      ['FQDN of the platform', `palette.example.org${ENTER}`],
      ["Platform's namespace", `\\025my-platform${ENTER}`],
      ["Ledger's namespace", `\\025my-ledger${ENTER}`],
      ['Services, as name', `\\025auth ui-system/ui${ENTER}`],
      ['Algorithm of session tokens', `${DOWN}${ENTER}`],
      ['Bits of a tenant key', `${DOWN}${DOWN}${ENTER}`],
      [REVIEW, `y${ENTER}`],
      [KEEP, `y${ENTER}`],
    ];
    const { code, screen } = await session(['init', '--dir', 'keys'], answers, { cwd });
    expect(code, screen).toBe(0);
    // A progress line shows, and is gone before the result is there.
    expect(screen).toMatch(/█.*making keys/);
    const after = screen.slice(screen.lastIndexOf('█'));
    expect(after.indexOf('\r\u001B[K')).toBeGreaterThan(0);
    expect(after.indexOf('\r\u001B[K')).toBeLessThan(after.indexOf('root-key'));
    expect(after).toContain('Done in keys');
    const folder = path.join(cwd, 'keys');
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
    expect(readRecord(folder, 'ConfigMap/my-ledger/palette-keys-installation').spec).toMatchObject({
      rootDomain: 'palette.example.org',
      namespace: 'my-platform',
      ledgerNamespace: 'my-ledger',
      jwt: { algorithm: 'EdDSA' },
      tenantKeys: { bits: 256 },
      serviceCertificates: {
        services: [
          { name: 'auth', namespace: 'my-platform' },
          { name: 'ui', namespace: 'ui-system' },
        ],
      },
    });
    const before = fingerprintOf(folder, { times: true });
    const again = await run(['init', '--dir', 'keys'], { cwd });
    expect(again.code, again.stderr).toBe(0);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
    expect(readFileSync(path.join(cwd, 'palette-keys.yaml'), 'utf8')).toContain('palette.example.org');
  });

  it('a wrong answer is explained, and asked for again', async () => {
    const cwd = newFolder();
    const answers: Dialogue = [
      ['FQDN of the platform', `not a name${ENTER}`],
      ['rootDomain', `\\025${CTRL_C}`],
    ];
    const { code, screen } = await session(['init', '--dir', 'keys'], answers, { cwd });
    expect(code, screen).toBe(130);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('no at the review: exit code 1, and nothing is written', async () => {
    const cwd = newFolder();
    const { code, screen } = await session(['init', '--dir', 'keys'], [...defaults, [REVIEW, ENTER]], { cwd });
    expect(code, screen).toBe(1);
    expect(screen).toContain('nothing was written');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it.each([
    ['the first question', [['FQDN of the platform', CTRL_C]] as Dialogue],
    ['a choice', [...defaults.slice(0, 4), ['Algorithm of session tokens', CTRL_C]] as Dialogue],
    ['the review', [...defaults, [REVIEW, CTRL_C]] as Dialogue],
    ['the last question', [...defaults, [REVIEW, `y${ENTER}`], [KEEP, CTRL_C]] as Dialogue],
  ])('Ctrl-C at %s: exit code 130, and nothing is written', async (_, dialogue) => {
    const cwd = newFolder();
    const { code, screen } = await session(['init', '--dir', 'keys'], dialogue, { cwd });
    expect(code, screen).toBe(130);
    expect(readdirSync(cwd)).toEqual([]);
    expect(screen).not.toMatch(/^ +at /m);
  });

  it('Ctrl-C while keys are made: exit code 130, a re-run completes', async () => {
    const cwd = newFolder();
    writeFileSync(path.join(cwd, 'palette-keys.yaml'), specText({}));
    const { code, screen } = await session(
      ['init', '--dir', 'keys'],
      [
        ['objects', `y${ENTER}`],
        ['making keys', CTRL_C],
      ],
      { cwd },
    );
    expect(code, screen).toBe(130);
    expect(existsSync(path.join(cwd, 'keys/.lock'))).toBe(false);
    expect((await run(['init', '--dir', 'keys'], { cwd })).code).toBe(0);
    expect((await verifyInstallation(path.join(cwd, 'keys'))).stdout).toBe('everything fits\n');
  });

  it.each([
    ['CI=true', [], { CI: 'true' }],
    ['--dry-run', ['--dry-run'], {}],
    ['--yes, and no progress line with TERM=dumb', ['--yes'], { TERM: 'dumb' }],
  ])('nothing is asked with %s', async (_, flags, env) => {
    const cwd = folderWith({ 'palette-keys.yaml': specText() });
    const { code, screen } = await session(['init', '--dir', 'keys', ...flags], [], { cwd, env });
    expect(code, screen).toBe(0);
    expect(screen).not.toContain('?');
    expect(screen).not.toContain('█');
  });

  it('NO_COLOR means no colour', async () => {
    const { code, screen } = await session(['status', '--dir', existing], [], { env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    expect(screen).not.toContain('\u001B[');
    expect((await session(['status', '--dir', existing], [])).screen).toContain('\u001B[');
  });

  describe('a change of what exists', () => {
    function changed(): string {
      const cwd = newFolder();
      execFileSync('cp', ['-a', existing, path.join(cwd, 'keys')]);
      writeFileSync(
        path.join(cwd, 'palette-keys.yaml'),
        specText({ ...SMALL, serviceCertificates: { services: [{ name: 'auth' }, { name: 'user' }] } }),
      );
      return cwd;
    }

    it('is shown and asked about; yes does it', async () => {
      const cwd = changed();
      const { code, screen } = await session(['init', '--dir', 'keys'], [['change the spec in 1 place', `y${ENTER}`]], {
        cwd,
      });
      expect(code, screen).toBe(0);
      expect(lstatSync(pathOf(path.join(cwd, 'keys'), `Secret/${PLATFORM}/palette-user-tls`)).isFile()).toBe(true);
    });

    it.each([
      ['no', `n${ENTER}`, 1],
      ['Enter, which is no', ENTER, 1],
      ['Ctrl-C', CTRL_C, 130],
    ])('%s leaves everything as it was', async (_, typed, exit) => {
      const cwd = changed();
      const before = fingerprintOf(path.join(cwd, 'keys'), { times: true });
      const { code, screen } = await session(['init', '--dir', 'keys'], [['change the spec in 1 place', typed]], {
        cwd,
      });
      expect(code, screen).toBe(exit);
      expect(fingerprintOf(path.join(cwd, 'keys'), { times: true })).toEqual(before);
    });

    it('what is only missing is written without a spec being asked for', async () => {
      const cwd = changed();
      rmSync(path.join(cwd, 'palette-keys.yaml'));
      rmSync(pathOf(path.join(cwd, 'keys'), `Secret/${PLATFORM}/palette-root-key`));
      const { code, screen } = await session(['init', '--dir', 'keys', '--yes'], [], { cwd });
      expect(code, screen).toBe(0);
      expect(screen).not.toContain('FQDN');
    });
  });
});
