// Covers: src/ports/backup-files.ts

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type BackupMark, entriesOf, withBackup } from '../../src/backup/backup.ts';
import { decodeList } from '../../src/backup/plan/list.ts';
import { PaletteKeysError } from '../../src/errors.ts';
import type { KindId } from '../../src/ledger/entry.ts';
import { decodeRecord, recordObject } from '../../src/ledger/record.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { ManualClock, START } from '../support/clock.ts';
import {
  AUDIT,
  auditIn,
  editRecord,
  factsOf,
  init,
  installation,
  LEDGER,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  RECORD,
  recordIn,
  secret,
  storeWith,
  transplant,
  withoutNotes,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { backupOf, command, commandWell, contents, documentOf, Files, FOR, findingsOf, writtenSince } from './bench.ts';

const BACKUP = ['backup', '--out', 'b.age', ...FOR];
const KINDS: readonly KindId[] = [
  'root-key',
  'jwt-signing-key',
  'hash-salt',
  'internal-ca',
  'mongodb-auth',
  'cluster-ca',
  'message-bus-operator',
  'message-bus-signing-key',
  'message-bus-system-account',
];

const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let store: MemoryStore;
let files: Files;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  store = storeWith(made);
  files = new Files();
});

/** Of a file, as it is printed. */
function digestOf(name: string): string {
  return `SHA256:${createHash('sha256')
    .update(files.found.get(name) ?? new Uint8Array())
    .digest('hex')}`;
}

describe('a backup', () => {
  test('holds the namespaces, every object of the ledger and the record, as they are, and nothing else', async () => {
    const { namespaces, objects } = decodeList(await backupOf(made));
    expect(namespaces).toEqual([PLATFORM, LEDGER]);
    const held = new Map(objects.map((object) => [formatRef(object.ref), factsOf(withoutNotes(object))]));
    expect([...held.keys()].sort()).toEqual([...ledgerFacts(made).keys(), formatRef(RECORD)].sort());
    for (const [name, facts] of ledgerFacts(made)) expect(held.get(name)).toBe(facts);
    // The audit log is not in it: a restored one goes on from the line that the record knows.
    const record = recordIn(made);
    editRecord(store, (noted) => ({ ...noted, audit: { ...record.audit, start: record.audit } }));
    expect(held.get(formatRef(RECORD))).toBe(factsOf(objectIn(store.snapshot(), RECORD)));
  });

  test('holds every version of a key, whatever its state', async () => {
    transplant(store, secret(PLATFORM, 'palette-root-key'), foreign);
    await init(store, { intent: { type: 'adopt' } });
    const { objects } = decodeList(await backupOf(store.snapshot()));
    const names = objects.map(({ ref }) => ref.name);
    expect(names).toContain('palette-key-root-key-v1');
    expect(names).toContain('palette-key-root-key-v2');
  });

  test('is made of an installation whose projections are damaged or gone, for it does not need them', async () => {
    store.damage(secret(PLATFORM, 'palette-root-key'), 'it is torn');
    for (const { ref } of made.objects) {
      if (ref.namespace === PLATFORM && ref.name.endsWith('-tls')) store.take(ref);
    }
    await commandWell(store, BACKUP, { files });
    expect([...files.found.keys()]).toEqual(['b.age']);
  });

  test('is noted in the record at every version that it holds: file, digest, time and recipients', async () => {
    const clock = new ManualClock();
    clock.advance(86_400);
    const argv = ['backup', '--out', 'b.age', '--recipient', 'age1one', '--recipient', 'age1two'];
    await commandWell(store, argv, { files, clock });
    const digest = createHash('sha256')
      .update(files.found.get('b.age') ?? '')
      .digest('hex');
    const mark = { file: 'b.age', sha256: digest, at: '2027-01-02T00:00:00Z', recipients: ['age1one', 'age1two'] };
    const before = recordIn(made);
    const after = recordIn(store.snapshot());
    expect(Object.keys(after.keys)).toEqual(KINDS);
    for (const kind of KINDS) {
      expect(after.keys[kind].versions.map(({ backups }: { backups: unknown }) => backups)).toEqual([[mark]]);
      after.keys[kind].versions[0].backups = [];
    }
    after.audit = before.audit;
    expect(after).toEqual(before);
  });

  test('raises no generation, touches nothing but record and audit, and leaves the installation ready', async () => {
    const before = store.snapshot();
    await commandWell(store, BACKUP, { files });
    expect([...writtenSince(before, store)].sort()).toEqual([formatRef(AUDIT), formatRef(RECORD)].sort());
    expect(recordIn(store.snapshot())).toMatchObject({ generation: 1, ready: true });
    expect((await commandWell(store, ['init'])).stdout).toContain('Nothing to do');
  });

  test('is one line of the audit log, with every key and the file', async () => {
    await commandWell(store, BACKUP, { files });
    const line = auditIn(store.snapshot()).at(-1);
    expect(line).toMatchObject({ command: 'backup', result: 'done', generation: 1, user: 'tester' });
    const keys = recordIn(store.snapshot()).keys;
    expect(line.changes).toEqual(
      KINDS.map((key) => ({
        action: 'backup',
        object: `${key} v1 in b.age (${digestOf('b.age')})`,
        key,
        kid: keys[key].versions[0].kid,
      })),
    );
  });

  test('with a passphrase is noted as such', async () => {
    const argv = ['backup', '--out', 'b.age', '--passphrase-file', 'pass'];
    await commandWell(store, argv, { files, texts: { pass: 'correct horse battery staple\n' } });
    const [mark] = recordIn(store.snapshot()).keys['root-key'].versions[0].backups;
    expect(mark.recipients).toEqual(['passphrase']);
    expect(JSON.stringify(recordIn(store.snapshot()))).not.toContain('horse');
  });

  test('takes the time into its name where {time} stands, for a CronJob that has no shell', async () => {
    const clock = new ManualClock('2027-01-31T04:59:00Z');
    const argv = ['backup', '--out', '/backup/palette-keys-{time}.age', ...FOR, '-o', 'json'];
    const name = '/backup/palette-keys-20270131T045900Z.age';
    expect(documentOf(await commandWell(store, argv, { files, clock })).file).toBe(name);
    expect([...files.found.keys()]).toEqual([name]);
    expect(recordIn(store.snapshot()).keys['root-key'].versions[0].backups).toMatchObject([{ file: name }]);
    clock.advance(1);
    await commandWell(store, argv, { files, clock });
    expect(files.found.size).toBe(2);
  });

  test('after backup after backup leaves a record that a ConfigMap can hold, with the newest in it', () => {
    // A CronJob that runs every day makes so many in two years; the API takes ConfigMaps of up to 1 MiB.
    let record = decodeRecord(objectIn(made, RECORD).data);
    const newest = { file: '', sha256: 'a'.repeat(64), at: START, recipients: [`age1${'q'.repeat(58)}`] };
    let mark: BackupMark = newest;
    for (let day = 0; day < 730; day++) {
      mark = { ...newest, file: `/backup/palette-keys-day-${day}.age` };
      record = withBackup(record, mark, entriesOf(record));
    }
    const bytes = recordObject(RECORD, record, '0.1.0').data['record.json'] ?? new Uint8Array();
    expect(bytes.length).toBeLessThan(512 * 1024);
    for (const kind of KINDS) expect(record.keys[kind]?.versions[0]?.backups.at(-1)).toEqual(mark);
  });
});

describe('what the run says', () => {
  test('is a table of every key with its kid, and names the file', async () => {
    const { stdout } = await commandWell(store, BACKUP, { files });
    for (const kind of KINDS) {
      expect(stdout).toMatch(new RegExp(`^${kind} +v1 +${recordIn(made).keys[kind].versions[0].kid}$`, 'm'));
    }
    expect(stdout).toMatch(/b\.age: 9 keys\.$/m);
  });

  test.each(['json', 'yaml'])('is one document of kind BackupResult with -o %s', async (format) => {
    const { stdout } = await commandWell(store, [...BACKUP, '-o', format], { files });
    const document = format === 'json' ? JSON.parse(stdout) : parse(stdout);
    expect(document).toEqual({
      apiVersion: 'palette-keys/v1',
      kind: 'BackupResult',
      file: 'b.age',
      sha256: digestOf('b.age'),
      entries: KINDS.map((key) => ({ key, n: 1, kid: recordIn(made).keys[key].versions[0].kid })),
      verified: true,
    });
  });

  test('is one document of kind Error with -o json where it fails', async () => {
    const outcome = await command(memoryStore(), [...BACKUP, '-o', 'json'], { files });
    expect(outcome.code).toBe(1);
    expect(documentOf(outcome)).toMatchObject({ kind: 'Error', code: 'NOT_INSTALLED' });
  });
});

describe('a rehearsal', () => {
  test('writes neither file nor record, and says what would be in the file', async () => {
    const before = store.snapshot();
    const outcome = await commandWell(store, [...BACKUP, '--dry-run', '-o', 'json'], { files });
    expect(documentOf(outcome)).toMatchObject({ kind: 'BackupResult', file: null, verified: false });
    expect(documentOf(outcome).entries).toHaveLength(9);
    expect(files.steps).toEqual([]);
    expect(writtenSince(before, store)).toEqual([]);
  });
});

describe('to a pipe', () => {
  const PIPED = ['backup', '--out', '-', ...FOR];

  test('the file is all that stdout gets', async () => {
    for (const more of [[], ['-o', 'json'], ['-q']]) {
      const { bytes } = await commandWell(storeWith(made), [...PIPED, ...more], { files });
      const plain = Buffer.from(bytes).subarray(Buffer.from(bytes).indexOf('\n') + 1);
      expect(decodeList(plain).objects).toHaveLength(10);
      expect(files.steps).toEqual([]);
    }
  });

  test('a terminal gets nothing: exit code 2', async () => {
    const before = store.snapshot();
    const outcome = await command(store, PIPED, { files, shows: true });
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('terminal');
    expect(writtenSince(before, store)).toEqual([]);
  });
});

describe('for whom', () => {
  const texts = {
    'recipients.txt': '# the safe\nage1safe\n\n  age1vault  \r\n# age1nobody\n',
    'nobody.txt': '# age1nobody\n\n',
    pass: 'correct horse\r\n',
    empty: '\n',
  };

  test.each([
    ['recipients of a file, without its comments and empty lines', ['-R', 'recipients.txt'], ['age1safe', 'age1vault']],
    [
      'recipients of flags and of a file',
      ['--recipient', 'age1a', '--recipients-file', 'recipients.txt', '--recipient', 'age1b'],
      ['age1a', 'age1b', 'age1safe', 'age1vault'],
    ],
  ])('%s', async (_, flags, expected) => {
    await commandWell(store, ['backup', '--out', 'b.age', ...flags], { files, texts });
    const [mark] = recordIn(store.snapshot()).keys['root-key'].versions[0].backups;
    expect(mark.recipients).toEqual(expected);
  });

  test.each([
    ['nobody', [], /--recipient, -R or --passphrase-file/],
    ['a file that names nobody', ['-R', 'nobody.txt'], /nobody\.txt names no recipient/],
    ['a file that is not there', ['-R', 'other.txt'], /other\.txt/],
    ['recipients and a passphrase', ['--recipient', 'age1a', '--passphrase-file', 'pass'], /not for both/],
    ['an empty passphrase', ['--passphrase-file', 'empty'], /empty holds no passphrase/],
    ['a passphrase file that is not there', ['--passphrase-file', 'other'], /other/],
  ])('%s is a usage error, and nothing is written', async (_, flags, says) => {
    const before = store.snapshot();
    const outcome = await command(store, ['backup', '--out', 'b.age', ...flags], { files, texts });
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).not.toContain('horse');
    expect(files.steps).toEqual([]);
    expect(writtenSince(before, store)).toEqual([]);
  });

  test.each([[[]], [['--dry-run']]])('-n that the record contradicts is a usage error (%j)', async (flags) => {
    const { code, stderr } = await command(store, [...BACKUP, ...flags, '-n', 'elsewhere'], { files });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`-n elsewhere: the installation is ${PLATFORM}`)]);
    expect([files.found.size, contents(store.snapshot())]).toEqual([0, contents(made)]);
    expect((await command(store, [...BACKUP, ...flags, '-n', PLATFORM], { files })).code).toBe(0);
  });

  test('no place for the file is a usage error', async () => {
    expect(await command(store, ['backup', ...FOR], { files })).toMatchObject({ code: 2 });
  });
});

describe('what is not whole is not backed up', () => {
  test.each<readonly [string, () => void, number]>([
    ['a store without an installation', () => store.restore({ namespaces: [], objects: [] }), 1],
    ['a ledger entry that is gone, though a projection holds its key', () => store.take(ledgerRef('hash-salt')), 5],
    ['a ledger entry that is gone for good', () => store.take(ledgerRef('internal-ca')), 5],
    ['a ledger entry that is damaged', () => store.damage(ledgerRef('hash-salt'), 'it is torn'), 5],
    ['the key of another installation', () => transplant(store, ledgerRef('hash-salt'), foreign), 5],
    ['no record', () => store.take(RECORD), 5],
    ['a damaged record', () => store.damage(RECORD, 'it is torn'), 5],
    ['a run that was interrupted', () => editRecord(store, (record) => ({ ...record, ready: false })), 5],
    ['a record of a newer program', () => editRecord(store, (record) => ({ ...record, schemaVersion: 4 })), 5],
  ])('%s: refused, no file, nothing written', async (_, harm, code) => {
    harm();
    const before = store.snapshot();
    for (const more of [[], ['--dry-run']]) {
      const outcome = await command(store, [...BACKUP, ...more], { files });
      expect(outcome.code, outcome.stderr).toBe(code);
      expect(outcome.stderr).toMatch(/^palette-keys: error: .*\npalette-keys: hint: ./m);
    }
    expect(files.steps).toEqual([]);
    expect(writtenSince(before, store)).toEqual([]);
  });
});

describe('a file that cannot be relied on', () => {
  test.each<readonly [string, (bytes: Uint8Array) => Uint8Array]>([
    ['a byte that is another one', (bytes) => bytes.map((byte, at) => (at === 900 ? byte ^ 1 : byte))],
    ['its end missing', (bytes) => bytes.subarray(0, -1)],
    ['more at its end', (bytes) => Uint8Array.from([...bytes, 10])],
    ['nothing in it', () => new Uint8Array()],
    ['another backup in it', (bytes) => Buffer.from(Buffer.from(bytes).toString().replaceAll('v1', 'v2'))],
  ])('is found when it is read back with %s: exit code 1, no file, nothing noted', async (_, disk) => {
    const before = store.snapshot();
    const outcome = await command(store, BACKUP, { files: files.readingBack(disk) });
    expect(outcome.code, outcome.stderr).toBe(1);
    expect([...files.found.keys()]).toEqual([]);
    expect(writtenSince(before, store)).toEqual([]);
  });

  test('is never put in the place of another one: exit code 2, the other one stays', async () => {
    files.found.set('b.age', Buffer.from('theirs'));
    const before = store.snapshot();
    const outcome = await command(store, BACKUP, { files });
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(Buffer.from(files.found.get('b.age') ?? []).toString()).toBe('theirs');
    expect(writtenSince(before, store)).toEqual([]);
  });
});

describe('beside another run', () => {
  test('that holds the lock, no file is made that the record will not know', async () => {
    const lock = await store.again().lock({ command: 'init', user: 'another', since: START });
    const outcome = await command(store, BACKUP, { files });
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr).toContain('another');
    expect([...files.found.keys()]).toEqual([]);
    await lock.release();
    await commandWell(store, BACKUP, { files });
  });

  test('that changes the record while the file is written, both changes are there', async () => {
    files.onStep((step) => {
      if (step === 'staged')
        editRecord(store, ({ keys, ...record }) => {
          keys['root-key'].evidence = [{ type: 'seen', more: [true] }];
          return { ...record, keys };
        });
    });
    await commandWell(store, BACKUP, { files });
    const key = recordIn(store.snapshot()).keys['root-key'];
    expect(key).toMatchObject({
      evidence: [{ type: 'seen', more: [true] }],
      versions: [{ backups: [{ file: 'b.age' }] }],
    });
  });

  test('that takes the record away while the file is written, the failure is told as one, not as a bug', async () => {
    files.onStep((step) => {
      if (step === 'staged') store.take(RECORD);
    });
    const outcome = await command(store, BACKUP, { files });
    expect(outcome.code, outcome.stderr).toBe(1);
  });
});

test('an interruption is told as one, and what the record says of backups is true', async () => {
  const controller = new AbortController();
  files.onStep((step) => {
    const reason = new PaletteKeysError('INTERRUPTED', 'ended by SIGINT', { hint: 'none' });
    if (step === 'check') controller.abort(reason);
  });
  const outcome = await command(store, BACKUP, { files, signal: controller.signal });
  expect(outcome.code, outcome.stderr).toBe(130);
  const noted = !(await findingsOf(store)).includes('ROOT_KEY_NOT_BACKED_UP');
  expect(noted ? [...files.found.keys()] : ['b.age']).toEqual(['b.age']);
});

test('two backups are two files, and both are noted', async () => {
  await commandWell(store, BACKUP, { files });
  await commandWell(store, ['backup', '--out', 'c.age', ...FOR], { files });
  expect([...files.found.keys()]).toEqual(['b.age', 'c.age']);
  const [{ backups }] = recordIn(store.snapshot()).keys['hash-salt'].versions;
  expect(backups.map(({ file }: { file: string }) => file)).toEqual(['b.age', 'c.age']);
  expect(contents(store.snapshot()).size).toBe(contents(made).size);
});
