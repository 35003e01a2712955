// Covers: src/rotation/perform/destroy.ts, src/rotation/rotate-request.ts

/** Versions that are given up: published ones that data may need after a restoration, and destroyed ones. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { FoundTenant } from '../../src/ports/tenant-store.ts';
import { readTenantAccess } from '../../src/tenants/keyring.ts';
import { addTenants } from '../../src/tenants/tenants.ts';
import { backupOf, command, findingsOf, restore } from '../backup/bench.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { auditIn, editRecord, ledgerRef, portsOn, recordIn, smallSpec, storeWith } from '../support/installations.ts';
import { MemoryCensus } from '../support/memory-census.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { type RotateOptions, rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const ROOT = 'root-key';
const SALT = 'hash-salt';
const RETIRED = 'v1 retired, v2 active';
const GONE = 'v1 destroyed, v2 active';
const MARK = { file: 'b.age', sha256: 'a'.repeat(64), at: '2027-01-02T00:00:00Z', recipients: ['age1x'] };

/** Root key and salt: v1 active, v2 published. */
let published: Snapshot;
/** Root key and salt: v1 retired three days after the installation, and in a backup; v2 active. */
let retired: Snapshot;
let documents: ReadonlyMap<unknown, FoundTenant>;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce(smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'kid' } } }));

beforeAll(async () => {
  ({ store, clock } = fresh());
  const ports = portsOn(store, { clock });
  const filled = new MemoryTenantStore();
  await addTenants(['acme', 'globex'], await readTenantAccess(ports, undefined), { ...ports, tenants: filled });
  documents = filled.documents;
  for (const kind of [ROOT, SALT]) await go(kind, { assumeConsumersCurrent: false });
  published = store.snapshot();
  await go(ROOT, { noTenantStore: true });
  await go(SALT, { census: new MemoryCensus().put(3, kidOf(SALT, 2)) });
  editRecord(store, ({ keys }) => {
    for (const { versions } of Object.values<{ versions: { backups: unknown[] }[] }>(keys)) {
      for (const version of versions) version.backups = [MARK];
    }
  });
  retired = store.snapshot();
}, 60_000);

beforeEach(() => {
  store = storeWith(retired);
  clock = new ManualClock();
  clock.advance(60 * DAY);
});

const kidOf = (kind: string, n: number): string => recordIn(store.snapshot()).keys[kind].versions[n - 1].kid;

const go = (kind: string, options: RotateOptions = {}) =>
  rotate(store, kind, { clock, assumeConsumersCurrent: true, ...options });

const destroy = (kind: string, options: RotateOptions = {}) =>
  go(kind, { request: { type: 'destroy', kid: kidOf(kind, 1) }, ...options });

const hasEntry = (kind: string, n = 1): boolean =>
  store.snapshot().objects.some(({ ref }) => formatRef(ref) === formatRef(ledgerRef(kind, n)));

/** The tenants, by whatever version wrapped them: kids are exchanged, which a count does not notice. */
const tenantsUnder = (kid: string): MemoryTenantStore =>
  new MemoryTenantStore(
    new Map([...documents].map(([id, found]) => [id, { ...found, wrapped: { ...(found['wrapped'] as object), kid } }])),
  );

const refusedWith = (...parts: string[]) => ({
  code: 'REFUSED',
  ...(parts[0] === undefined ? {} : { message: expect.stringContaining(parts[0]) }),
  ...(parts[1] === undefined ? {} : { hint: expect.stringContaining(parts[1]) }),
});

describe('a published version', () => {
  const rollback = { request: { type: 'rollback' } } as const;

  beforeEach(() => {
    store = storeWith(published);
  });

  test('of the root key that wraps tenant keys, as after a restoration, is not retired before they are wrapped anew', async () => {
    // What was promoted after the backup was made: every document is wrapped by v2.
    await go(ROOT);
    const tenants = new MemoryTenantStore(new Map(documents));
    await go(ROOT, { tenants });
    expect([...(await tenants.countByKid())]).toEqual([[kidOf(ROOT, 2), 2]]);
    store = storeWith(published);
    const { planned } = await go(ROOT, { ...rollback, tenants, dryRun: true });
    expect(planned).toEqual(['wrap 2 tenant keys by v1 of root-key', 'retire v2 of root-key']);
    expect([...(await tenants.countByKid())]).toEqual([[kidOf(ROOT, 2), 2]]);
    expect(statesOf(store, ROOT)).toBe('v1 active, v2 published');
    await go(ROOT, { ...rollback, tenants });
    expect([statesOf(store, ROOT), ...(await tenants.countByKid())]).toEqual([
      'v1 active, v2 retired',
      [kidOf(ROOT, 1), 2],
    ]);
  });

  test('of the root key is given up where the database says so, or the operator that there is none', async () => {
    expect((await go(ROOT, rollback)).waitingFor?.blockers).toContainEqual('--no-tenant-store');
    const empty = await go(ROOT, { ...rollback, tenants: new MemoryTenantStore() });
    expect(empty.waitingFor?.reason).toContain('holds no tenant key at all');
    expect(statesOf(store, ROOT)).toBe('v1 active, v2 published');
    await go(ROOT, { ...rollback, noTenantStore: true });
    expect(statesOf(store, ROOT)).toBe('v1 active, v2 retired');
    store = storeWith(published);
    expect(await go(ROOT, { ...rollback, tenants: tenantsUnder(kidOf(ROOT, 1)) })).toMatchObject({ done: true });
    expect(statesOf(store, ROOT)).toBe('v1 active, v2 retired');
  });

  test('of the hash salt that records need is not retired', async () => {
    const census = new MemoryCensus().put(2, kidOf(SALT, 2)).put(1, kidOf(SALT, 1));
    expect((await go(SALT, { ...rollback, census })).waitingFor?.reason).toContain('2 of 3 records');
    expect((await go(SALT, rollback)).waitingFor).toMatchObject({
      reason: expect.stringContaining('no database is named'),
      blockers: [expect.stringContaining('mongodb.uri'), expect.stringContaining('--no-tenant-store')],
    });
    expect(statesOf(store, SALT)).toBe('v1 active, v2 published');
    census.rehash(kidOf(SALT, 2), kidOf(SALT, 1));
    expect(await go(SALT, { ...rollback, census })).toMatchObject({ done: true });
    expect(statesOf(store, SALT)).toBe('v1 active, v2 retired');
  });
});

describe('--destroy of what data may need', () => {
  test.each([
    [
      'a root key that tenant keys are wrapped by',
      ROOT,
      () => ({ tenants: tenantsUnder(kidOf(ROOT, 1)) }),
      'wrapped by it',
    ],
    ['a root key without a database', ROOT, () => ({}), 'no database of tenant keys'],
    [
      'a root key where the collection is empty',
      ROOT,
      () => ({ tenants: new MemoryTenantStore() }),
      'no tenant key at all',
    ],
    ['a salt that records need', SALT, () => ({ census: new MemoryCensus().put(3, kidOf(SALT, 1)) }), '3 of 3 records'],
    ['a salt without a database', SALT, () => ({}), 'no database is named'],
    ['a salt where the collection is empty', SALT, () => ({ census: new MemoryCensus() }), 'no record at all'],
  ])('is refused for %s', async (_, kind, data, why) => {
    const before = store.snapshot();
    await expect(destroy(kind, data())).rejects.toMatchObject(refusedWith(why, '--reinstate'));
    expect(store.snapshot()).toEqual(before);
  });

  test.each([
    ['no tenant key is wrapped by it', ROOT, () => ({ tenants: tenantsUnder(kidOf(ROOT, 2)) })],
    ['there are no tenants', ROOT, () => ({ noTenantStore: true })],
    ['no record needs it', SALT, () => ({ census: new MemoryCensus().put(3, kidOf(SALT, 2)) })],
    [
      'so many resets are accepted',
      SALT,
      () => ({ census: new MemoryCensus().put(3, kidOf(SALT, 1)), acceptResets: 3 }),
    ],
    ['there is no database', SALT, () => ({ noTenantStore: true })],
  ])('goes on where %s', async (_, kind, data) => {
    const done = await destroy(kind, data());
    expect(done.steps).toEqual([
      expect.objectContaining({ action: 'delete', ref: ledgerRef(kind), kid: kidOf(kind, 1) }),
    ]);
    expect([done.done, statesOf(store, kind), hasEntry(kind)]).toEqual([true, GONE, false]);
    expect(auditIn(store.snapshot()).at(-1).changes).toEqual([
      expect.objectContaining({ action: 'delete', key: kind }),
    ]);
  });

  test.each([
    ['a dump with tenant keys under it is restored', ROOT],
    ['records turn up that need it', SALT],
  ])('deletes nothing where %s while the question is open', async (_, kind) => {
    const tenants = tenantsUnder(kidOf(ROOT, 2));
    const census = new MemoryCensus().put(3, kidOf(SALT, 2));
    const agree = async (): Promise<void> => {
      for (const found of tenantsUnder(kidOf(ROOT, 1)).documents.values()) tenants.put(found);
      census.put(1, kidOf(SALT, 1));
    };
    await expect(destroy(kind, { tenants, census, agree })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('the gate closed after the plan was shown'),
    });
    expect([statesOf(store, kind), hasEntry(kind)]).toEqual([RETIRED, true]);
  });

  test('takes a typed kid while backups of the database from before may be kept', async () => {
    const line = ['rotate', ROOT, '--no-tenant-store', '--yes', '--destroy', kidOf(ROOT, 1)];
    clock.set('2027-02-01T23:59:59Z');
    const early = await command(store, line, { clock });
    expect([early.code, early.stderr]).toEqual([5, expect.stringContaining('until 2027-02-02T00:00:00Z')]);
    expect([statesOf(store, ROOT), early.stderr]).toEqual([
      RETIRED,
      expect.stringContaining('databaseBackupRetention'),
    ]);
    clock.advance(1);
    const { code, stdout } = await command(store, line, { clock });
    expect([code, stdout]).toEqual([0, expect.stringContaining('v1 is destroyed; 1 deleted.')]);
    expect(statesOf(store, ROOT)).toBe(GONE);
  });
});

describe('an entry that is there again', () => {
  const JWT = 'jwt-signing-key';
  let backup: Buffer;

  beforeEach(async () => {
    await go(JWT, { compromised: true });
    editRecord(store, ({ keys }) => {
      keys[JWT].versions[0].backups = [MARK];
    });
    backup = await backupOf(store.snapshot(), { clock });
    await destroy(JWT);
    expect([statesOf(store, JWT), hasEntry(JWT)]).toEqual([GONE, false]);
  });

  const bringBack = async (): Promise<void> => {
    expect(await restore(store, backup, { clock, flags: ['--yes'] })).toMatchObject({ code: 0 });
    expect(hasEntry(JWT)).toBe(true);
  };

  test('is said by status, left out of backups, and accepted again by --reinstate, until --retire', async () => {
    const kid = kidOf(JWT, 1);
    await expect(go(JWT, { request: { type: 'reinstate', kid } })).rejects.toMatchObject(
      refusedWith('v1 is destroyed', 'palette-keys restore FILE'),
    );
    expect(await findingsOf(store, { clock })).not.toContain('LEDGER_ENTRY_DESTROYED');
    await bringBack();
    expect(await findingsOf(store, { clock })).toContain('LEDGER_ENTRY_DESTROYED');
    const next = (await backupOf(store.snapshot(), { clock })).toString();
    expect([next.includes('jwt-signing-key-v1'), next.includes('jwt-signing-key-v2')]).toEqual([false, true]);
    await go(JWT, { request: { type: 'reinstate', kid } });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    expect(await findingsOf(store, { clock })).not.toContain('LEDGER_ENTRY_DESTROYED');
    // As from retired: no rotation takes what somebody has asked for.
    expect(await go(JWT, { mayStart: false })).toMatchObject({ done: true, transitions: [] });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });

  test('is accepted by its kid where a rebuilt record does not know when it was made', async () => {
    await bringBack();
    editRecord(store, ({ keys }) => {
      const [version] = keys[JWT].versions;
      version.createdAt = version.since;
      version.history = [{ state: 'destroyed', at: version.since }];
    });
    await go(JWT, { request: { type: 'reinstate', kid: kidOf(JWT, 1) } });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    expect(await findingsOf(store, { clock })).not.toContain('LEDGER_ENTRY_DAMAGED');
  });

  test('that holds another key than the destroyed one is not accepted', async () => {
    await bringBack();
    const kid = kidOf(JWT, 1);
    editRecord(store, ({ keys }) => {
      keys[JWT].versions[0].createdAt = '2027-01-01T00:00:01Z';
    });
    await expect(go(JWT, { request: { type: 'reinstate', kid } })).rejects.toMatchObject(refusedWith());
    expect(statesOf(store, JWT)).toBe(GONE);
  });

  test('is deleted by --destroy again, where somebody agrees, which the audit log has', async () => {
    await bringBack();
    const line = ['rotate', JWT, '--destroy', kidOf(JWT, 1)];
    const unasked = await command(store, line, { clock });
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('give --yes')]);
    expect(hasEntry(JWT)).toBe(true);
    const { code, stdout } = await command(store, [...line, '--yes', '-o', 'json'], { clock });
    expect([code, JSON.parse(stdout).steps]).toEqual([
      0,
      [expect.objectContaining({ action: 'delete', object: formatRef(ledgerRef(JWT)) })],
    ]);
    expect([hasEntry(JWT), await findingsOf(store, { clock })]).toEqual([
      false,
      expect.not.arrayContaining(['LEDGER_ENTRY_DESTROYED']),
    ]);
    expect(auditIn(store.snapshot()).filter(({ changes }) => changes[0]?.action === 'delete')).toHaveLength(2);
    expect(await command(store, line, { clock })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('already'),
    });
  });

  test('comes out of a restoration that says so', async () => {
    for (const flags of [['--verify'], ['--yes']]) {
      const { code, stderr } = await restore(store, backup, { clock, flags });
      expect([code, stderr]).toEqual([0, expect.stringContaining(`--destroy ${kidOf(JWT, 1)} deletes it`)]);
    }
  });
});
