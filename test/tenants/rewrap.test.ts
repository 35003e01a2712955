// Covers: src/ports/tenant-store.ts, src/reconcile/audit/then-audit.ts, src/tenants/audit.ts
// Covers: src/tenants/audited-rewrap.ts, src/tenants/keyring.ts, src/tenants/plan/shard.ts, src/tenants/scan.ts

/** Rewrapping on stores in memory: what it finds, what it writes, and what others may do meanwhile. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { DAMAGE, type FoundTenant, type TenantDocument } from '../../src/ports/tenant-store.ts';
import { auditedRewrap } from '../../src/tenants/audited-rewrap.ts';
import { readTenantAccess, type TenantAccess } from '../../src/tenants/keyring.ts';
import { examineTenant } from '../../src/tenants/plan/examine.ts';
import { isInShard, parseShard } from '../../src/tenants/plan/shard.ts';
import { applyRewrap, previewRewrap, type RewrapPorts } from '../../src/tenants/rewrap.ts';
import { scanTenants } from '../../src/tenants/scan.ts';
import { addTenants, type Removable, removeTenants } from '../../src/tenants/tenants.ts';
import { ManualClock } from '../support/clock.ts';
import { auditIn, editRecord, installation, portsOn, recordIn, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { withSecondRootKey } from '../support/second-root-key.ts';

const ALL = { index: 0, count: 1 };
const WATCH = { emit: () => undefined, signal: new AbortController().signal };

let v1: Snapshot;
let v2: Snapshot;
let keys: MemoryStore;
let tenants: MemoryTenantStore;
let access: TenantAccess;
let before: ReadonlyMap<unknown, string>;

beforeAll(async () => {
  v1 = await installation();
  const store = storeWith(v1);
  withSecondRootKey(store);
  v2 = store.snapshot();
});

/** 250 tenants under v1, and v2 active. */
beforeEach(async () => {
  const first = storeWith(v1);
  const ports = portsOn(first);
  tenants = new MemoryTenantStore();
  const ids = Array.from({ length: 250 }, (_, i) => `tenant-${i}`);
  await addTenants(ids, await readTenantAccess(ports, undefined), { ...ports, tenants });
  keys = storeWith(v2);
  access = await readTenantAccess(portsOn(keys), undefined);
  before = keysIn();
  tenants.writes = 0;
});

const ports = (): RewrapPorts => ({ ...portsOn(keys), tenants });

const rewrap = async (shard = ALL) => applyRewrap(access, shard, await previewRewrap(access, shard, ports()), ports());

/** Every key in hex; what does not open is named as such. */
function keysIn(): ReadonlyMap<unknown, string> {
  return new Map(
    [...tenants.documents].map(([id, found]) => {
      const examined = examineTenant(found, access.keyring);
      return [id, examined.failure === undefined ? Buffer.from(examined.key).toString('hex') : examined.failure.code];
    }),
  );
}

const kids = (): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { wrapped } of tenants.documents.values()) {
    const { kid } = wrapped as { kid: string };
    counts[kid] = (counts[kid] ?? 0) + 1;
  }
  return counts;
};

const document = (id: string): TenantDocument => tenants.documents.get(id) as unknown as TenantDocument;

/** What a rotation does with v2 while others work. */
const stateOfSecond = (state: string): void =>
  editRecord(keys, (record) => {
    const [first, second] = record.keys['root-key'].versions;
    record.keys['root-key'].versions = [
      { ...first, state: 'active' },
      { ...second, state },
    ];
  });

const noFiles = {
  read: async () => undefined,
  readBytes: () => Promise.reject(new Error('none')),
  checkNew: async () => undefined,
  writeNew: () => Promise.reject(new Error('full')),
};

const removable = (id: string): Removable => ({ document: document(id), extendedJson: '{}' });

const edit = (id: string, change: (found: TenantDocument) => FoundTenant): void =>
  tenants.put({ ...tenants.documents.get(id), ...change(document(id)) });

describe('rewrapping', () => {
  it('wraps every key by the active root key, with a new nonce, and the key stays', async () => {
    const ivs = new Set(
      [...tenants.documents.keys()].map((id) => Buffer.from(document(String(id)).wrapped.iv).toString('hex')),
    );
    expect(await rewrap()).toMatchObject({
      total: 250,
      due: 250,
      rewrapped: 250,
      remaining: 0,
      overtaken: 0,
      failures: [],
    });
    expect(kids()).toEqual({ [access.activeKid]: 250 });
    expect(keysIn()).toEqual(before);
    for (const found of tenants.documents.values()) {
      const { iv } = (found as unknown as TenantDocument).wrapped;
      expect(ivs.has(Buffer.from(iv).toString('hex'))).toBe(false);
    }
    expect(document('tenant-7').rewrappedAt).toBeInstanceOf(Date);
  });

  it('finds nothing to do the second time', async () => {
    await rewrap();
    tenants.writes = 0;
    expect(await rewrap()).toMatchObject({ due: 0, rewrapped: 0 });
    expect(tenants.writes).toBe(0);
  });

  it('writes nothing in the preview', async () => {
    expect(await previewRewrap(access, ALL, ports())).toMatchObject({ due: 250, rewrapped: 0, remaining: 250 });
    expect(tenants.writes).toBe(0);
  });

  it('is completed by another run where one died at any write', async () => {
    for (const dies of [1, 2, 1]) {
      let writes = 0;
      tenants.beforeWrite = () => {
        writes += 1;
        if (writes === dies) throw new Error('killed');
      };
      await expect(rewrap()).rejects.toThrow('killed');
      expect(keysIn()).toEqual(before);
      tenants.beforeWrite = () => undefined;
    }
    await rewrap();
    expect(kids()).toEqual({ [access.activeKid]: 250 });
    expect(keysIn()).toEqual(before);
  });

  it('never overwrites what others changed between reading and writing', async () => {
    const stranger = {
      ...document('tenant-3'),
      wrapped: { ...document('tenant-3').wrapped, kid: access.activeKid, ciphertext: Buffer.alloc(8, 1) },
    };
    tenants.beforeWrite = () => {
      tenants.put(stranger as unknown as FoundTenant);
      tenants.documents.delete('tenant-4');
    };
    const result = await rewrap();
    expect(result).toMatchObject({ rewrapped: 248, overtaken: 2, remaining: 0 });
    expect(document('tenant-3')).toEqual(stranger);
    expect(tenants.documents.has('tenant-4')).toBe(false);
  });

  it('comes back for tenants that others add under the old root key meanwhile', async () => {
    const late = tenants.documents.get('tenant-9') ?? {};
    tenants.documents.delete('tenant-9');
    let writes = 0;
    tenants.beforeWrite = () => {
      writes += 1;
      if (writes === 3) tenants.put(late);
    };
    await rewrap();
    expect(kids()).toEqual({ [access.activeKid]: 250 });
  });

  it('is shared by shards that together do all, and each its own part alone', async () => {
    const parts = await Promise.all([0, 1, 2, 3].map((index) => rewrap({ index, count: 4 })));
    expect(parts.map(({ rewrapped }) => rewrapped).reduce((a, b) => a + b)).toBe(250);
    expect(Math.min(...parts.map(({ rewrapped }) => rewrapped))).toBeGreaterThan(30);
    expect(keysIn()).toEqual(before);
    expect(kids()).toEqual({ [access.activeKid]: 250 });
  });

  it('stops where the root key is rotated meanwhile, and loses nothing', async () => {
    const preview = await previewRewrap(access, ALL, ports());
    keys = storeWith(v1);
    await expect(applyRewrap(access, ALL, preview, ports())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(tenants.writes).toBe(0);
  });

  it('stops before a batch that was held up until its root key was retired', async () => {
    const preview = await previewRewrap(access, ALL, ports());
    const clock = new ManualClock();
    const all = { ...portsOn(keys, { clock }), tenants };
    let nonces = 0;
    const random = {
      bytes: (length: number) => {
        nonces += 1;
        if (nonces === 101) {
          stateOfSecond('retired');
          clock.advance(1);
        }
        return all.random.bytes(length);
      },
    };
    await expect(applyRewrap(access, ALL, preview, { ...all, random })).rejects.toMatchObject({
      code: 'CONFLICT',
      hint: expect.stringContaining(`rotate root-key --reinstate ${access.activeKid}`),
    });
    expect(kids()[access.activeKid]).toBe(100);
    expect(keysIn()).toEqual(before);
  });

  it('goes back to the first root key where that is active again', async () => {
    await rewrap();
    const store = storeWith(v2);
    withSecondRootKey(store, { swapBack: true });
    keys = store;
    access = await readTenantAccess(portsOn(keys), undefined);
    expect(await rewrap()).toMatchObject({ rewrapped: 250 });
    expect(keysIn()).toEqual(before);
    expect(kids()).toEqual({ [recordIn(v1).keys['root-key'].versions[0].kid]: 250 });
  });
});

describe('a damaged document', () => {
  const flipped = (bytes: Uint8Array) => Buffer.from(bytes).map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  const wrapped = (change: (found: TenantDocument) => object) => (found: TenantDocument) => ({
    wrapped: { ...found.wrapped, ...change(found) },
  });

  it.each<[string, string, (found: TenantDocument) => FoundTenant]>([
    [
      'a flipped bit of the ciphertext',
      'TENANT_KEY_UNOPENABLE',
      wrapped((f) => ({ ciphertext: flipped(f.wrapped.ciphertext) })),
    ],
    ['a flipped bit of the tag', 'TENANT_KEY_UNOPENABLE', wrapped((f) => ({ tag: flipped(f.wrapped.tag) }))],
    ['a flipped bit of the nonce', 'TENANT_KEY_UNOPENABLE', wrapped((f) => ({ iv: flipped(f.wrapped.iv) }))],
    ['the wrapped key of another tenant', 'TENANT_KEY_UNOPENABLE', () => ({ wrapped: document('tenant-8').wrapped })],
    ['the kid of the other root key', 'TENANT_KEY_UNOPENABLE', wrapped(() => ({ kid: access.activeKid }))],
    ['a kid that nobody knows', 'TENANT_KID_UNKNOWN', wrapped(() => ({ kid: 'aaaaaaaaaaaaaaaa' }))],
    ['a truncated nonce', 'TENANT_MALFORMED', wrapped((f) => ({ iv: f.wrapped.iv.slice(1) }))],
    ['a truncated tag', 'TENANT_MALFORMED', wrapped((f) => ({ tag: f.wrapped.tag.slice(0, 12) }))],
    ['a truncated ciphertext', 'TENANT_MALFORMED', wrapped((f) => ({ ciphertext: f.wrapped.ciphertext.slice(1) }))],
    ['another length', 'TENANT_MALFORMED', () => ({ bits: 128 })],
    ['a length that is text', 'TENANT_MALFORMED', () => ({ bits: '64' })],
    ['another algorithm', 'TENANT_MALFORMED', wrapped(() => ({ alg: 'A128GCM' }))],
    ['a nonce that is text', 'TENANT_MALFORMED', wrapped(() => ({ iv: 'AAAAAAAAAAAAAAAA' }))],
    ['no wrapped key', 'TENANT_MALFORMED', () => ({ wrapped: null })],
    ['a kid that is a number', 'TENANT_MALFORMED', wrapped(() => ({ kid: 7 }))],
    ['a creation time that is text', 'TENANT_MALFORMED', () => ({ createdAt: '2027-01-01' })],
    ['a creation time that no Date holds', 'TENANT_MALFORMED', () => ({ createdAt: new Date(Number.NaN) })],
    ['a time of wrapping that no Date holds', 'TENANT_MALFORMED', () => ({ rewrappedAt: new Date(Number.NaN) })],
    ['what its scan called damaged', 'TENANT_MALFORMED', () => ({ [DAMAGE]: 'holds text that is not UTF-8' })],
  ])('with %s is named, and nothing is to be written', async (_, code, change) => {
    edit('tenant-5', change);
    const { failures } = await previewRewrap(access, { index: 1, count: 7 }, ports());
    expect(failures.map(({ tenant, code: found }) => [tenant, found])).toEqual([['tenant-5', code]]);
    expect(tenants.writes).toBe(0);
  });

  it('that was damaged after the preview is named, and not written over', async () => {
    const preview = await previewRewrap(access, ALL, ports());
    edit('tenant-5', () => ({ [DAMAGE]: 'holds text that is not UTF-8' }));
    const { wrapped: damaged } = document('tenant-5');
    const { rewrapped, failures } = await applyRewrap(access, ALL, preview, ports());
    expect([rewrapped, failures]).toMatchObject([249, [{ tenant: 'tenant-5', code: 'TENANT_MALFORMED' }]]);
    expect(document('tenant-5').wrapped).toEqual(damaged);
  });

  it('whose _id is no string is named', async () => {
    tenants.put({ ...document('tenant-5'), _id: 7 } as unknown as FoundTenant);
    const { failures } = await previewRewrap(access, ALL, ports());
    expect(failures).toMatchObject([{ tenant: '(number) 7', code: 'TENANT_MALFORMED' }]);
  });
});

describe('the audit log', () => {
  const rewrapAudited = async () =>
    auditedRewrap(access, ALL, await previewRewrap(access, ALL, ports()), { ...portsOn(keys), tenants });
  const actions = () =>
    auditIn(keys.snapshot())
      .flatMap(({ changes }) => changes.map(({ action }: { action: string }) => action))
      .filter((action) => action.startsWith('rewrap'));
  /** The second write replaces ten documents of its batch, and then the server is gone. */
  const cutOff = (): void => {
    const replace = tenants.replace.bind(tenants);
    let writes = 0;
    tenants.replace = async (changes) => {
      writes += 1;
      if (writes !== 2) return replace(changes);
      await replace(changes.slice(0, 10));
      throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'cut off', { hint: 'look' });
    };
  };

  it('is told how many were wrapped anew', async () => {
    await rewrapAudited();
    await rewrapAudited();
    expect(actions()).toEqual(['rewrap 250']);
  });

  it('is told so where it fails half-way, with what a failed write has done', async () => {
    cutOff();
    await expect(rewrapAudited()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: [] });
    const done = kids()[access.activeKid] ?? 0;
    expect([done >= 110, actions()]).toEqual([true, [`rewrap ${done}`]]);
  });

  it('is told what may have been done where nobody can look', async () => {
    cutOff();
    tenants.get = () => Promise.reject(new Error('gone'));
    await expect(rewrapAudited()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    const done = (kids()[access.activeKid] ?? 0) - 10;
    expect(actions()).toEqual([`rewrap ${done}, perhaps 100 more`]);
  });
});

describe('a scan', () => {
  it('counts by kid, and opens nothing that only a removed root key would', async () => {
    const all = await scanTenants(tenants, access.keyring, WATCH);
    const old = recordIn(v1).keys['root-key'].versions[0].kid;
    expect(all).toEqual({ total: 250, byKid: { [old]: 250 }, malformed: 0, unopenable: 0, failures: [] });
    const wrapKeys = new Map([...access.keyring.wrapKeys].filter(([kid]) => kid !== old));
    const without = await scanTenants(tenants, { wrapKeys, retired: new Set([old]), destroyed: new Set() }, WATCH);
    expect(without).toMatchObject({ total: 250, byKid: { [old]: 250 }, unopenable: 250 });
    expect(without.failures[0]).toMatchObject({ code: 'TENANT_KID_RETIRED' });
  });
});

describe('adding and removing', () => {
  const more = () => ({ ...portsOn(keys), tenants });

  it('adds a key of the length that the spec asks for, and keeps what is there', async () => {
    expect(await addTenants(['tenant-1', 'new', 'new'], access, more())).toEqual(['new']);
    expect(keysIn().get('tenant-1')).toBe(before.get('tenant-1'));
    expect(keysIn().get('new')).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(keysIn().values()).size).toBe(251);
  });

  const MANY = Array.from({ length: 1200 }, (_, i) => `new-${i}`);
  const made = () => [...tenants.documents.keys()].filter((id) => String(id).startsWith('new')).length;
  const audits = () =>
    auditIn(keys.snapshot())
      .flatMap(({ changes }) => changes)
      .filter(({ action }) => action.endsWith('-tenant'));
  const once = (act: () => void): void => {
    tenants.beforeWrite = () => {
      tenants.beforeWrite = () => undefined;
      act();
    };
  };

  it.each([
    ['trusted', 'palette-keys tenant rewrap wraps them'],
    ['retired', 'palette-keys rotate root-key --reinstate'],
    ['destroyed', 'opens no more: remove new tenants'],
  ])('adds no further batch where the root key is %s meanwhile, and says what helps', async (state, hint) => {
    once(() => stateOfSecond(state));
    await expect(addTenants(MANY, access, more())).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`${access.activeKid} is ${state}`),
      hint: expect.stringContaining(hint),
    });
    expect(made()).toBe(500);
    expect(audits()).toMatchObject([{ action: 'add-tenant', object: expect.stringContaining('480 more') }]);
  });

  it('adds nothing where the root key was rotated before', async () => {
    stateOfSecond('trusted');
    await expect(addTenants(['new'], access, more())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect([made(), audits()]).toEqual([0, []]);
  });

  it('says so where the root key is rotated during the last batch', async () => {
    once(() => stateOfSecond('trusted'));
    await expect(addTenants(['new'], access, more())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect([made(), audits()]).toMatchObject([1, [{ object: 'tenants new in memory' }]]);
  });

  it('tells the audit log what was added where it is interrupted', async () => {
    const interrupted = new AbortController();
    once(() => interrupted.abort(new Error('Ctrl-C')));
    const ports = { ...more(), signal: interrupted.signal };
    await expect(addTenants(MANY, access, ports)).rejects.toThrow('Ctrl-C');
    expect([made(), audits()]).toMatchObject([500, [{ object: expect.stringMatching(/^tenants new-0, .*480 more/) }]]);
  });

  /** The server takes the first of a batch, and goes away. */
  const addsOne = async ([first]: readonly TenantDocument[]): Promise<never> => {
    if (first !== undefined) tenants.put({ ...first });
    throw new Error('cut off');
  };

  it('tells the audit log what a batch that failed half-way has added', async () => {
    tenants.add = addsOne;
    await expect(addTenants(['new-1', 'tenant-1', 'new-2'], access, more())).rejects.toThrow('cut off');
    expect(audits()).toMatchObject([{ action: 'add-tenant', object: 'tenants new-1 in memory' }]);
  });

  it('tells the audit log what may have been added where nobody can look', async () => {
    tenants.add = addsOne;
    tenants.get = () => Promise.reject(new Error('gone'));
    await expect(addTenants(['new-1', 'new-2'], access, more())).rejects.toThrow('cut off');
    expect(audits()).toMatchObject([{ action: 'add-tenant', object: 'perhaps tenants new-1, new-2 in memory' }]);
  });

  const brokenLog = (): void => {
    keys.lock = () => Promise.reject(new PaletteKeysError('STORE_UNAVAILABLE', 'disk', { hint: 'h' }));
  };

  it('ends with what failed first, and says beside it what the audit log lacks', async () => {
    brokenLog();
    tenants.add = async (documents) => {
      await addsOne(documents).catch(() => undefined);
      throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'cut off', { hint: 'look', details: [{ message: 'first' }] });
    };
    await expect(addTenants(['new-1', 'new-2'], access, more())).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: 'cut off',
      hint: 'look',
      details: [{ message: 'first' }, { message: '1 tenants were added, but the audit log lacks it: disk' }],
    });
  });

  it('says what was done where the audit log alone could not be written', async () => {
    brokenLog();
    await expect(addTenants(['new-1', 'new-2'], access, more())).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: '2 tenants were added, but the audit log lacks it: disk',
    });
    const removed = removeTenants([removable('tenant-1')], undefined, access, { ...more(), files: noFiles });
    await expect(removed).rejects.toMatchObject({
      message: '1 tenants were removed, but the audit log lacks it: disk',
    });
  });

  it('passes a bug on as it is, whatever becomes of the audit log', async () => {
    brokenLog();
    tenants.add = addsOne;
    await expect(addTenants(['new-1'], access, more())).rejects.toThrow(/^cut off$/);
  });

  it('removes nothing before the documents are in the file', async () => {
    const all = { ...more(), files: noFiles };
    await expect(removeTenants([removable('tenant-1')], 'f', access, all)).rejects.toThrow('full');
    expect(tenants.documents.has('tenant-1')).toBe(true);
  });

  it('leaves a tenant that was rewrapped after the backup was written', async () => {
    const read = [removable('tenant-1'), removable('tenant-2')];
    const files = { ...noFiles, writeNew: () => rewrap({ index: 0, count: 1 }).then(() => undefined) };
    await expect(removeTenants(read, 'f', access, { ...more(), files })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(keysIn()).toEqual(before);
    expect(audits()).toEqual([]);
  });

  it('tells the audit log which tenants were removed, and not which stay', async () => {
    const read = [removable('tenant-1'), removable('tenant-2')];
    edit('tenant-2', ({ wrapped }) => ({ wrapped: { ...wrapped, ciphertext: Buffer.alloc(8) } }));
    const removed = removeTenants(read, undefined, access, { ...more(), files: noFiles });
    await expect(removed).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(audits()).toMatchObject([{ action: 'remove-tenant', object: 'tenants tenant-1 in memory' }]);
  });

  it('tells the audit log what was removed where it fails half-way', async () => {
    await addTenants(MANY, access, more());
    const read = MANY.map(removable);
    const remove = tenants.remove.bind(tenants);
    let batches = 0;
    tenants.remove = async (part) => {
      batches += 1;
      if (batches < 2) return remove(part);
      await remove(part.slice(0, 1));
      throw new Error('cut off');
    };
    const removed = removeTenants(read, undefined, access, { ...more(), files: noFiles });
    await expect(removed).rejects.toThrow('cut off');
    expect(made()).toBe(699);
    expect(audits().slice(1)).toMatchObject([{ action: 'remove-tenant', object: expect.stringContaining('481 more') }]);
  });
});

describe('shards', () => {
  it.each(['4/4', '-1/4', '0/0', '1', '0/4/1', '0/9999', ' 0/4', '0x1/4'])('are not named %j', (text) => {
    expect(parseShard(text)).toBeUndefined();
  });

  it('split by the first four bytes of SHA-256', () => {
    // printf acme | sha256sum begins with 822b33ad, which is 2 modulo 5.
    expect([0, 1, 2, 3, 4].filter((index) => isInShard('acme', { index, count: 5 }))).toEqual([2]);
    expect(parseShard('3/5')).toEqual({ index: 3, count: 5 });
  });
});
