/** What every TenantStore owes its callers (src/ports/tenant-store.ts), as one suite for all of them. */
import { Binary, BSON, Double, Long } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FoundTenant, TenantDocument, TenantStore } from '../../src/ports/tenant-store.ts';

export interface TenantStoreUnderTest {
  readonly store: TenantStore;
  /** Another client of the same place. */
  readonly again: TenantStore;
  empty(): Promise<void>;
  /** Puts a document of any shape there. */
  put(document: FoundTenant): Promise<void>;
  dispose?(): Promise<void>;
}

const AT = new Date('2027-01-01T00:00:00.000Z');

export function tenantOf(_id: string, kid = 'kid-1', byte = 1): TenantDocument {
  const wrapped = {
    kid,
    alg: 'A256GCM',
    iv: Buffer.alloc(12, byte),
    ciphertext: Buffer.alloc(8, byte),
    tag: Buffer.alloc(16, byte),
  } as const;
  return { _id, bits: 64, wrapped, createdAt: AT, rewrappedAt: null };
}

export function tenantStoreContract(name: string, make: () => Promise<TenantStoreUnderTest>): void {
  describe(`${name} keeps the contract of a tenant store`, () => {
    let made: TenantStoreUnderTest;
    beforeAll(async () => {
      made = await make();
    }, 60_000);
    beforeEach(() => made.empty());
    afterAll(() => made?.dispose?.());

    const idsOf = async (kids?: readonly string[]): Promise<readonly unknown[]> => {
      const ids: unknown[] = [];
      for await (const batch of made.store.scan(kids)) ids.push(...batch.map(({ _id }) => _id));
      return ids.sort();
    };
    const change = (before: TenantDocument, kid: string) => ({
      id: before._id,
      before: before.wrapped,
      after: tenantOf(before._id, kid, 9).wrapped,
      at: AT,
    });

    it('gives back every field of a document as it was added, binary data as bytes', async () => {
      const document = tenantOf('Zürich – 株式会社');
      expect(await made.store.add([document])).toEqual([]);
      expect(await made.again.get([document._id, 'nobody'])).toEqual([document]);
    });

    it('gives every field of a document, of its own type, as Extended JSON too', async () => {
      const more = {
        tier: Long.fromString('9007199254740993'),
        share: new Double(1),
        key: new Binary(Buffer.alloc(4), 6),
      };
      const document = { ...tenantOf('a'), name: 'line\nend', more, since: [AT, null] };
      await made.put(document);
      const [copy, ...others] = await made.again.copies(['a', 'nobody']);
      expect([copy?.found, others]).toMatchObject([tenantOf('a'), []]);
      expect(copy?.extendedJson).not.toContain('\n');
      const exact = { promoteValues: false } as const;
      const back = BSON.EJSON.parse(copy?.extendedJson ?? '', { relaxed: false });
      expect(BSON.deserialize(BSON.serialize(back), exact)).toEqual(BSON.deserialize(BSON.serialize(document), exact));
    });

    it('adds only what is not there, and says what was', async () => {
      await made.store.add([tenantOf('a')]);
      expect(await made.again.add([tenantOf('a', 'kid-2', 2), tenantOf('b', 'kid-2', 2)])).toEqual(['a']);
      const [a] = await made.store.get(['a']);
      expect(a).toEqual(tenantOf('a'));
      expect(await idsOf()).toEqual(['a', 'b']);
    });

    it('lets exactly one of many at once add a tenant', async () => {
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          (i % 2 === 0 ? made.store : made.again).add([tenantOf('a', 'kid-1', i + 1)]),
        ),
      );
      expect(results.filter((there) => there.length === 0)).toHaveLength(1);
    });

    it('scans more documents than one batch holds, each once', async () => {
      const ids = Array.from({ length: 1203 }, (_, i) => `t${String(i).padStart(5, '0')}`);
      await made.store.add(ids.map((id) => tenantOf(id)));
      expect(await idsOf()).toEqual(ids);
    });

    it('scans in the order of the ids, by their bytes in UTF-8', async () => {
      const ids = ['B', 'a', 'ab', 'b', 'é', '\uFF5E', '\u{1F511}'];
      await made.store.add([4, 0, 6, 2, 5, 1, 3].map((at) => tenantOf(ids[at] ?? '')));
      const found: unknown[] = [];
      for await (const batch of made.again.scanInOrder()) found.push(...batch.map(({ _id }) => _id));
      expect(found).toEqual(ids);
    });

    it('scans by kid, and counts by it what is malformed too', async () => {
      await made.store.add([tenantOf('a', 'kid-1'), tenantOf('b', 'kid-2'), tenantOf('c', 'kid-3')]);
      await made.put({ _id: 'broken', wrapped: 'no' });
      await made.put({ _id: 7, wrapped: { kid: 8 } });
      expect(await idsOf(['kid-1', 'kid-3'])).toEqual(['a', 'c']);
      expect(await made.store.countByKid()).toEqual(
        new Map([
          ['kid-1', 1],
          ['kid-2', 1],
          ['kid-3', 1],
          [undefined, 2],
        ] as const),
      );
    });

    it('replaces a wrapped key only where the one that was read still stands', async () => {
      const [a, b, gone] = [tenantOf('a'), tenantOf('b'), tenantOf('gone')];
      await made.store.add([a, b]);
      expect(await made.again.replace([change(b, 'kid-2')])).toBe(1);
      expect(await made.store.replace([change(a, 'kid-3'), change(b, 'kid-3'), change(gone, 'kid-3')])).toBe(1);
      expect(await idsOf(['kid-3'])).toEqual(['a']);
      expect(await idsOf()).toEqual(['a', 'b']);
      const [found] = await made.store.get(['a']);
      expect(found).toEqual({ ...a, wrapped: tenantOf('a', 'kid-3', 9).wrapped, rewrappedAt: AT });
    });

    it('does not replace where only the ciphertext is another', async () => {
      await made.store.add([tenantOf('a', 'kid-1', 1)]);
      expect(await made.store.replace([change(tenantOf('a', 'kid-1', 2), 'kid-2')])).toBe(0);
    });

    it('removes only what still holds the wrapped key that was read', async () => {
      const [a, b] = [tenantOf('a'), tenantOf('b')];
      await made.store.add([a, b]);
      await made.again.replace([change(b, 'kid-2')]);
      expect(await made.store.remove([a, b, tenantOf('gone')])).toBe(1);
      expect(await idsOf()).toEqual(['b']);
    });

    it('takes empty lists, and the index twice', async () => {
      expect([await made.store.add([]), await made.store.replace([]), await made.store.remove([])]).toEqual([[], 0, 0]);
      await made.store.ensureIndex();
      await made.store.ensureIndex();
    });
  });
}
