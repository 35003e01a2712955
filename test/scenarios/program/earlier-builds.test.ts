import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SCHEMA_VERSION } from '../../../src/ledger/record.ts';
import { AFTER, copyOfStore, EARLIER_BUILDS, fixture } from '../../support/earlier-builds.ts';
import { newFolder, newPath } from '../../support/program.ts';
import { codesOf, type InitResult, LEDGER, readRecord, specFile } from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm(2);
const schemaOf = (dir: string): number => (readRecord(dir) as unknown as { schemaVersion: number }).schemaVersion;

/** Runs a command that has to end so, and returns its JSON. */
async function run(argv: readonly string[], code = 0, cwd = newFolder()) {
  const outcome = await warm.run([...argv, '-o', 'json'], { cwd, now: AFTER });
  expect(outcome.code, `${argv.join(' ')}\n${outcome.stderr}`).toBe(code);
  return outcome.stdout === '' ? undefined : JSON.parse(outcome.stdout);
}

/** The bytes of every ledger entry, by file name. */
function ledgerOf(dir: string): ReadonlyMap<string, string> {
  const folder = path.join(dir, LEDGER, 'secrets');
  const data = (name: string): string => readFileSync(path.join(folder, name), 'utf8').split('\ndata:')[1] ?? '';
  return new Map(readdirSync(folder).map((name) => [name, data(name)]));
}

/** The evidence of every kind, in the form in which the record has it. */
function evidenceIn(dir: string): Readonly<Record<string, object>> {
  const keys = Object.entries(readRecord(dir).keys as Record<string, object> as Record<string, { evidence: object }>);
  return Object.fromEntries(keys.map(([kind, { evidence }]) => [kind, evidence]));
}

describe.each(EARLIER_BUILDS)('an installation that %s made', (build) => {
  /** Those of them that this build made. */
  const made = (...names: string[]): string[] => names.filter((name) => existsSync(fixture(build, name)));
  const stores = made('plain', 'rotated', 'evidence', 'csr', 'escrow');

  test.each(stores)('(%s) is shown as sound, and as one that init migrates', async (name) => {
    const status = await run(['status', '--dir', copyOfStore(build, name)]);
    expect(codesOf(status)).toContain('RECORD_OUTDATED');
    expect(status.findings.filter(({ severity }: { severity: string }) => severity === 'error')).toEqual([]);
  });

  test.each(stores)('(%s) is migrated by init alone, as a step that is confirmed, and no key changes', async (name) => {
    const dir = copyOfStore(build, name);
    const before = ledgerOf(dir);
    const { generation } = readRecord(dir);
    const schema = schemaOf(dir);
    const plan: InitResult = await run(['init', '--dir', dir, '--dry-run']);
    const update = plan.steps.filter(({ action }) => action !== 'keep');
    expect(update).toMatchObject([{ action: 'update', object: `ConfigMap/${LEDGER}/palette-keys-installation` }]);
    await run(['init', '--dir', dir], 2);
    expect(schemaOf(dir)).toBe(schema);
    await run(['init', '--dir', dir, '--yes']);
    expect(schemaOf(dir)).toBe(SCHEMA_VERSION);
    expect(readRecord(dir).generation).toBe(generation);
    expect(ledgerOf(dir)).toEqual(before);
    expect((await run(['init', '--dir', dir])).counts).toMatchObject({ create: 0, update: 0, restore: 0 });
    expect(codesOf(await run(['status', '--dir', dir]))).not.toContain('RECORD_OUTDATED');
  });

  test.each([
    ['before it is migrated', []],
    ['after it was migrated', ['init', '--yes']],
  ])('%s is rotated, backed up and restored', async (_, first) => {
    const dir = copyOfStore(build, 'rotated');
    if (first.length > 0) await run([...first, '--dir', dir]);
    const schema = schemaOf(dir);
    await run(['rotate', 'service-certificates', '--again', '--yes', '--dir', dir]);
    await run(['rotate', 'hash-salt', '--again', '--yes', '--dir', dir], 5); // no census
    await run(['rotate', 'internal-ca', '--yes', '--dir', dir], 6);
    const out = newPath('new.age');
    await run(['backup', '--dir', dir, '--out', out, '--passphrase-file', fixture(build, 'passphrase.txt')]);
    expect(schemaOf(dir)).toBe(schema);
    const other = newPath('other');
    const open = ['--passphrase-file', fixture(build, 'passphrase.txt')];
    await run(['restore', out, ...open, '--dir', other, '--yes']);
    expect(ledgerOf(other)).toEqual(ledgerOf(dir));
    expect(schemaOf(other)).toBe(schema);
    expect((await run(['status', '--dir', other])).installationId).toBe(readRecord(dir).installationId);
  });

  test.each(['before it is migrated', 'after it was migrated'])('%s takes a change of the spec', async (when) => {
    const dir = copyOfStore(build, 'plain');
    if (when.startsWith('after')) await run(['init', '--yes', '--dir', dir]);
    const spec = readRecord(dir).spec as Record<string, unknown>;
    const file = specFile({ ...spec, rotation: { minInterval: '48h' } });
    await run(['init', '--config', file, '--dir', dir], 2);
    await run(['init', '--config', file, '--dir', dir, '--yes']);
    expect(readRecord(dir).spec).toMatchObject({ rotation: { minInterval: '48h' } });
    expect(schemaOf(dir)).toBe(SCHEMA_VERSION);
  });

  const backups: readonly (readonly [string, readonly [string, string]])[] = [
    ['backup.age', ['--identity', 'identity.txt']],
    ['backup-rotated.age', ['--identity', 'identity.txt']],
    ['backup-passphrase.age', ['--passphrase-file', 'passphrase.txt']],
    ['backup-evidence.age', ['--identity', 'identity.txt']],
    ['backup-passphrase-odd.age', ['--passphrase-file', 'passphrase-odd.txt']],
    ['escrow.age', ['--identity', 'identity.txt']],
  ];
  test.each(backups.filter(([file]) => made(file).length > 0))(
    'comes back from %s into an empty store',
    async (file, [flag, opener]) => {
      const dir = newPath('back');
      await run(['restore', fixture(build, file), flag, fixture(build, opener), '--dir', dir, '--yes']);
      const of = copyOfStore(build, file.startsWith('escrow') ? 'escrow' : 'rotated');
      expect(readRecord(dir).installationId).toBe(readRecord(of).installationId);
      await run(['init', '--dir', dir, '--yes']);
      expect((await run(['init', '--dir', dir])).counts).toMatchObject({ create: 0, update: 0, restore: 0 });
    },
  );

  test('whose first run was killed is refused without its spec, and completed with it', async () => {
    const dir = copyOfStore(build, 'interrupted');
    const before = ledgerOf(dir);
    expect(await run(['init', '--dir', dir, '--yes'], 5)).toMatchObject({ kind: 'Error', code: 'REFUSED' });
    await run(['init', '--dir', dir, '--config', fixture(build, 'palette-keys.yaml')]);
    const after = ledgerOf(dir);
    for (const [name, bytes] of before) expect(after.get(name)).toBe(bytes);
  });

  test('with --escrow takes the same command again', async () => {
    const dir = copyOfStore(build, 'escrow');
    const escrow = ['--escrow-file', fixture(build, 'escrow.age'), '--escrow'];
    const recipient = /age1\w+/.exec(readFileSync(fixture(build, 'identity.txt'), 'utf8'))?.[0] ?? '';
    await run(['init', '--dir', dir, ...escrow, recipient, '--yes']);
    expect(schemaOf(dir)).toBe(SCHEMA_VERSION);
  });

  test.runIf(made('evidence').length > 0)(
    'goes on with rotations that are under way, before and after it is migrated',
    async () => {
      const dir = copyOfStore(build, 'evidence');
      const before = evidenceIn(dir);
      const schema = schemaOf(dir);
      const go = (kind: string, code: number) =>
        run(['rotate', kind, '--yes', '--dir', dir, `--assume-consumers-current=${readRecord(dir).generation}`], code);
      await go('internal-ca', 6); // promoted, as the version that replaces a compromised one
      await go('jwt-signing-key', 0); // tokens lived 24h until the spec said 1h
      expect(schemaOf(dir)).toBe(schema);
      const after = evidenceIn(dir);
      expect(after['internal-ca']).toMatchObject(before['internal-ca'] ?? {});
      expect(after['jwt-signing-key']).toHaveProperty(['jwt.before']);
      await run(['init', '--dir', dir, '--yes']);
      expect(schemaOf(dir)).toBe(SCHEMA_VERSION);
      expect(Object.values(evidenceIn(dir)).every(Array.isArray)).toBe(true);
      expect(evidenceIn(dir)['internal-ca']).toEqual(
        expect.arrayContaining([
          { type: 'replacement', n: 2 },
          { type: 'reissue', kind: 'service-certificates', since: expect.any(String) },
          { type: 'released-namespaces', namespaces: ['ui-system'] },
        ]),
      );
      await go('internal-ca', 0);
      const versions = readRecord(dir).keys['internal-ca']?.versions.map(({ state }) => state);
      expect(versions).toEqual(['retired', 'active']);
    },
  );

  test.runIf(made('backup-evidence.age').length > 0)(
    'is restored with its evidence in the form that it had',
    async () => {
      const dir = newPath('back');
      const open = ['--identity', fixture(build, 'identity.txt')];
      await run(['restore', fixture(build, 'backup-evidence.age'), ...open, '--dir', dir, '--yes']);
      expect(evidenceIn(dir)).toEqual(evidenceIn(copyOfStore(build, 'evidence')));
    },
  );
});
