// Covers: src/rotation/evidence/tenants.ts, src/rotation/perform/name-exposed.ts, src/rotation/perform/rewrap.ts

/** The root key's rotation with tenant keys in a database: none is lost, wherever it is interrupted. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { encodeFormer, type FormerEvidence } from '../../src/ledger/former-evidence.ts';
import type { FoundTenant, WrappedKey } from '../../src/ports/tenant-store.ts';
import { readTenantAccess } from '../../src/tenants/keyring.ts';
import { examineTenant } from '../../src/tenants/plan/examine.ts';
import type { TenantKeyring } from '../../src/tenants/plan/wrap.ts';
import { addTenants } from '../../src/tenants/tenants.ts';
import { command } from '../backup/bench.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { auditIn, portsOn, recordIn, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { type RotateOptions, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const KIND = 'root-key';
const TENANTS = 200;
const PERIOD = 5 * 60;
const PROMOTED = 'v1 trusted, v2 active';
const RETIRED = 'v1 retired, v2 active';

let made: Snapshot;
let old: ReadonlyMap<unknown, FoundTenant>;
let keys: ReadonlyMap<unknown, string>;
let first: TenantKeyring;
let store: MemoryStore;
let tenants: MemoryTenantStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeAll(async () => {
  const ports = portsOn(fresh().store);
  const access = await readTenantAccess(ports, undefined);
  const filled = new MemoryTenantStore();
  const ids = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);
  await addTenants(ids, access, { ...ports, tenants: filled });
  old = filled.documents;
  first = access.keyring;
  keys = opened(old, first);
});

beforeEach(() => {
  ({ made, store, clock } = fresh());
  tenants = new MemoryTenantStore(new Map(old));
});

const go = (options: RotateOptions = {}) =>
  rotate(store, KIND, { clock, tenants, assumeConsumersCurrent: true, ...options });

/** As far as the promotion: the tenant keys are still wrapped by v1. */
async function promoteAlone(): Promise<void> {
  const agree: RotateOptions['agree'] = async ({ plan }) => {
    if (plan === undefined) throw new Error('not yet');
  };
  await expect(go({ agree })).rejects.toThrow('not yet');
  expect([statesOf(store, KIND), await wrappedBy()]).toEqual([PROMOTED, `v1 ${TENANTS}`]);
}

/** Every key in hex; what does not open is named as such. */
function opened(documents: ReadonlyMap<unknown, FoundTenant>, keyring: TenantKeyring): ReadonlyMap<unknown, string> {
  return new Map(
    [...documents].map(([id, found]) => {
      const examined = examineTenant(found, keyring);
      return [id, examined.failure === undefined ? Buffer.from(examined.key).toString('hex') : examined.failure.code];
    }),
  );
}

/** Every tenant's key, by the root keys that the store accepts now. */
async function keysNow(): Promise<ReadonlyMap<unknown, string>> {
  return opened(tenants.documents, (await readTenantAccess(portsOn(store), undefined)).keyring);
}

/** How many documents which version wraps: `v2 200`. */
async function wrappedBy(): Promise<string> {
  const versions: { n: number; kid: string }[] = recordIn(store.snapshot()).keys[KIND].versions;
  const counts = await tenants.countByKid();
  return versions.flatMap(({ n, kid }) => (counts.has(kid) ? [`v${n} ${counts.get(kid)}`] : [])).join(', ');
}

const evidence = (): FormerEvidence => encodeFormer(recordIn(store.snapshot()).keys[KIND].evidence);

function edit(id: string, change: Partial<Record<keyof WrappedKey, unknown>>): void {
  const document = tenants.documents.get(id);
  tenants.put({ ...document, wrapped: { ...(document?.['wrapped'] as WrappedKey), ...change } });
}

const wrappedOf = (id: string): WrappedKey => tenants.documents.get(id)?.['wrapped'] as WrappedKey;

describe('the whole road', () => {
  test('goes from one root key to the next, and every tenant keeps its key', async () => {
    const promoted = await go();
    expect(promoted).toMatchObject({ done: false, waitingFor: { reason: expect.stringContaining('second scan') } });
    expect([statesOf(store, KIND), await wrappedBy()]).toEqual([PROMOTED, `v2 ${TENANTS}`]);
    expect(promoted.waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
    clock.advance(PERIOD);
    expect(await go()).toMatchObject({ done: true });
    expect(statesOf(store, KIND)).toBe(RETIRED);
    expect(await keysNow()).toEqual(keys);
    expect([...opened(tenants.documents, first).values()].every((found) => found === 'TENANT_KID_UNKNOWN')).toBe(true);
    expect(JSON.stringify(auditIn(store.snapshot()))).toContain(`rewrap ${TENANTS}`);
  });

  test('does not retire on two scans that are less than a sync period apart, nor scan in between', async () => {
    await go();
    let scans = 0;
    const scan = tenants.scan.bind(tenants);
    tenants.scan = (kids) => {
      if (kids === undefined) scans += 1;
      return scan(kids);
    };
    clock.advance(PERIOD - 1);
    expect((await go()).done).toBe(false);
    expect([statesOf(store, KIND), scans]).toEqual([PROMOTED, 0]);
    clock.advance(1);
    expect((await go()).done).toBe(true);
    expect(scans).toBe(1);
  });

  test('a first scan counts no longer once consumers had to be confirmed anew: they may have wrapped by the old one after it', async () => {
    let changedAt = clock.now();
    const workloads = {
      ...workloadsOf(
        () => [],
        () => changedAt,
      ),
      pods: () => Promise.reject(new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'none' })),
    };
    expect((await go({ workloads })).waitingFor?.reason).toContain('second scan');
    clock.advance(PERIOD);
    // Somebody put the old Secret back, and the right one again.
    changedAt = clock.now();
    expect((await go({ workloads })).waitingFor?.reason).toContain('second scan');
    expect(statesOf(store, KIND)).toBe(PROMOTED);
    clock.advance(PERIOD);
    expect(await go({ workloads })).toMatchObject({ done: true });
  });

  test('no scan counts before every consumer was confirmed on the promoted keyring', async () => {
    await promoteAlone();
    const waiting = await go({ assumeConsumersCurrent: false });
    expect(waiting.waitingFor?.reason).toContain('a folder does not show what runs');
    expect([await wrappedBy(), Object.keys(evidence())]).toEqual([`v2 ${TENANTS}`, ['v2.1.published']]);
    clock.advance(PERIOD);
    expect((await go()).waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
    expect(Object.keys(evidence()).sort()).toEqual(['v1.2.trusted', 'v2.2.active']);
  });

  test('that fails while it wraps tenant keys anew has told the audit log how many it did', async () => {
    await promoteAlone();
    const before = tenants.writes;
    tenants.beforeWrite = () => {
      if (tenants.writes > before) throw new Error('cut off');
    };
    await expect(go()).rejects.toThrow('cut off');
    const changes = auditIn(store.snapshot()).flatMap((line) => line.changes);
    expect(changes.map(({ action }: { action: string }) => action)).toContain('rewrap 100');
  });

  test('without a database it waits, and --no-tenant-store ends it', async () => {
    const waiting = await rotate(store, KIND, { clock, assumeConsumersCurrent: true });
    expect(waiting.waitingFor?.blockers).toEqual([expect.stringContaining('--mongodb-uri-file'), '--no-tenant-store']);
    expect(await go({ noTenantStore: true })).toMatchObject({ done: true });
    expect(tenants.writes).toBe(0);
  });

  test('a rehearsal writes neither keys nor documents', async () => {
    const before = store.snapshot();
    const { planned } = await go({ dryRun: true });
    expect(planned?.[0]).toContain('publish a new version');
    expect([tenants.writes, store.snapshot()]).toEqual([0, before]);
    await promoteAlone();
    const promoted = store.snapshot();
    const rehearsed = await go({ dryRun: true });
    expect(rehearsed.planned?.[0]).toBe(`wrap ${TENANTS} tenant keys by v2 of root-key`);
    expect(rehearsed.waitingFor?.reason).toContain('a second scan has to find the same');
    expect([tenants.writes, store.snapshot()]).toEqual([0, promoted]);
  });

  test('--compromised names the tenants whose keys have to be replaced, those of before alone', async () => {
    expect((await go({ compromised: true })).notes).toContainEqual(
      expect.stringMatching(/keys of 200 tenants, .*: tenant-0, tenant-1, .*tenant-19, and 180 more/),
    );
    clock.advance(60);
    const ports = { ...portsOn(store, { clock }), tenants };
    await addTenants(['after'], await readTenantAccess(ports, undefined), ports);
    expect((await go({ compromised: true })).notes).toContainEqual(expect.stringContaining('keys of 200 tenants'));
    expect((await go()).notes.join()).not.toContain('replace');
  });

  test('--compromised names tenants too that a Pod with the keyring of before adds after the promotion', async () => {
    await go({ compromised: true });
    clock.advance(60);
    for (const found of [...tenants.documents.values()])
      tenants.put({ ...found, createdAt: clock.now(), rewrappedAt: null });
    tenants.put({ ...old.get('tenant-3'), _id: 'tenant-3', createdAt: clock.now() });
    const exposed = /keys of 1 tenants, .*: tenant-3$/;
    expect((await go({ compromised: true })).notes).toContainEqual(expect.stringMatching(exposed));
    expect(await wrappedBy()).toBe(`v2 ${TENANTS}`);
    expect((await go({ compromised: true })).notes).toContainEqual(expect.stringMatching(exposed));
  });
});

describe('one broken document', () => {
  const UNKNOWN = 'x'.repeat(16);
  test.each<[string, string, (id: string) => void]>([
    [
      'a flipped bit',
      'TENANT_KEY_UNOPENABLE',
      (id) => {
        const ciphertext = Buffer.from(wrappedOf(id).ciphertext);
        ciphertext[0] = (ciphertext[0] ?? 0) ^ 1;
        edit(id, { ciphertext });
      },
    ],
    ["another tenant's key", 'TENANT_KEY_UNOPENABLE', (id) => edit(id, { ...wrappedOf('tenant-8') })],
    ['an unknown kid', 'TENANT_KID_UNKNOWN', (id) => edit(id, { kid: UNKNOWN })],
    ['a truncated iv', 'TENANT_MALFORMED', (id) => edit(id, { iv: Buffer.alloc(11) })],
    ['a truncated tag', 'TENANT_MALFORMED', (id) => edit(id, { tag: Buffer.alloc(15) })],
    ['a wrong type', 'TENANT_MALFORMED', (id) => edit(id, { ciphertext: 'text' })],
  ])('with %s is named, and nothing is written', async (_, code, damage) => {
    damage('tenant-7');
    const [before, documents] = [store.snapshot(), new Map(tenants.documents)];
    await expect(go()).rejects.toMatchObject({
      code: 'REFUSED',
      details: [{ message: expect.stringContaining(`${code} tenant/tenant-7`) }],
    });
    expect([store.snapshot(), tenants.documents, tenants.writes]).toEqual([before, documents, 0]);
  });

  test('that was damaged after the promotion stops the rewrap before it writes', async () => {
    await promoteAlone();
    edit('tenant-7', { tag: Buffer.alloc(16) });
    await expect(go()).rejects.toMatchObject({ code: 'TENANT_KEYS_BROKEN', details: [{}] });
    expect([tenants.writes, statesOf(store, KIND)]).toEqual([0, PROMOTED]);
  });

  test('that is damaged while the run promotes has it wait: a promotion is not nothing', async () => {
    const agree: RotateOptions['agree'] = async ({ action }) => {
      if (action.startsWith('promote')) edit('tenant-7', { tag: Buffer.alloc(16) });
    };
    const waiting = await go({ agree });
    expect(waiting.waitingFor).toMatchObject({
      reason: expect.stringContaining('do not open'),
      blockers: [expect.stringContaining('tenant/tenant-7'), expect.stringContaining('tenant verify')],
    });
    expect(waiting.transitions).toHaveLength(3);
    expect(waiting.versions.map(({ state }) => state)).toEqual(['trusted', 'active']);
    await expect(go()).rejects.toMatchObject({ code: 'TENANT_KEYS_BROKEN' });
  });

  test('that is damaged between the scans keeps the old root key', async () => {
    await go();
    clock.advance(PERIOD);
    edit('tenant-7', { tag: Buffer.alloc(16) });
    // That the first scan no longer counts is written: to refuse would be to say that nothing was.
    expect((await go()).waitingFor?.reason).toContain('do not open');
    const before = store.snapshot();
    await expect(go()).rejects.toMatchObject({ code: 'REFUSED' });
    expect([statesOf(store, KIND), store.snapshot()]).toEqual([PROMOTED, before]);
  });
});

describe('a document under the old root key', () => {
  const late = () => tenants.put({ ...old.get('tenant-3'), _id: 'tenant-3' });

  test('that a late wrapper writes before the first scan is wrapped anew before retirement', async () => {
    const replace = tenants.replace.bind(tenants);
    tenants.replace = async (changes) => {
      const replaced = await replace(changes);
      if ((await tenants.countByKid()).size === 1) tenants.scan = lateScan;
      return replaced;
    };
    const scan = tenants.scan.bind(tenants);
    let isWritten = false;
    // The late writer comes when the first full scan after the rewrap begins.
    const lateScan: typeof tenants.scan = (kids) => {
      if (kids === undefined && !isWritten) {
        isWritten = true;
        late();
      }
      return scan(kids);
    };
    const waiting = await go();
    expect(waiting.waitingFor).toMatchObject({
      reason: expect.stringContaining('still wrapped'),
      blockers: ['1 tenant keys, of tenant-3'],
    });
    expect(await wrappedBy()).toBe(`v1 1, v2 ${TENANTS - 1}`);
    expect((await go()).waitingFor?.reason).toContain('second scan');
    expect(await wrappedBy()).toBe(`v2 ${TENANTS}`);
    clock.advance(PERIOD);
    expect((await go()).done).toBe(true);
    expect(await keysNow()).toEqual(keys);
  });

  test('that comes after the first scan makes both scans begin anew', async () => {
    await go();
    clock.advance(PERIOD);
    late();
    expect((await go()).waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
    expect([statesOf(store, KIND), await wrappedBy()]).toEqual([PROMOTED, `v2 ${TENANTS}`]);
    clock.advance(PERIOD);
    expect((await go()).done).toBe(true);
    expect(await keysNow()).toEqual(keys);
  });

  test('that tenant rewrap wraps anew between the scans makes both begin anew', async () => {
    await go();
    clock.advance(PERIOD);
    late();
    const rewrap = ['tenant', 'rewrap', '--yes', '--mongodb-uri', 'mongodb://db'];
    const openTenantStore = async () => tenants;
    expect(await command(store, rewrap, { clock, openTenantStore })).toMatchObject({ code: 0 });
    expect([await wrappedBy(), Object.keys(evidence())]).toEqual([`v2 ${TENANTS}`, ['v2.2.active']]);
    expect((await go()).waitingFor?.until).toEqual(new Date(clock.now().getTime() + PERIOD * 1000));
    // One that finds nothing to do changes nothing.
    await command(store, rewrap, { clock, openTenantStore });
    clock.advance(PERIOD);
    expect((await go()).done).toBe(true);
  });

  test('that tenant rewrap wraps anew makes both begin anew where the first was noted during its preview', async () => {
    await promoteAlone();
    const scan = tenants.scan.bind(tenants);
    tenants.scan = async function* (kids) {
      tenants.scan = scan;
      expect((await go()).waitingFor?.reason).toContain('second scan');
      late();
      yield* scan(kids);
    };
    const rewrap = ['tenant', 'rewrap', '--yes', '-o', 'json', '--mongodb-uri', 'mongodb://db'];
    const { stdout } = await command(store, rewrap, { clock, openTenantStore: async () => tenants });
    expect(JSON.parse(stdout)).toMatchObject({ rewrapped: 1, remaining: 0 });
    expect([await wrappedBy(), Object.keys(evidence())]).toEqual([`v2 ${TENANTS}`, ['v2.2.active']]);
  });

  test('that is restored after retirement is brought back by --reinstate', async () => {
    await go();
    clock.advance(PERIOD);
    await go();
    late();
    expect((await keysNow()).get('tenant-3')).toBe('TENANT_KID_RETIRED');
    const { kid } = recordIn(store.snapshot()).keys[KIND].versions[0];
    await go({ request: { type: 'reinstate', kid } });
    expect([statesOf(store, KIND), await wrappedBy()]).toEqual([PROMOTED, `v2 ${TENANTS}`]);
    expect(await keysNow()).toEqual(keys);
    expect((await go({ request: { type: 'retire', kid } })).waitingFor?.reason).toContain('second scan');
    clock.advance(PERIOD);
    expect((await go({ request: { type: 'retire', kid } })).done).toBe(true);
    expect([statesOf(store, KIND), await keysNow()]).toEqual([RETIRED, keys]);
  });
});

describe('the wrong place', () => {
  const elsewhere = (documents?: Map<unknown, FoundTenant>) => new MemoryTenantStore(documents, 'elsewhere');

  test('that holds no tenant at all is no proof: perhaps the collection is misspelt', async () => {
    await go({ tenants: elsewhere() });
    clock.advance(PERIOD);
    const waiting = await go({ tenants: elsewhere() });
    expect(waiting.waitingFor).toMatchObject({
      reason: expect.stringContaining('elsewhere holds no tenant key at all'),
      blockers: [expect.stringContaining('mongodb.collection'), expect.stringContaining('--no-tenant-store')],
    });
    expect(statesOf(store, KIND)).toBe(PROMOTED);
    expect(Object.values(await keysNow().then((now) => Object.fromEntries(now)))).toEqual([...keys.values()]);
    expect(await go({ tenants: elsewhere(), noTenantStore: true })).toMatchObject({ done: true });
  });

  test('that was scanned first says nothing of the right one, nor the other way round', async () => {
    await go();
    clock.advance(PERIOD);
    const copy = elsewhere(new Map(tenants.documents));
    const again = { waitingFor: { until: new Date(clock.now().getTime() + PERIOD * 1000) } };
    expect(await go({ tenants: copy })).toMatchObject(again);
    expect(await go()).toMatchObject(again);
    clock.advance(PERIOD);
    expect(await go()).toMatchObject({ done: true });
  });

  test('that was emptied between the scans makes both begin anew', async () => {
    await go();
    clock.advance(PERIOD);
    const documents = new Map(tenants.documents);
    tenants.documents.clear();
    expect((await go()).waitingFor?.reason).toContain('no tenant key at all');
    for (const document of documents.values()) tenants.put(document);
    expect((await go()).waitingFor?.reason).toContain('second scan');
  });
});

test('a rollback before retirement wraps backward, and the newer root key goes by the same gate', async () => {
  await go();
  await go({ request: { type: 'rollback' } });
  expect([statesOf(store, KIND), await wrappedBy()]).toEqual(['v1 active, v2 trusted', `v1 ${TENANTS}`]);
  expect(await keysNow()).toEqual(keys);
  expect((await go()).done).toBe(false);
  clock.advance(PERIOD);
  expect((await go()).done).toBe(true);
  expect([statesOf(store, KIND), await keysNow()]).toEqual(['v1 active, v2 retired', keys]);
});

describe('killed at a write', () => {
  /** Both scans and everything before: what one operator does until it is done. */
  async function toTheEnd(on: FaultyStore | MemoryStore): Promise<void> {
    for (let run = 0; run < 4; run++) {
      const { done } = await rotate(on, KIND, { clock, tenants, assumeConsumersCurrent: true });
      if (done) return;
      clock.advance(PERIOD);
    }
    throw new Error('it does not end');
  }

  async function converges(on: FaultyStore): Promise<void> {
    const mine = store;
    await expect(toTheEnd(on)).rejects.toThrow('killed');
    tenants.beforeWrite = () => undefined;
    expect(await keysNow()).toEqual(keys);
    clock.advance(60);
    store = mine.afterCrash();
    await toTheEnd(store);
    expect([statesOf(store, KIND), await wrappedBy(), await keysNow()]).toEqual([RETIRED, `v2 ${TENANTS}`, keys]);
    expect(recordIn(store.snapshot()).ready).toBe(true);
  }

  test('of the store, every fifth, the same command goes on from there', async () => {
    const counting = new FaultyStore(store);
    await toTheEnd(counting);
    for (let n = 1; n <= counting.writes; n += 5) {
      store = storeWith(made);
      tenants = new MemoryTenantStore(new Map(old));
      clock.advance(DAY);
      await converges(new FaultyStore(store).killAt(n, n % 2 === 0 ? 'before' : 'after'));
    }
  });

  test('of the database, the same command goes on from there', async () => {
    for (const n of [1, 2]) {
      store = storeWith(made);
      tenants = new MemoryTenantStore(new Map(old));
      let writes = 0;
      tenants.beforeWrite = () => {
        writes += 1;
        if (writes >= n) throw new Error('killed');
      };
      await converges(new FaultyStore(store));
    }
  });
});
