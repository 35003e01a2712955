// Covers: src/cli/spec-file.ts

/** A `palette-keys.yaml` that was in use before a rule came that it breaks: the installation goes on, `init` refuses. */
import path from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { changesBetween, copyOf, fileWith, fingerprintOf, folderWith, newPath } from '../../support/program.ts';
import { FQDN, Pki } from './import-bed.ts';
import { editEntries, install, RECORD, SMALL, specText } from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm(1);
const pki = new Pki();
const WEAK = { ...SMALL, mongodb: { uri: 'mongodb://db.example.org:27017/?tls=false' } };
const WRONG = { ...WEAK, rootDomian: FQDN };

let store = '';
let cwd = '';

/** As an installation is that was made with that spec when nothing spoke against it. */
beforeAll(async () => {
  store = await install();
  editEntries(store, RECORD, (data) => {
    const record = JSON.parse(String(data['record.json']));
    record.spec.mongodb.uri = WEAK.mongodb.uri;
    return { 'record.json': JSON.stringify(record) };
  });
  cwd = folderWith({ 'palette-keys.yaml': specText(WEAK) });
  const { code, stderr } = await warm.run(['init', '--dir', store, '--yes']);
  expect(code, stderr).toBe(0);
}, 60_000);

const WARNING =
  /^palette-keys: warning: palette-keys\.yaml:\d+:\d+: mongodb\.uri: must not turn off what protects the connection: tls; init refuses it\. Leave it out; another CA is named by tlsCAFile\.$/m;

describe('where ./palette-keys.yaml breaks a rule that is newer than the installation', () => {
  test.each<[string, number, () => readonly string[]]>([
    ['status', 0, () => ['status']],
    ['status -q', 0, () => ['status', '-q']],
    ['rotate', 6, () => ['rotate', 'jwt-signing-key', '--again', '--yes']],
    ['rotate --due', 0, () => ['rotate', '--due', '--yes']],
    ['csr', 0, () => ['csr', '--fqdn', FQDN]],
    ['backup', 0, () => ['backup', '--out', newPath('b.age'), '--passphrase-file', fileWith('a long passphrase', 'p')]],
    ['import-cert', 0, () => ['import-cert', ...pki.flags(), '--fqdn', FQDN]],
  ])('%s goes on (exit code %i), and says in one line which field it is and what helps', async (_, exit, args) => {
    const { code, stderr } = await warm.run([...args(), '--dir', copyOf(store)], { cwd });
    expect(code, stderr).toBe(exit);
    expect(stderr).toMatch(WARNING);
    expect(stderr.match(/palette-keys: warning:/g)).toHaveLength(1);
  });

  it('import-cert --verify-only takes rootDomain from it', async () => {
    const here = folderWith({ 'palette-keys.yaml': specText({ ...WEAK, rootDomain: FQDN }) });
    const args = ['import-cert', '--verify-only', ...pki.flags()];
    const { code, stderr } = await warm.run(args, { cwd: here });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(WARNING);
  });

  it('-o json has its one document, and the warning beside it', async () => {
    const { stdout, stderr } = await warm.run(['status', '--dir', store, '-o', 'json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Status' });
    expect(stderr).toMatch(WARNING);
  });

  it('init refuses (2), by default and by --config, and writes nothing', async () => {
    const before = fingerprintOf(store);
    for (const args of [[], ['--config', path.join(cwd, 'palette-keys.yaml')], ['--print-rbac']]) {
      const { code, stderr } = await warm.run(['init', '--dir', store, '--yes', ...args], { cwd });
      expect([code, stderr]).toEqual([2, expect.stringContaining('mongodb.uri: must not turn off')]);
      expect(stderr).not.toContain('warning:');
    }
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });

  it('what was always a mistake still ends every command, with all mistakes and no warning', async () => {
    const here = folderWith({ 'palette-keys.yaml': specText(WRONG) });
    const { code, stderr } = await warm.run(['status', '--dir', store], { cwd: here });
    expect(code).toBe(2);
    expect(stderr).toMatch(/rootDomian/);
    expect(stderr).toMatch(/mongodb\.uri: must not turn off/);
    expect(stderr).not.toContain('warning:');
  });

  test.each([
    ['tenant', ['tenant', 'list']],
    ['rotate', ['rotate', 'root-key', '--compromised', '--assume-consumers-current=1', '--yes']],
  ])(
    '%s does not use the connection itself: it is refused (2), with the reason, and writes nothing',
    async (_, args) => {
      const folder = copyOf(store);
      const before = fingerprintOf(folder);
      const { code, stderr } = await warm.run([...args, '--dir', folder], { cwd });
      expect([code, stderr]).toEqual([2, expect.stringContaining('turns off what protects the connection: tls')]);
      expect(changesBetween(before, fingerprintOf(folder))).toEqual([]);
    },
  );

  it('status does not use the file, and says so', async () => {
    const { stdout } = await warm.run(['status', '--dir', store, '-o', 'json'], { cwd });
    const unseen = JSON.parse(stdout).findings.find(
      ({ code }: { readonly code: string }) => code === 'TENANT_KEYS_UNSEEN',
    );
    expect(unseen).toMatchObject({ message: expect.stringContaining('turns off what protects the connection: tls') });
  });

  it('a backup of it is restored, and init without a file goes on', async () => {
    const [file, passphrase] = [newPath('b.age'), fileWith('a long passphrase', 'p')];
    await warm.run(['backup', '--dir', store, '--out', file, '--passphrase-file', passphrase]);
    const folder = newPath();
    const args = ['restore', file, '--dir', folder, '--passphrase-file', passphrase, '--yes'];
    const { code, stderr } = await warm.run(args, { cwd });
    expect(code, stderr).toBe(0);
    const again = await warm.run(['init', '--dir', folder, '--yes']);
    expect(again.code, again.stderr).toBe(0);
  });
});
