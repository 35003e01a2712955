/** Whose backup it is: encryption to a public recipient does not prove it, the digest does. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditIn, installation, recordIn, storeWith } from '../support/installations.ts';
import { memoryStore, type Snapshot } from '../support/memory-store.ts';
import { command, commandWell, documentOf, Files, FOR, WITH } from './bench.ts';

let ours: Snapshot;
let forged: Snapshot;
beforeAll(async () => {
  ours = await installation();
  forged = await installation();
});

const digestOf = (bytes: Uint8Array): string => `SHA256:${createHash('sha256').update(bytes).digest('hex')}`;
const RESTORE = ['restore', 'b.age', ...WITH];
const PIPED = ['restore', '-', ...WITH];

/** A backup of ours under `b.age`, and as what is piped in. */
async function backedUp(snapshot = ours) {
  const files = new Files();
  const store = storeWith(snapshot);
  const table = await commandWell(store, ['backup', '--out', 'b.age', ...FOR], { files });
  const bytes = files.found.get('b.age') ?? new Uint8Array();
  files.found.set('-', bytes);
  return { files, store, table, digest: digestOf(bytes) };
}

describe('backup', () => {
  test('prints the digest of the file, in the table and in the document, and record and audit log have it', async () => {
    const { table, store, files, digest } = await backedUp();
    expect(table.stdout).toContain(`\n${digest}\n`);
    expect(table.stderr).toContain(`--expect ${digest}`);
    const json = await commandWell(store, ['backup', '--out', 'c.age', ...FOR, '-o', 'json'], { files });
    const other = digestOf(files.found.get('c.age') ?? new Uint8Array());
    expect(documentOf(json).sha256).toBe(other);
    const { backups } = recordIn(store.snapshot()).keys['root-key'].versions[0];
    expect(backups.map(({ sha256 }: { sha256: string }) => `SHA256:${sha256}`)).toEqual([digest, other]);
    const lines = auditIn(store.snapshot()).filter((line) => line.command === 'backup');
    expect(lines.map(({ changes }) => changes[0].object)).toEqual([
      expect.stringContaining(digest),
      expect.stringContaining(other),
    ]);
  });

  test('into a pipe tells the digest on stderr, for stdout is the file', async () => {
    const { bytes, stderr } = await commandWell(storeWith(ours), ['backup', '--out', '-', ...FOR]);
    expect(stderr).toContain(digestOf(bytes));
  });
});

describe('restore', () => {
  test('shows id, digest, number of keys and last change of a backup, and says that encryption proves no origin', async () => {
    const { files, digest } = await backedUp(forged);
    for (const flags of [['--verify'], ['--dry-run'], []]) {
      const { stderr } = await commandWell(memoryStore(), [...RESTORE, ...flags], { files });
      const { installationId } = recordIn(forged);
      expect(stderr).toMatch(
        new RegExp(
          `^Backup of installation ${installationId}: 9 keys, last change 20\\S+Z\\n${digest}\\nEncryption does not`,
        ),
      );
    }
    const json = documentOf(await commandWell(memoryStore(), [...RESTORE, '--verify', '-o', 'json'], { files }));
    expect(json).toMatchObject({
      sha256: digest,
      installationId: recordIn(forged).installationId,
      changedAt: /Z$/.exec(json.changedAt)?.input,
    });
  });

  test('says so where the record of the store has noted the file', async () => {
    const { files, store } = await backedUp();
    expect((await commandWell(store, [...RESTORE, '--verify'], { files })).stderr).toContain('has noted this digest');
  });

  test.each([
    ['a file', RESTORE],
    ['a pipe', PIPED],
  ])('with --expect takes the one backup out of %s, and rejects any other one without a write', async (_, argv) => {
    const { files, digest } = await backedUp();
    for (const expected of [digest, digest.toUpperCase().replace('SHA256', 'sha256')]) {
      const { stderr } = await commandWell(memoryStore(), [...argv, '--expect', expected], { files });
      expect(stderr).toContain('It is the expected one.');
    }
    const other = await backedUp(forged);
    for (const flags of [['--yes'], ['--verify'], ['--dry-run'], ['-o', 'json']]) {
      const store = memoryStore();
      const outcome = await command(store, [...argv, '--expect', digest, ...flags], { files: other.files });
      expect(outcome.code).toBe(4);
      expect(outcome.stderr).toContain(digest);
      expect(outcome.stderr).toContain(other.digest);
      expect(store.snapshot()).toEqual(memoryStore().snapshot());
    }
  });

  test.each([
    '',
    'SHA256:',
    'a'.repeat(64),
    `SHA256:${'a'.repeat(63)}`,
    `SHA256:${'g'.repeat(64)}`,
    `SHA512:${'a'.repeat(64)}`,
  ])('refuses --expect %j, which is no digest, before it reads anything', async (text) => {
    const outcome = await command(memoryStore(), [...RESTORE, '--expect', text]);
    expect([outcome.code, outcome.stdout]).toEqual([2, '']);
    expect(outcome.stderr).toContain('--expect takes SHA256:');
  });
});
