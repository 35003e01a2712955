import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesBetween, fileWith, fingerprintOf, newPath, project } from '../../support/program.ts';
import { AUDIT, fileOf, RECORD, readRecord } from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm(2);
const HEAD = 'apiVersion: palette-keys/v1\nkind: Installation\n';

/** A copy of an installation that 0.1.0 made, with the modes that Git does not keep. */
function madeBy010(name: string): string {
  const folder = newPath();
  cpSync(path.join(project, 'test/fixtures/installations/0.1.0', name), folder, { recursive: true });
  execFileSync('chmod', ['-R', 'u=rwX,go=', folder]);
  return folder;
}

async function init(folder: string, ...args: string[]) {
  const { code, stdout, stderr } = await warm.run(['init', '--dir', folder, '-o', 'json', ...args]);
  return { code, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
}

const FILES: readonly (readonly [what: string, spec: string | undefined])[] = [
  ['no spec file', undefined],
  ['a spec file that leaves everything out', HEAD],
  ['a spec file with one of its fields', `${HEAD}rootDomain: palette.example.com\n`],
];

describe.each(['plain', 'rotated'])('an installation that 0.1.0 made (%s), with', (name) => {
  it.each(FILES)('%s, gets no default of this build: init --dry-run offers them', async (_, spec) => {
    const folder = madeBy010(name);
    const before = readRecord(folder);
    const prints = fingerprintOf(folder);
    const config = spec === undefined ? [] : ['--config', fileWith(spec)];

    const rehearsed = await init(folder, '--dry-run', ...config);
    expect(rehearsed.code, rehearsed.stderr).toBe(0);
    expect(rehearsed.result.specChanges).toEqual([]);
    const offers = rehearsed.result.findings.filter(({ code }: { code: string }) => code === 'SPEC_DEFAULT_CHANGED');
    expect(offers.map(({ subject, severity }: Record<string, string>) => [subject, severity])).toEqual([
      ['serviceCertificates.services', 'info'],
      ['messageBus', 'info'],
    ]);
    expect(changesBetween(prints, fingerprintOf(folder))).toEqual([]);

    const done = await init(folder, '--yes', ...config);
    expect(done.code, done.stderr).toBe(0);
    expect(done.result.counts).toMatchObject({ create: 0, restore: 0, blocked: 0 });
    expect([done.result.specChanges, done.result.released]).toEqual([[], []]);
    expect(JSON.stringify(done.result.findings)).not.toContain('SPEC_DEFAULT_CHANGED');
    expect(readRecord(folder).spec).toEqual(before.spec);
    const books = [fileOf(RECORD), fileOf(AUDIT)];
    expect(changesBetween(prints, fingerprintOf(folder)).filter((file) => !books.includes(file))).toEqual([]);
  });

  it('messageBus: null, asks; with --yes its keys stay in ledger and record, and its objects where they are', async () => {
    const folder = madeBy010(name);
    const before = readRecord(folder);
    const prints = fingerprintOf(folder);
    const config = ['--config', fileWith(`${HEAD}messageBus: null\n`)];

    const asked = await init(folder, ...config);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('--yes');
    expect(changesBetween(prints, fingerprintOf(folder))).toEqual([]);

    const done = await init(folder, '--yes', ...config);
    expect(done.code, done.stderr).toBe(0);
    expect(done.result.released.toSorted()).toEqual([
      'Secret/hubble-system/palette-message-bus-auth',
      'Secret/hubble-system/palette-message-bus-tls',
    ]);
    const after = readRecord(folder);
    expect(after.spec).toEqual({ ...before.spec, messageBus: null });
    // Evidence has another form since: how it is migrated is tested with the record.
    expect(versionsIn(after)).toEqual(versionsIn(before));
    const changed = changesBetween(prints, fingerprintOf(folder));
    expect(changed.filter((file) => file.includes('message-bus') || file.includes('-key-'))).toEqual([]);
  });
});

function versionsIn({ keys }: ReturnType<typeof readRecord>): unknown {
  return Object.entries(keys).map(([kind, { versions }]) => [kind, versions]);
}
