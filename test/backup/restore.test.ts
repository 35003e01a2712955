// Covers: src/backup/plan/restore.ts, src/backup/restore.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ObjectRef } from '../../src/ports/object-ref.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  AUDIT,
  auditIn,
  edit,
  editData,
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
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { backupOf, command, contents, documentOf, restore, versionsIn, writtenSince } from './bench.ts';

const GROWN = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'];
const spec = smallSpec();
const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
/** An installation with a second version of four kinds, the first ones trusted; made of `made`. */
let grown: Snapshot;
let backup: Buffer;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  const growing = storeWith(made);
  for (const kind of GROWN) transplant(growing, secret(PLATFORM, `palette-${kind}`), foreign);
  await init(growing, { intent: { type: 'adopt' } });
  grown = growing.snapshot();
  backup = await backupOf(made);
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = storeWith(made);
});

/** Takes away what a disaster takes. */
function lose(from: MemoryStore, lost: (ref: ObjectRef) => boolean): void {
  for (const { ref } of from.snapshot().objects) if (lost(ref)) from.take(ref);
}

async function restoredWell(into: MemoryStore, plain: Uint8Array, flags: readonly string[] = []): Promise<void> {
  const outcome = await restore(into, plain, { flags });
  expect(outcome.code, outcome.stderr).toBe(0);
}

/** A third party's look: the next `init` has nothing to do, and writes nothing. */
async function expectAtRest(into: MemoryStore): Promise<void> {
  const watched = new FaultyStore(into.again());
  const outcome = await command(watched, ['init']);
  expect(outcome.stdout).toContain('Nothing to do');
  expect(watched.log).toEqual([]);
}

describe('into an empty store', () => {
  test.each([
    ['fresh', () => made, {}],
    ['grown', () => grown, Object.fromEntries(GROWN.map((kind) => [kind, 2]))],
  ] as const)(
    'a %s installation comes back whole: kids, states, fingerprints, every byte of the ledger',
    async (_, snapshot, versions) => {
      const empty = memoryStore();
      await restoredWell(empty, await backupOf(snapshot()));
      expect(ledgerFacts(empty.snapshot())).toEqual(ledgerFacts(snapshot()));
      expect(versionsIn(recordIn(empty.snapshot()))).toEqual(versionsIn(recordIn(snapshot())));
      expect(faultsOf(empty.snapshot(), spec, versions)).toEqual([]);
      await expectAtRest(empty);
    },
  );

  test('what workloads mount is byte for byte what it was, save for certificates, which are issued anew', async () => {
    const empty = memoryStore();
    await restoredWell(empty, await backupOf(grown));
    for (const object of grown.objects) {
      if (object.damage !== undefined || object.ref.namespace !== PLATFORM || object.data['tls.key'] !== undefined)
        continue;
      expect(objectIn(empty.snapshot(), object.ref).data, formatRef(object.ref)).toEqual(object.data);
    }
  });

  test('id, spec, generation, date and history of the record are kept; it is ready in the end', async () => {
    const empty = memoryStore();
    await restoredWell(empty, await backupOf(grown));
    const [before, after] = [recordIn(grown), recordIn(empty.snapshot())];
    for (const { versions } of Object.values<{ versions: { backups: unknown[] }[] }>(after.keys)) {
      for (const version of versions) version.backups = [];
    }
    // The audit log goes on from the line that the backup knew.
    expect(after.audit.start).toEqual(before.audit);
    expect({ ...after, audit: undefined }).toEqual({ ...before, audit: undefined });
    expect(after.ready).toBe(true);
  });

  test('the record says which file it came from, beside the backups that it knew of', async () => {
    const before = storeWith(made);
    await command(before, ['backup', '--out', 'older.age', '--recipient', 'age1x']);
    const empty = memoryStore();
    await restoredWell(empty, await backupOf(before.snapshot()));
    for (const { versions } of Object.values<{ versions: { backups: { file: string; sha256: string }[] }[] }>(
      recordIn(empty.snapshot()).keys,
    )) {
      expect(versions[0]?.backups.map(({ file }) => file)).toEqual(['older.age', 'b.age']);
      expect(versions[0]?.backups[1]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('the root key is written before every other key, and the record before what workloads mount', async () => {
    const watched = new FaultyStore(memoryStore());
    expect((await restore(watched, await backupOf(grown))).code).toBe(0);
    const places = watched.log.map(({ object }) => object);
    expect(places[0]).toBe(`${PLATFORM},${LEDGER}`);
    const keys = places.filter((place) => place.includes('/palette-key-'));
    expect(keys.slice(0, 2)).toEqual([formatRef(ledgerRef('root-key')), formatRef(ledgerRef('root-key', 2))]);
    expect(places.indexOf(formatRef(RECORD))).toBeLessThan(
      places.findIndex((place) => place.startsWith(`Secret/${PLATFORM}/`)),
    );
  });

  test('the audit log tells which keys were brought back', async () => {
    const empty = memoryStore();
    await restoredWell(empty, backup);
    const audited = auditIn(empty.snapshot()).flatMap(({ changes }) =>
      changes.map(({ object }: { object: string }) => object),
    );
    expect(auditIn(empty.snapshot())[0]).toMatchObject({ command: 'restore' });
    for (const place of ledgerFacts(made).keys()) expect(audited).toContain(place);
    const kids = auditIn(empty.snapshot()).flatMap(({ changes }) => changes.map(({ kid }: { kid?: string }) => kid));
    expect(kids).toContain(recordIn(made).keys['root-key'].versions[0].kid);
  });
});

test('a retired key, of which nothing else is made: it comes back, and the audit log tells of it', async () => {
  const retiring = storeWith(grown);
  editRecord(retiring, (record) => {
    const [first, second] = record.keys['root-key'].versions;
    const versions = [{ ...first, state: 'retired' }, second];
    return { ...record, keys: { ...record.keys, 'root-key': { ...record.keys['root-key'], versions } } };
  });
  await init(retiring);
  const plain = await backupOf(retiring.snapshot());
  retiring.take(ledgerRef('root-key'));
  const before = auditIn(retiring.snapshot()).length;
  const watched = new FaultyStore(retiring);
  const outcome = await restore(watched, plain);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(watched.log.map(({ object }) => object)).toEqual([ledgerRef('root-key'), AUDIT, RECORD].map(formatRef));
  expect(auditIn(retiring.snapshot())).toHaveLength(before + 1);
  expect(auditIn(retiring.snapshot()).at(-1)).toMatchObject({
    command: 'restore',
    changes: [{ action: 'create', object: formatRef(ledgerRef('root-key')), key: 'root-key' }],
  });
});

/** One thing that is gone, and what brings it back. */
const LOSSES: readonly (readonly [string, (ref: ObjectRef) => boolean])[] = [
  ['the ledger namespace', ({ namespace }) => namespace === LEDGER],
  ['the ledger, while the record is there', ({ name }) => name.startsWith('palette-key-')],
  ['the root key', ({ name }) => name === 'palette-key-root-key-v1'],
  ['the root key and its projection', ({ name }) => /root-key/.test(name)],
  ['a CA', ({ name }) => name === 'palette-key-internal-ca-v1'],
  ['half of the ledger', ({ name }) => /^palette-key-(hash|internal|message)/.test(name)],
  ['the record', ({ name }) => name === RECORD.name],
  ['record and audit', ({ kind, namespace }) => kind === 'ConfigMap' && namespace === LEDGER],
  ['all but the record', ({ name }) => name !== RECORD.name],
  ['what workloads mount', ({ namespace }) => namespace === PLATFORM],
  ['nothing', () => false],
];

describe('into a store that has lost', () => {
  test.each(LOSSES)('%s: what is missing comes back, what is there stays as it is', async (_, lost) => {
    lose(store, lost);
    const kept = store.snapshot();
    const watched = new FaultyStore(store);
    const outcome = await restore(watched, backup);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(ledgerFacts(store.snapshot())).toEqual(ledgerFacts(made));
    expect(versionsIn(recordIn(store.snapshot()))).toEqual(versionsIn(recordIn(made)));
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    const now = contents(store.snapshot());
    for (const object of kept.objects) {
      const changes = [formatRef(RECORD), formatRef(AUDIT)].includes(formatRef(object.ref));
      if (!changes) expect(now.get(formatRef(object.ref)), formatRef(object.ref)).toBe(factsOf(object));
    }
    if (!kept.objects.some(({ ref }) => lost(ref)) && kept.objects.length === made.objects.length) {
      expect(watched.log).toEqual([]);
    }
    // A log that is gone beside a record that knows its last line is named, until init --yes begins it again.
    const isLogGone = lost(AUDIT) && !lost(RECORD);
    if (isLogGone) expect((await command(store, ['init', '--yes'])).code).toBe(0);
    await expectAtRest(store);
  });

  test.each([...'abcdefghi'].map((_, n) => n))('the %ith entry of the ledger: it alone is created', async (n) => {
    const [place = ''] = [...ledgerFacts(made).keys()].slice(n);
    lose(store, (ref) => formatRef(ref) === place);
    const watched = new FaultyStore(store);
    expect((await restore(watched, backup)).code).toBe(0);
    expect(watched.log.filter(({ operation }) => operation === 'create').map(({ object }) => object)).toEqual([place]);
    expect(watched.log.filter(({ operation }) => operation === 'replace').map(({ object }) => object)).not.toContain(
      place,
    );
    expect(contents(store.snapshot()).get(place)).toBe(ledgerFacts(made).get(place));
  });

  test('a key whose projection was damaged too: both come back, once --yes is given', async () => {
    lose(store, ({ name }) => name === 'palette-key-root-key-v1');
    store.damage(secret(PLATFORM, 'palette-root-key'), 'it is torn');
    const before = store.snapshot();
    const asked = await restore(store, backup);
    expect(asked.code, asked.stderr).toBe(2);
    expect(asked.stderr).toContain('--yes');
    expect(writtenSince(before, store)).toEqual([]);
    await restoredWell(store, backup, ['--yes']);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  });

  test('a key: the audit log tells that it was brought back', async () => {
    const { ref } = objectIn(made, ledgerRef('internal-ca'));
    lose(store, ({ name }) => name === ref.name);
    await restoredWell(store, backup);
    expect(auditIn(store.snapshot()).at(-1)).toMatchObject({ command: 'restore' });
    expect(JSON.stringify(auditIn(store.snapshot()).at(-1)?.changes)).toContain(formatRef(ref));
  });
});

describe('what stands in the way is refused, and nothing is written', () => {
  async function expectRefused(plain: Uint8Array, ...says: readonly (string | RegExp)[]): Promise<void> {
    const before = store.snapshot();
    for (const flags of [['--yes'], ['--verify'], ['--yes', '-o', 'json']]) {
      const outcome = await restore(store, plain, { flags });
      expect(outcome.code, outcome.stderr).toBe(5);
      for (const part of says) expect(outcome.stderr.replaceAll(/\s+/g, ' ')).toMatch(part);
      expect(writtenSince(before, store)).toEqual([]);
    }
  }

  test('a different key under the same name: both are named', async () => {
    transplant(store, ledgerRef('hash-salt'), foreign);
    const kids = [made, foreign].map((snapshot) => recordIn(snapshot).keys['hash-salt'].versions[0].kid);
    await expectRefused(backup, ...kids, /Secret\/palette-keys-system\/palette-key-hash-salt-v1/);
  });

  test('a different key in a ledger without a record', async () => {
    transplant(store, ledgerRef('hash-salt'), foreign);
    lose(store, ({ name }) => name === RECORD.name);
    const kids = [made, foreign].map((snapshot) => recordIn(snapshot).keys['hash-salt'].versions[0].kid);
    await expectRefused(backup, ...kids);
  });

  test('a damaged entry: it is said that it is damaged, and to move it away', async () => {
    store.damage(ledgerRef('hash-salt'), 'it is torn');
    await expectRefused(backup, /damaged: it is torn/, /hint: .*move it away and keep it/);
  });

  test('an entry whose key contradicts its kid: it is said that it is damaged, not that it is another key', async () => {
    editData(store, ledgerRef('hash-salt'), () => ({ key: Buffer.alloc(32, 7) }));
    await expectRefused(backup, /hint: .*move it away and keep it/);
  });

  test('an entry whose kid holds the key, as after a mix-up: it is not quoted', async () => {
    const key = 'CANARY-'.repeat(4);
    editData(store, ledgerRef('hash-salt'), () => ({ kid: key }));
    await expectRefused(backup, /hash-salt-v1/);
    const outcome = await restore(store, backup, { flags: ['--yes', '-o', 'json'] });
    expect(`${outcome.stdout}${outcome.stderr}`).not.toContain('CANARY');
  });

  test('a backup that is newer than the record of the store', async () => {
    lose(store, ({ name }) => name === 'palette-key-root-key-v1');
    await expectRefused(await backupOf(grown), /palette-key-root-key-v2/);
  });

  test('a backup that is older than what workloads use', async () => {
    store = storeWith(grown);
    lose(store, ({ namespace }) => namespace === LEDGER);
    await expectRefused(backup, /palette-root-key/, recordIn(grown).keys['root-key'].versions[1].kid);
  });

  test('a backup that is older than the ledger, where the record is lost: an old key is not made active again', async () => {
    store = storeWith(grown);
    lose(store, ({ name, namespace }) => name === RECORD.name || namespace === PLATFORM);
    await expectRefused(backup, /palette-key-\S+-v2/);
  });

  test('a record of a newer program', async () => {
    editRecord(store, (record) => ({ ...record, schemaVersion: 4 }));
    lose(store, ({ name }) => name === 'palette-key-root-key-v1');
    await expectRefused(backup, /schemaVersion 4/);
  });

  test('a Secret of somebody else under a name of the ledger', async () => {
    edit(store, ledgerRef('hash-salt'), () => ({ labels: {}, data: { theirs: Buffer.from('x') } }));
    const before = store.snapshot();
    const outcome = await restore(store, backup, { flags: ['--yes'] });
    expect([1, 5], outcome.stderr).toContain(outcome.code);
    expect(writtenSince(before, store)).toEqual([]);
  });
});

describe('a backup whose objects were touched, but not their keys, is refused, or comes back as it was made:', () => {
  type Touched = {
    metadata: { labels: Record<string, string>; annotations: Record<string, string> };
    [field: string]: unknown;
  };

  test.each<readonly [string, (secret: Touched) => void]>([
    [
      'a label that says who manages it',
      ({ metadata }) => Object.assign(metadata.labels, { 'app.kubernetes.io/managed-by': 'Helm' }),
    ],
    [
      'a label that says what kind it is',
      ({ metadata }) => Object.assign(metadata.labels, { 'palette-keys.dev/kind': 'root-key' }),
    ],
    ['a label that is missing', ({ metadata }) => void delete metadata.labels['app.kubernetes.io/managed-by']],
    ['annotations that keep it from being pruned', ({ metadata }) => Object.assign(metadata, { annotations: {} })],
    ['a type', (secret) => Object.assign(secret, { type: 'kubernetes.io/tls' })],
    ['no type', (secret) => void delete secret['type']],
    ['that it is immutable', (secret) => void delete secret['immutable']],
    [
      'a label of somebody else',
      ({ metadata }) => Object.assign(metadata.labels, { 'app.kubernetes.io/instance': 'x' }),
    ],
    [
      'an annotation of somebody else',
      ({ metadata }) => Object.assign(metadata.annotations, { 'example.org/hook': 'x' }),
    ],
    [
      'an owner',
      ({ metadata }) => Object.assign(metadata, { ownerReferences: [{ kind: 'Pod', name: 'x', uid: 'x' }] }),
    ],
    ['an entry beside the key', ({ data }) => Object.assign(data as object, { 'run.sh': 'ZWNobwo=' })],
    ['an entry of other kinds', ({ data }) => Object.assign(data as object, { 'tls.crt': 'ZWNobwo=' })],
  ])('%s', async (_, touch) => {
    const list = JSON.parse(backup.toString());
    for (const item of list.items) if (item.metadata.name === 'palette-key-hash-salt-v1') touch(item);
    const empty = memoryStore();
    const outcome = await restore(empty, JSON.stringify(list), { flags: ['--yes'] });
    if (outcome.code === 4) {
      expect(empty.snapshot()).toEqual({ namespaces: [], objects: [] });
      return;
    }
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(ledgerFacts(empty.snapshot())).toEqual(ledgerFacts(made));
    expect(faultsOf(empty.snapshot(), spec)).toEqual([]);
  });
});

test('what else stands in a backup is not made: namespaces, objects, metadata of the record', async () => {
  const list = JSON.parse(backup.toString());
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'theirs', namespace: PLATFORM }, data: {} };
  const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs', labels: { x: 'y' } } };
  list.items.push(config, space);
  const record = list.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === RECORD.name);
  Object.assign(record.metadata, { labels: { x: 'y' }, annotations: { x: 'y' } });
  record.data['run.sh'] = 'echo';
  const empty = memoryStore();
  await restoredWell(empty, Buffer.from(JSON.stringify(list)));
  const [{ namespaces, objects }, expected] = [empty.snapshot(), memoryStore()];
  await restoredWell(expected, backup);
  expect(namespaces).toEqual(expected.snapshot().namespaces);
  expect(objects.map(({ ref }) => formatRef(ref))).toEqual(made.objects.map(({ ref }) => formatRef(ref)));
  expect(objectIn(empty.snapshot(), RECORD)).toMatchObject({
    labels: objectIn(made, RECORD).labels,
    annotations: objectIn(made, RECORD).annotations,
  });
  expect(Object.keys(objectIn(empty.snapshot(), RECORD).data)).toEqual(['record.json']);
});

test('a backup that the record names by commands to a terminal is not named any more', async () => {
  const list = JSON.parse(backup.toString());
  const item = list.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === RECORD.name);
  const record = JSON.parse(item.data['record.json']);
  const mark = { sha256: 'x', at: '2027-01-01T00:00:00Z', recipients: [] };
  const names = ['old.age', '\u001b]0;pwned\u0007.age'];
  record.keys['root-key'].versions[0].backups = names.map((file) => ({ file, ...mark }));
  item.data['record.json'] = JSON.stringify(record);
  const empty = memoryStore();
  await restoredWell(empty, Buffer.from(JSON.stringify(list)));
  const { backups } = recordIn(empty.snapshot()).keys['root-key'].versions[0];
  expect(backups.map(({ file }: { file: string }) => file)).toEqual(['old.age', 'b.age']);
});

describe('a record that is lost while the spec had changed since the backup', () => {
  test('the restored record is never older than what workloads mount', async () => {
    const wider = smallSpec({ grpc: { dnsNames: ['grpc.example.org'] } });
    await init(store, { spec: wider });
    lose(store, ({ name }) => name === RECORD.name);
    const newest = Math.max(...store.snapshot().objects.map(generationOf));
    expect(newest).toBe(2);
    await restoredWell(store, backup, ['--yes']);
    // What workloads mount goes back to the spec of the backup, and that is another state than generation 2 was.
    expect(recordIn(store.snapshot()).generation).toBe(newest + 1);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    await expectAtRest(store);
  });

  test('the restored record keeps the generation of what workloads mount where that is as the backup has it', async () => {
    for (const object of store.snapshot().objects) {
      if (object.ref.namespace === PLATFORM)
        edit(store, object.ref, ({ annotations }) => ({
          annotations: { ...annotations, 'palette-keys.dev/generation': '5' },
        }));
    }
    lose(store, ({ name }) => name === RECORD.name);
    await restoredWell(store, backup, ['--yes']);
    expect(recordIn(store.snapshot()).generation).toBe(5);
    await expectAtRest(store);
  });

  test('a record that is there keeps its own spec, and nobody is asked about the one of the backup', async () => {
    const wider = smallSpec({ grpc: { dnsNames: ['grpc.example.org'] } });
    await init(store, { spec: wider });
    const before = contents(store.snapshot());
    lose(store, ({ name }) => name === 'palette-key-hash-salt-v1');
    const rehearsed = documentOf(await restore(store, backup, { flags: ['--verify', '-o', 'json'] }));
    expect(rehearsed.counts).toMatchObject({ create: 1, update: 0, restore: 0 });
    expect(documentOf(await restore(store, backup, { flags: ['-o', 'json'] })).counts).toEqual(rehearsed.counts);
    expect(recordIn(store.snapshot()).spec).toEqual(wider);
    for (const [place, facts] of contents(store.snapshot())) {
      if (![AUDIT, RECORD].map(formatRef).includes(place)) expect(facts, place).toBe(before.get(place));
    }
  });
});

function generationOf(object: Snapshot['objects'][number]): number {
  return object.damage === undefined ? Number(object.annotations['palette-keys.dev/generation'] ?? 0) : 0;
}

describe('a rehearsal', () => {
  test.each(LOSSES)(
    'of a store that has lost %s writes nothing, and counts what a restore then does',
    async (_, lost) => {
      lose(store, lost);
      const before = store.snapshot();
      const counts: unknown[] = [];
      for (const flag of ['--verify', '--dry-run']) {
        const outcome = await restore(store, backup, { flags: [flag, '-o', 'json'] });
        expect(outcome.code, outcome.stderr).toBe(0);
        expect(documentOf(outcome)).toMatchObject({ kind: 'RestoreResult', verified: true, written: false });
        expect(writtenSince(before, store)).toEqual([]);
        counts.push(documentOf(outcome).counts);
      }
      const done = documentOf(await restore(store, backup, { flags: ['-o', 'json'] }));
      expect(counts).toEqual([done.counts, done.counts]);
    },
  );

  test('counts what a restore then does', async () => {
    lose(store, ({ name }) => /hash-salt|^palette-auth-tls$/.test(name));
    const counts = { create: 1, keep: 17, restore: 2, update: 0, blocked: 0 };
    expect(documentOf(await restore(store, backup, { flags: ['--verify', '-o', 'json'] })).counts).toEqual(counts);
    expect(documentOf(await restore(store, backup, { flags: ['-o', 'json'] })).counts).toEqual(counts);
  });

  test('needs no --yes for what a restore asks about', async () => {
    lose(store, ({ name }) => name === 'palette-key-root-key-v1');
    store.damage(secret(PLATFORM, 'palette-root-key'), 'it is torn');
    expect((await restore(store, backup, { flags: ['--verify'] })).code).toBe(0);
  });
});

describe('what the run says', () => {
  test.each(['json', 'yaml'])('is one document of kind RestoreResult with -o %s', async (format) => {
    const empty = memoryStore();
    const { stdout } = await restore(empty, backup, { flags: ['-o', format] });
    const document = format === 'json' ? JSON.parse(stdout) : parse(stdout);
    expect(document).toMatchObject({
      apiVersion: 'palette-keys/v1',
      kind: 'RestoreResult',
      file: 'b.age',
      verified: true,
    });
    expect(Object.keys(document.counts)).toEqual(['create', 'keep', 'restore', 'update', 'blocked']);
    const { keys } = recordIn(made);
    expect(document.entries).toEqual(Object.keys(keys).map((key) => ({ key, n: 1, kid: keys[key].versions[0].kid })));
  });

  test('is a table of every key with its kid', async () => {
    const { stdout } = await restore(memoryStore(), backup);
    const { keys } = recordIn(made);
    for (const key of Object.keys(keys)) {
      expect(stdout).toMatch(new RegExp(`^${key} +v1 +${keys[key].versions[0].kid}$`, 'm'));
    }
  });
});

test.each([
  ['nothing', [], /--identity or --passphrase-file/],
  ['an identity and a passphrase', ['--identity', 'safe.key', '--passphrase-file', 'pass'], /exclude each other/],
  ['a file without an identity', ['--identity', 'none.key'], /none\.key holds no identity/],
  ['an identity file that is not there', ['--identity', 'other.key'], /other\.key/],
  ['an empty passphrase', ['--passphrase-file', 'empty'], /empty holds no passphrase/],
])('%s to open it with is a usage error', async (_, flags, says) => {
  const texts = { 'none.key': '# created: today\n', pass: 'x\n', empty: '\n' };
  const outcome = await command(memoryStore(), ['restore', 'b.age', ...flags], { texts });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr).toMatch(says);
});

test('a backup that is not there is a usage error', async () => {
  expect(await command(memoryStore(), ['restore', 'other.age', '--identity', 'safe.key'])).toMatchObject({ code: 2 });
});
