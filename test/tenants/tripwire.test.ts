// Covers: src/cli/see-tenants.ts, src/cli/tenant-database.ts, src/reconcile/plan/findings/tenants.ts
// Covers: src/tenants/see.ts

/** `init` and `status` on a store and a database that do not belong together. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TenantDatabase } from '../../src/cli/ports.ts';
import { PaletteKeysError } from '../../src/errors.ts';
import { backupOf, command, type Outcome, restore } from '../backup/bench.ts';
import {
  editRecord,
  installation,
  ledgerRef,
  objectIn,
  RECORD,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { gone } from '../support/memory-census.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { RsaPool } from '../support/random.ts';
import { withSecondRootKey } from '../support/second-root-key.ts';
import { tenantOf } from '../support/tenant-store-contract.ts';

/** What the wizard asks is tested at a terminal; here it has got its answers. */
vi.mock('../../src/cli/init/prompts.ts', async () => {
  const { smallSpec: spec } = await import('../support/installations.ts');
  return { askForSpec: async () => spec() };
});

const STRANGE = 'z'.repeat(16);
const NAMED = ['--mongodb-uri', 'mongodb://db'];
const WITH_URI = smallSpec({ mongodb: { uri: 'mongodb://db.example' } });

const pool = new RsaPool();
let made: Snapshot;
let madeWithUri: Snapshot;
let store: MemoryStore;
let tenants: MemoryTenantStore;
/** Every place that was connected to. */
let asked: TenantDatabase[];
let connect: () => MemoryTenantStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  madeWithUri = await installation(WITH_URI);
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  tenants = new MemoryTenantStore();
  asked = [];
  connect = () => tenants;
});

/** Runs a command with the small spec in reach; a first one needs it. */
function on(one: MemoryStore, ...argv: readonly string[]): Promise<Outcome> {
  return command(one, argv, {
    texts: { 'small.yaml': JSON.stringify(smallSpec()), 'uri.yaml': JSON.stringify(WITH_URI) },
    openTenantStore: async (place) => {
      asked.push(place);
      return connect();
    },
  });
}

const unusable = (): never => {
  throw new PaletteKeysError('USAGE', 'the connection string turns off what protects the connection', { hint: 'none' });
};

const kidOf = (one: MemoryStore): string => recordIn(one.snapshot()).keys['root-key'].versions[0].kid;

const wrap = (kid: unknown, ...ids: readonly string[]): void => {
  for (const id of ids) tenants.put({ ...tenantOf(id), wrapped: { ...tenantOf(id).wrapped, kid } });
};

describe('a store without an installation', () => {
  const first = (...args: readonly string[]) => on(store, 'init', '--config', 'small.yaml', ...args);

  beforeEach(() => {
    store = memoryStore();
  });

  test.each([
    ['wrapped by a root key of old', STRANGE],
    ['that name no root key at all', undefined],
  ])('gets no new root key beside tenant keys %s', async (_, kid) => {
    wrap(kid, 'a', 'b', 'c');
    const { code, stdout, stderr } = await first(...NAMED, '-o', 'json');
    expect([code, stderr]).toEqual([5, expect.stringMatching(/holds 3 tenant keys already.*would open none of them/)]);
    const blocked = JSON.parse(stdout).steps.filter(({ action }: { action: string }) => action === 'blocked');
    expect(blocked).toEqual([
      expect.objectContaining({ object: 'Secret/palette-keys-system/palette-key-root-key-v1', key: 'root-key' }),
    ]);
    expect(JSON.parse(stdout).findings).toContainEqual(expect.objectContaining({ code: 'TENANT_KID_UNKNOWN' }));
    expect([store.snapshot().objects, (await first(...NAMED, '--dry-run')).code]).toEqual([[], 5]);
  });

  test('gets one where the database is empty, with what the connection string says alone', async () => {
    expect((await first(...NAMED)).code).toBe(0);
    expect(asked).toEqual([
      {
        uri: 'mongodb://db',
        login: undefined,
        authSource: 'admin',
        ca: undefined,
        database: 'hubbledb',
        collection: 'tenantKeys',
      },
    ]);
  });

  test('gets none where the database that somebody named cannot be asked (1)', async () => {
    connect = gone;
    const { code, stderr } = await first(...NAMED);
    expect([code, stderr, store.snapshot().objects]).toEqual([1, expect.stringContaining('cannot be reached'), []]);
  });

  test('asks no database that the spec alone names: there are no credentials for it yet', async () => {
    connect = gone;
    expect((await on(store, 'init', '--config', 'uri.yaml')).code).toBe(0);
    expect(asked).toEqual([]);
  });

  test('takes two ways to name one database for a mistake', async () => {
    expect((await first(...NAMED, '--mongodb-uri-file', 'small.yaml')).code).toBe(2);
  });
});

describe('an installation', () => {
  beforeEach(() => {
    store = storeWith(made);
  });

  test('that knows every root key of the tenant keys has nothing to say', async () => {
    wrap(kidOf(store), 'a', 'b');
    const { code, stdout } = await on(store, 'init', ...NAMED);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing to do')]);
    const status = await on(store, 'status', ...NAMED);
    expect([status.code, status.stdout]).toEqual([0, expect.not.stringContaining('TENANT_KID')]);
    expect(asked.map(({ login, ca }) => [login?.username, ca?.includes('BEGIN CERTIFICATE')])).toEqual([
      ['hubble', true],
      ['hubble', true],
    ]);
  });

  test('passes on by which name services find the database, for a record that says where they log in', async () => {
    const srvUri = 'mongodb+srv://db.example.test/d';
    editRecord(store, (record) => {
      record.spec.mongodb.uri = srvUri;
    });
    await on(store, 'status', ...NAMED);
    expect(asked).toMatchObject([{ uri: 'mongodb://db', authSource: undefined, srvUri }]);
  });

  test('behind the database is refused by init (5), though nothing is to be written, and an error in status (3)', async () => {
    wrap(STRANGE, 'a', 'b');
    wrap(kidOf(store), 'c');
    const before = store.snapshot();
    const { code, stderr } = await on(store, 'init', '--yes', ...NAMED);
    expect([code, stderr]).toEqual([
      5,
      expect.stringContaining(`2 tenant keys, wrapped by ${STRANGE}, which the record does not know`),
    ]);
    const status = await on(store, 'status', '-o', 'json', ...NAMED);
    expect([status.code, JSON.parse(status.stdout).findings]).toEqual([
      3,
      expect.arrayContaining([expect.objectContaining({ code: 'TENANT_KID_UNKNOWN', severity: 'error' })]),
    ]);
    expect(store.snapshot()).toEqual(before);
  });

  test('shows the kid that somebody wrote there without what a terminal would obey', async () => {
    wrap('\u001b[2Jkid\n', 'a');
    const { code, stderr } = await on(store, 'init', ...NAMED);
    expect([code, stderr.includes('[2Jkid'), stderr.includes('\u001b')]).toEqual([5, true, false]);
  });

  test('whose record is lost is judged by its ledger', async () => {
    wrap(kidOf(store), 'a');
    store.take(RECORD);
    expect((await on(store, 'init', '--config', 'small.yaml', '--dry-run', ...NAMED)).code).toBe(0);
    wrap(STRANGE, 'b');
    expect((await on(store, 'init', '--config', 'small.yaml', '--dry-run', ...NAMED)).code).toBe(5);
  });

  test('with tenant keys under a retired root key, or that name none, is told so; init goes on', async () => {
    withSecondRootKey(store);
    editRecord(store, (record) => {
      record.keys['root-key'].versions[0].state = 'retired';
    });
    wrap(kidOf(store), 'a');
    wrap(7, 'b');
    expect((await on(store, 'init', '--yes', ...NAMED)).code).toBe(0);
    const { code, stdout } = await on(store, 'status', '-o', 'json', ...NAMED);
    const codes = JSON.parse(stdout).findings.map((found: { code: string }) => found.code);
    expect([code, codes]).toEqual([3, expect.arrayContaining(['TENANT_KID_RETIRED', 'TENANT_MALFORMED'])]);
    expect(stdout).toContain(`--reinstate ${kidOf(store)}`);
  });

  test('with tenant keys under a destroyed root key is told what brings it back, by verify too', async () => {
    withSecondRootKey(store);
    const entry = objectIn(store.snapshot(), ledgerRef('root-key'));
    editRecord(store, (record) => {
      record.keys['root-key'].versions[0].state = 'destroyed';
    });
    store.take(ledgerRef('root-key'));
    wrap(kidOf(store), 'a');
    const remedyOf = async (): Promise<unknown> => {
      const status = await on(store, 'status', '-o', 'json', ...NAMED);
      const { findings } = JSON.parse(status.stdout) as { findings: { code: string; remedy: string }[] };
      return findings.filter(({ code }) => code === 'TENANT_KID_DESTROYED').map(({ remedy }) => remedy);
    };
    expect(await remedyOf()).toEqual([
      expect.stringMatching(/restore FILE brings it back; then palette-keys rotate root-key --reinstate/),
    ]);
    editRecord(store, (record) => {
      const mark = { file: 'old.age', sha256: 'a'.repeat(64), at: '2027-01-01T00:00:00Z', recipients: [] };
      record.keys['root-key'].versions[0].backups = [mark];
    });
    expect(await remedyOf()).toEqual([expect.stringContaining('palette-keys restore old.age brings it back; then')]);
    const verified = await on(store, 'tenant', 'verify', '-o', 'json', ...NAMED);
    expect([verified.code, JSON.parse(verified.stdout).findings ?? JSON.parse(verified.stdout).failures]).toEqual([
      5,
      [expect.objectContaining({ code: 'TENANT_KID_DESTROYED' })],
    ]);
    store.put(entry);
    expect(await remedyOf()).toEqual([`palette-keys rotate root-key --reinstate ${kidOf(store)}`]);
  });

  test('whose database somebody named, but cannot be asked, ends with 1', async () => {
    connect = gone;
    expect((await on(store, 'init', ...NAMED)).code).toBe(1);
    expect((await on(store, 'status', ...NAMED)).code).toBe(1);
  });

  test('whose database nobody named asks none', async () => {
    expect([(await on(store, 'init')).code, (await on(store, 'status')).code, asked]).toEqual([0, 0, []]);
  });

  test('that adopts the root key of old takes its tenant keys with it', async () => {
    const old = objectIn(made, ledgerRef('root-key')).data['key'];
    const other = memoryStore();
    const { labels: _, annotations: __, ...object } = objectIn(made, ledgerRef('root-key'));
    const ref = { kind: 'Secret', namespace: 'hubble-system', name: 'palette-root-key' } as const;
    other.put({
      ...object,
      ref,
      labels: {},
      annotations: {},
      immutable: false,
      data: { key: old ?? new Uint8Array() },
    });
    wrap(kidOf(store), 'a');
    expect((await on(other, 'init', '--config', 'small.yaml', '--adopt', '--yes', ...NAMED)).code).toBe(0);
    expect(kidOf(other)).toBe(kidOf(store));
  });
});

describe('an installation whose spec names the database', () => {
  beforeEach(() => {
    store = storeWith(madeWithUri);
  });

  test('is held against it without a flag', async () => {
    wrap(STRANGE, 'a');
    expect([(await on(store, 'init')).code, (await on(store, 'status')).code]).toEqual([5, 3]);
    expect(asked[0]).toMatchObject({ uri: expect.stringMatching(/^mongodb:\/\/hubble:.*@db\.example/) });
  });

  test.each([
    ['does not answer', gone],
    ['is not one to be connected to', unusable],
  ])('neither fails nor waits where that %s, and says that nobody looked', async (_, failure) => {
    connect = failure;
    const { code, stdout } = await on(store, 'status', '-o', 'json');
    expect([code, JSON.parse(stdout).findings]).toEqual([
      0,
      expect.arrayContaining([expect.objectContaining({ code: 'TENANT_KEYS_UNSEEN', severity: 'info' })]),
    ]);
    expect((await on(store, 'init')).code).toBe(0);
    expect(asked.map(({ withinMs = Number.NaN }) => withinMs <= 2000)).toEqual([true, true]);
  });
});

describe('a backup', () => {
  const back = (snapshot: Snapshot, ...flags: readonly string[]) => restored(snapshot, store, flags);

  async function restored(snapshot: Snapshot, into: MemoryStore, flags: readonly string[]): Promise<Outcome> {
    const openTenantStore = async (place: TenantDatabase): Promise<MemoryTenantStore> => {
      asked.push(place);
      return connect();
    };
    return restore(into, await backupOf(snapshot), { flags, openTenantStore });
  }

  beforeEach(() => {
    store = memoryStore();
  });

  test.each([[[]], [['--verify']]])(
    'older than the tenant keys is refused (5) with %j, and nothing is written',
    async (more) => {
      wrap(STRANGE, 'a', 'b');
      const { code, stdout, stderr } = await back(made, ...NAMED, ...more);
      expect([code, stdout, store.snapshot().objects]).toEqual([5, '', []]);
      expect(stderr).toContain(`2 tenant keys, wrapped by ${STRANGE}, which the record does not know`);
      expect(stderr).toContain('hint: restore the backup that holds that root key, into an empty store');
    },
  );

  test('completes an installation whose record and root keys are there beside strange tenant keys, which it names', async () => {
    wrap(STRANGE, 'zz');
    store = storeWith(madeWithUri);
    store.take(ledgerRef('cluster-ca'));
    const { code, stdout } = await back(madeWithUri, '-o', 'json');
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { written: true, findings: [{ code: 'TENANT_KID_UNKNOWN' }] },
    ]);
    expect(objectIn(store.snapshot(), ledgerRef('cluster-ca'))).toBeDefined();
  });

  test.each([
    ['the root key', ledgerRef('root-key')],
    ['the record', RECORD],
  ])(
    'that brings %s back beside strange tenant keys is refused (5), and goes past them with --no-tenant-store',
    async (_, ref) => {
      wrap(STRANGE, 'zz');
      store = storeWith(madeWithUri);
      store.take(ref);
      const refused = await back(madeWithUri, '--yes');
      expect([refused.code, refused.stderr]).toEqual([
        5,
        expect.stringContaining('with --no-tenant-store the database'),
      ]);
      asked = [];
      const { code, stdout } = await back(madeWithUri, '--yes', '--no-tenant-store', '-o', 'json');
      expect([code, asked, JSON.parse(stdout)]).toMatchObject([0, [], { written: true, findings: [] }]);
    },
  );

  test('takes --no-tenant-store beside a database that is named for a mistake (2)', async () => {
    expect((await back(made, ...NAMED, '--no-tenant-store')).code).toBe(2);
  });

  test('that knows every root key of the tenant keys comes back; its own credentials have asked the database', async () => {
    wrap(kidOf(storeWith(made)), 'a');
    expect((await back(made, ...NAMED)).code).toBe(0);
    expect(asked.map(({ uri, login, ca }) => [uri, login?.username, ca?.includes('BEGIN CERTIFICATE')])).toEqual([
      ['mongodb://db', 'hubble', true],
    ]);
  });

  test('is not restored where the database that somebody named cannot be asked (1)', async () => {
    connect = gone;
    const { code, stderr } = await back(made, ...NAMED);
    expect([code, stderr, store.snapshot().objects]).toEqual([1, expect.stringContaining('cannot be reached'), []]);
  });

  test('whose spec names the database is held against it without a flag', async () => {
    wrap(STRANGE, 'a');
    expect([(await back(madeWithUri)).code, store.snapshot().objects]).toEqual([5, []]);
    expect(asked[0]).toMatchObject({ uri: expect.stringMatching(/^mongodb:\/\/hubble:.*@db\.example/) });
  });

  test('comes back where the database of its spec is not there, and says that nobody looked', async () => {
    connect = gone;
    const { code, stdout } = await back(madeWithUri, '-o', 'json');
    expect([code, JSON.parse(stdout).findings]).toMatchObject([0, [{ code: 'TENANT_KEYS_UNSEEN' }]]);
    const text = await restored(madeWithUri, memoryStore(), []);
    expect([text.code, text.stderr]).toEqual([0, expect.stringContaining('TENANT_KEYS_UNSEEN')]);
  });

  test('that was restored all the same gets no new tenants beside those that it does not open (5)', async () => {
    expect((await back(made)).code).toBe(0);
    wrap(STRANGE, 'a');
    for (const more of [[], ['--dry-run'], ['-o', 'json']]) {
      const { code, stderr } = await on(store, 'tenant', 'add', 'new', ...NAMED, ...more);
      expect([code, stderr]).toEqual([5, expect.stringContaining(`1 tenant keys, wrapped by ${STRANGE}`)]);
    }
    expect([...tenants.documents.keys()]).toEqual(['a']);
    tenants.documents.clear();
    expect((await on(store, 'tenant', 'add', 'new', ...NAMED)).code).toBe(0);
  });
});

describe('a connection string that can be read once, as that of <(vault read …)', () => {
  test('is enough for init with its wizard, for status and for rotate', async () => {
    const before: string[] = [];
    const read = async (path: string): Promise<string | undefined> => {
      if (path !== '/dev/fd/63') return undefined;
      before.push(path);
      return before.length === 1 ? 'mongodb://db\n' : '';
    };
    const uris: string[] = [];
    const openTenantStore = async ({ uri }: TenantDatabase): Promise<MemoryTenantStore> => {
      uris.push(uri);
      return tenants;
    };
    store = memoryStore();
    const once = ['--mongodb-uri-file', '/dev/fd/63'];
    const init = await command(store, ['init', '--create-namespaces', ...once], {
      read,
      interactive: true,
      openTenantStore,
    });
    expect([init.code, before.length, uris]).toEqual([0, 1, ['mongodb://db', 'mongodb://db']]);
    before.length = 0;
    expect((await command(store, ['status', ...once], { read, openTenantStore })).code).toBe(0);
    before.length = 0;
    const rotated = await command(store, ['rotate', 'root-key', '--explain', ...once], { read, openTenantStore });
    expect([rotated.code, before.length, new Set(uris)]).toEqual([0, 1, new Set(['mongodb://db'])]);
  });
});
