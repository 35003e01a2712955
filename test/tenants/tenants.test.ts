// Covers: src/cli/tenant/command.ts, src/cli/tenant/render.ts, src/cli/tenant/run.ts
// Covers: src/tenants/findings.ts, src/tenants/plan/tenant-id.ts

/** `tenant` as a command, on stores in memory. */
import { Binary, Long } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openMongodbTenantStore } from '../../src/adapters/mongodb/tenant-store.ts';
import { PaletteKeysError } from '../../src/errors.ts';
import type { FoundTenant } from '../../src/ports/tenant-store.ts';
import { readTenantAccess } from '../../src/tenants/keyring.ts';
import { addTenants } from '../../src/tenants/tenants.ts';
import { type BenchOptions, command, type Outcome } from '../backup/bench.ts';
import { auditIn, editRecord, installation, portsOn, recordIn, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { BROKEN, withBrokenText } from '../support/mongodb/broken-text.ts';
import { type FakeMongodb, startFakeMongodb } from '../support/mongodb/fake-server.ts';
import { withSecondRootKey } from '../support/second-root-key.ts';

/** What nobody sees, and what turns the text around or ends a line elsewhere. */
const HIDDEN = ['join\u200Der', '\u202Enrut', 'line\u2028end'];
const IDS = Array.from({ length: 700 }, (_, i) => `tenant-${i}`);

let made: Snapshot;
let filled: ReadonlyMap<unknown, FoundTenant>;
let store: MemoryStore;
let tenants: MemoryTenantStore;

beforeAll(async () => {
  made = await installation();
  const ports = portsOn(storeWith(made));
  const full = new MemoryTenantStore();
  await addTenants([...IDS, ...HIDDEN, ' spaced'], await readTenantAccess(ports, undefined), {
    ...ports,
    tenants: full,
  });
  filled = full.documents;
});

beforeEach(() => {
  store = storeWith(made);
  tenants = new MemoryTenantStore(new Map(filled));
});

const tenant = (args: readonly string[], options: BenchOptions = {}): Promise<Outcome> =>
  command(store, ['tenant', ...args, '--mongodb-uri', 'mongodb://db'], {
    openTenantStore: async () => tenants,
    ...options,
  });

const idsIn = ({ tenants: all }: { readonly tenants: readonly { readonly tenant: string }[] }): readonly string[] =>
  all.map((each) => each.tenant);

describe('list', () => {
  /** Reads some documents, and then the server is gone. */
  const breakAfter = (count: number): void => {
    const all = [...filled.values()];
    tenants.scanInOrder = async function* () {
      if (count > 0) yield all.slice(0, count);
      throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'it went away', { hint: 'run the command again' });
    };
  };

  test('gives ids as they stand in JSON and YAML, and what a terminal can show in a table', async () => {
    const json = JSON.parse((await tenant(['list', '-o', 'json'])).stdout);
    expect([...idsIn(json)].sort()).toEqual([...filled.keys()].sort());
    expect(parse((await tenant(['list', '-o', 'yaml'])).stdout)).toEqual(json);
    const { stdout } = await tenant(['list']);
    expect(stdout).toMatch(/^join\uFFFDer /m);
    expect(stdout).not.toMatch(/[\u200D\u202E\u2028]/);
  });

  test('names a broken tenant as it stands in JSON, and as a terminal can show it in a table', async () => {
    tenants.put({ ...tenants.documents.get('join\u200Der'), bits: 7 });
    const json = await tenant(['verify', '-o', 'json']);
    expect(JSON.parse(json.stdout).failures).toMatchObject([{ tenant: 'join\u200Der', code: 'TENANT_MALFORMED' }]);
    expect((await tenant(['verify'])).stdout).toContain('TENANT_MALFORMED tenant/join\uFFFDer');
  });

  test.each(['json', 'yaml'])(
    'that breaks off before it has begun is a document of kind Error in %s',
    async (format) => {
      breakAfter(100);
      const { code, stdout } = await tenant(['list', '-o', format]);
      expect([code, parse(stdout)]).toMatchObject([1, { kind: 'Error', code: 'DATABASE_UNAVAILABLE' }]);
    },
  );

  test.each(['json', 'yaml'])(
    'that breaks off later stays unfinished in %s: there is no second document',
    async (format) => {
      breakAfter(600);
      const { code, stdout, stderr } = await tenant(['list', '-o', format]);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/error: it went away\n.*hint: run the command again/)]);
      expect(stdout.match(/apiVersion/g)).toHaveLength(1);
      expect(stdout).toContain('tenant-7');
      expect(stdout).not.toContain('counts');
      if (format === 'json') expect(() => JSON.parse(stdout)).toThrow();
    },
  );

  test.each(['add', 'list', 'verify', 'remove', 'rewrap'])('%s does not write for Prometheus', async (verb) => {
    const ids = verb === 'add' || verb === 'remove' ? ['tenant-1'] : [];
    const { code, stdout, stderr } = await tenant([verb, ...ids, '-o', 'prometheus']);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('-o prometheus is for status')]);
  });
});

describe.each([
  ['retired', 'TENANT_KID_RETIRED'],
  ['destroyed', 'TENANT_KID_DESTROYED'],
])('a tenant key under a root key that is %s', (state, code) => {
  test('is named with the command that brings the root key back, complete', async () => {
    withSecondRootKey(store);
    const [{ kid }] = recordIn(store.snapshot()).keys['root-key'].versions;
    editRecord(store, (record) => {
      record.keys['root-key'].versions[0].state = state;
    });
    const table = await tenant(['verify']);
    expect(table.code).toBe(5);
    expect(table.stdout.replace(/\s+/g, ' ')).toContain(`palette-keys rotate root-key --reinstate ${kid} -`);
    const { failures } = JSON.parse((await tenant(['verify', '-o', 'json'])).stdout);
    expect(failures[0]).toEqual({ tenant: 'tenant-0', code, message: expect.stringContaining(kid), kid });
  });
});

describe('a sum', () => {
  test.each([
    ['verify', []],
    ['list', []],
    ['add', ['new-1', '--dry-run']],
    ['add', ['new-1']],
    ['remove', ['tenant-1', '--backup', 'r.json', '--dry-run']],
    ['remove', ['tenant-1', '--no-backup', '--yes']],
    ['rewrap', ['--dry-run']],
    ['rewrap', ['--yes']],
    ['rewrap', ['--shard', '0/2', '--yes']],
  ])('of %s %j fits into 80 columns', async (verb, args) => {
    withSecondRootKey(store);
    tenants = new MemoryTenantStore(new Map(filled), 'MongoDB at localhost:27017, hubbledb.tenantKeys');
    const { stdout } = await tenant([verb, ...args]);
    expect(stdout.replace(/\n/g, ' ')).toContain('MongoDB at localhost:27017, hubbledb.tenantKeys');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toMatch(/[^\n]\n$/);
  });
});

describe('-n', () => {
  test.each(['add', 'list', 'verify', 'remove', 'rewrap'])('that the record contradicts ends %s', async (verb) => {
    const ids = { add: ['tenant-1'], remove: ['tenant-1', '--no-backup'] }[verb] ?? [];
    const { code, stderr } = await tenant([verb, ...ids, '-n', 'elsewhere', '--yes']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('-n elsewhere: the installation is hubble-system')]);
    expect((await tenant([verb, ...ids, '-n', 'hubble-system', '--yes'])).code).toBe(0);
  });
});

describe('add --from', () => {
  const from = (text: string): Promise<Outcome> =>
    tenant(['add', '--from', 'ids.txt', '-o', 'json'], { texts: { 'ids.txt': text } });

  test('takes one id on a line', async () => {
    expect(JSON.parse((await from('new-1\r\n\nnew-2\n')).stdout)).toMatchObject({ added: ['new-1', 'new-2'] });
  });

  test('refuses a line that begins with #, which may be an id or a comment', async () => {
    const { code, stderr } = await from('new-1\n#2\n');
    expect([code, stderr]).toEqual([2, expect.stringContaining('begins with #')]);
    expect(tenants.documents.has('new-1')).toBe(false);
    expect((await tenant(['add', '#2'])).code).toBe(0);
    expect(tenants.documents.has('#2')).toBe(true);
  });
});

describe('add', () => {
  test('that is interrupted, and cannot tell the audit log what it added, says so', async () => {
    const interrupted = new AbortController();
    const ctrlC = new PaletteKeysError('INTERRUPTED', 'interrupted', { hint: 'run it again' });
    tenants.beforeWrite = () => interrupted.abort(ctrlC);
    store.lock = () => Promise.reject(new PaletteKeysError('STORE_UNAVAILABLE', 'the disk fails', { hint: 'none' }));
    const ids = { 'ids.txt': Array.from({ length: 600 }, (_, i) => `new-${i}`).join('\n') };
    const { code, stderr } = await tenant(['add', '--from', 'ids.txt'], { texts: ids, signal: interrupted.signal });
    expect([code, stderr]).toEqual([
      130,
      expect.stringMatching(/error: interrupted\n {2}- 500 tenants were added, but/),
    ]);
  });
});

describe('rewrap', () => {
  test('that fails half-way tells the audit log how many it wrapped anew', async () => {
    withSecondRootKey(store);
    tenants.beforeWrite = () => {
      if (tenants.writes === 2) throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'it went away', { hint: 'none' });
    };
    expect((await tenant(['rewrap', '--yes'])).code).toBe(1);
    const changes = auditIn(store.snapshot()).flatMap((line) => line.changes);
    expect(changes).toContainEqual(expect.objectContaining({ action: 'rewrap 200', object: 'tenants in memory' }));
  });
});

describe('remove', () => {
  test('of nobody makes no file, names none, and names each id once', async () => {
    const { code, stdout } = await tenant(['remove', 'no', 'no', '--backup', 'r.json', '--yes', '-o', 'json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { removed: [], missing: ['no'] }]);
    expect(JSON.parse(stdout)).not.toHaveProperty('file');
    expect((await tenant(['remove', 'no', '--backup', 'r.json', '--yes'])).stdout).not.toContain('r.json');
  });

  test('makes no copy where none is asked for', async () => {
    tenants.copies = () => Promise.reject(new Error('a copy'));
    expect((await tenant(['remove', 'tenant-3', '--no-backup', '--yes'])).code).toBe(0);
    expect(tenants.documents.has('tenant-3')).toBe(false);
  });

  test('takes an id that none is added under', async () => {
    const { code } = await tenant(['remove', ' spaced', '--no-backup', '--yes']);
    expect([code, tenants.documents.has(' spaced')]).toEqual([0, false]);
  });

  test('writes the whole document into the backup, and removes none that would not come back from there', async () => {
    const files = new Map<string, string>();
    const writeNew = async (file: string, text: string) => void files.set(file, text);
    tenants.put({ ...tenants.documents.get('tenant-1'), plan: 'gold' });
    expect((await tenant(['remove', 'tenant-1', '--backup', 'r.json', '--yes'], { writeNew })).code).toBe(0);
    expect(JSON.parse(files.get('r.json') ?? '')).toMatchObject({
      _id: 'tenant-1',
      bits: { $numberInt: '64' },
      plan: 'gold',
    });
    tenants.put({ ...tenants.documents.get('tenant-2'), plan: { $date: 'soon' } });
    const { code, stderr } = await tenant(['remove', 'tenant-2', '--backup', 's.json', '--yes'], { writeNew });
    expect([code, stderr, files.has('s.json')]).toEqual([5, expect.stringContaining('Extended JSON'), false]);
    expect(tenants.documents.has('tenant-2')).toBe(true);
    expect((await tenant(['remove', 'tenant-2', '--no-backup', '--yes'])).code).toBe(0);
  });

  test.each([[['--backup', 'r.json', '--no-backup']], [['--no-backup', '--backup', 'r.json']]])(
    'takes %j for no answer to whether there is to be a backup',
    async (flags) => {
      const { code, stderr } = await tenant(['remove', 'tenant-1', ...flags, '--yes']);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--backup and --no-backup exclude each other')]);
      expect(tenants.documents.has('tenant-1')).toBe(true);
    },
  );

  test('looks before anything else whether the file can be made, and names none that was not', async () => {
    const checkNew = async (file: string): Promise<void> => {
      if (file === 'taken.json') throw new PaletteKeysError('USAGE', 'it is there already', { hint: 'none' });
    };
    const dry = (file: string): Promise<Outcome> =>
      tenant(['remove', 'tenant-1', '--backup', file, '--dry-run', '-o', 'json'], { checkNew });
    expect(await dry('taken.json')).toMatchObject({ code: 2, stderr: expect.stringContaining('it is there already') });
    const { code, stdout } = await dry('new.json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { removed: ['tenant-1'], dryRun: true }]);
    expect(JSON.parse(stdout)).not.toHaveProperty('file');
    const unconfirmed = await tenant(['remove', 'tenant-1', '--backup', 'taken.json'], { checkNew });
    expect(unconfirmed.stderr).toContain('it is there already');
  });

  test.each([
    ['--backup', 'run the command again, with another name for the backup'],
    ['--no-backup', 'run the command again'],
  ])('of what others changed meanwhile says with %s what helps', async (flag, hint) => {
    tenants.remove = async () => 0;
    const flags = flag === '--backup' ? [flag, 'r.json'] : [flag];
    const { code, stderr } = await tenant(['remove', 'tenant-1', ...flags, '--yes'], {
      writeNew: async () => undefined,
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`hint: ${hint}\n`)]);
  });

  test('does not take an empty name for the backup', async () => {
    const { code, stderr } = await tenant(['remove', 'tenant-1', '--backup', '', '--yes']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--backup names no file')]);
    expect(tenants.documents.has('tenant-1')).toBe(true);
  });
});

describe('a document that is not of the documented form', () => {
  let server: FakeMongodb;
  let documents: readonly FoundTenant[];

  beforeAll(async () => {
    server = await startFakeMongodb((command) => {
      if ('authenticate' in command) return { dbname: '$external', user: 'CN=me' };
      const { $in } = (command['filter'] as { readonly _id?: { readonly $in: readonly string[] } })?._id ?? {};
      const asked = documents.filter(({ _id }) => $in === undefined || $in.includes(String(_id)));
      const firstBatch = 'find' in command ? asked : [{ _id: 'x', count: documents.length }];
      return withBrokenText({ ok: 1, cursor: { id: Long.ZERO, ns: 'd.c', firstBatch } });
    });
  });
  afterAll(() => server.stop());

  /** 100 sound ones, and one that has it there. */
  const on = (there: (sound: FoundTenant) => FoundTenant, args: readonly string[]): Promise<Outcome> => {
    const [first = {}, ...others] = [...filled.values()].slice(0, 101);
    documents = [there(first), ...others];
    server.commands.length = 0;
    const uri = `${server.uri}?authMechanism=MONGODB-X509&authSource=%24external`;
    return tenant(args, {
      openTenantStore: (place) => openMongodbTenantStore({ ...place, uri, ca: server.caPem, timeoutMs: 5000 }),
    });
  };
  const wrappedWith = (more: (wrapped: Readonly<Record<string, Uint8Array>>) => object) => (sound: FoundTenant) => {
    const wrapped = sound['wrapped'] as Readonly<Record<string, Uint8Array>>;
    return { ...sound, wrapped: { ...wrapped, ...more(wrapped) } };
  };
  const of = (subtype: number, name: string) =>
    wrappedWith(({ [name]: bytes = new Uint8Array() }) => ({ [name]: new Binary(bytes, subtype) }));
  const notUtf8 = 'holds text that is not UTF-8';
  const subtyped = (subtype: number, name: string): string => `wrapped.${name} is binary of subtype ${subtype}, not 0`;
  const first = IDS[0] ?? '';
  const places: readonly (readonly [string, string, string, (sound: FoundTenant) => FoundTenant])[] = [
    ['text that is not UTF-8 in its id', '\uFFFDbroken)', notUtf8, (sound) => ({ ...sound, _id: BROKEN })],
    ['text that is not UTF-8 in its kid', first, notUtf8, wrappedWith(() => ({ kid: BROKEN }))],
    ['text that is not UTF-8 beside', first, notUtf8, (sound) => ({ ...sound, name: { first: BROKEN } })],
    ['an iv of another subtype', first, subtyped(5, 'iv'), of(5, 'iv')],
    ['a ciphertext of another subtype', first, subtyped(128, 'ciphertext'), of(128, 'ciphertext')],
    ['a tag that is a UUID', first, subtyped(4, 'tag'), of(4, 'tag')],
    [
      'an id that cannot be made text',
      '(object) that cannot be shown',
      '_id is not a string',
      (sound) => ({ ...sound, _id: { toString: 1 } }),
    ],
  ];

  describe.each(places)('with %s', (_, shown, message, there) => {
    test.each([['list'], ['verify'], ['rewrap', '--dry-run'], ['rewrap', '--yes']])(
      'is named by %s, which examines all others and writes nothing',
      async (...args) => {
        withSecondRootKey(store);
        const { code, stdout } = await on(there, [...args, '-o', 'json']);
        const document = JSON.parse(stdout);
        expect([code, document]).toMatchObject([
          5,
          { failures: [{ tenant: shown, code: 'TENANT_MALFORMED', message }] },
        ]);
        expect(document.counts ?? document).toMatchObject(
          args[0] === 'rewrap' ? { total: 101, due: 100, rewrapped: 0 } : { total: 101, malformed: 1, unopenable: 0 },
        );
        const written = server.commands.filter((command) =>
          ['update', 'insert', 'delete'].some((name) => name in command),
        );
        expect(written).toEqual([]);
      },
    );
  });

  test.each([['--no-backup'], ['--backup', 'r.json']])('is not removed with %s either', async (...backup) => {
    const { code, stderr } = await on(of(128, 'ciphertext'), ['remove', first, ...backup, '--yes']);
    expect([code, stderr]).toEqual([5, expect.stringContaining(subtyped(128, 'ciphertext'))]);
    expect(stderr).not.toContain('backup');
    expect(server.commands.filter((command) => 'delete' in command)).toEqual([]);
  });

  test('with text that is not UTF-8 is not removed with a backup, which would bring another one back', async () => {
    const beside = (sound: FoundTenant) => ({ ...sound, name: BROKEN });
    const { code, stderr } = await on(beside, ['remove', IDS[0] ?? '', '--backup', 'r.json', '--yes']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('Extended JSON')]);
    expect(server.commands.filter((command) => 'delete' in command)).toEqual([]);
  });
});
