/** What every KeyStore owes its callers (src/ports/key-store.ts), as one suite for all of them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyFinder } from '../../src/ledger/traces.ts';
import type { KeyStore, Lock, LockHolder, NewObject, StoredObject } from '../../src/ports/key-store.ts';
import type { ObjectRef } from '../../src/ports/object-ref.ts';

export interface StoreUnderTest {
  readonly store: KeyStore;
  /** Another client of the same place. */
  readonly again: () => KeyStore;
  /** Two that are not there yet, and that nothing else uses. */
  readonly namespaces: readonly [string, string];
  readonly dispose?: () => Promise<void>;
}

const HOLDER: LockHolder = { command: 'palette-keys init', user: 'tester', since: '2026-01-02T03:04:05Z' };
const OURS = { 'app.kubernetes.io/managed-by': 'palette-keys', 'palette-keys.dev/kind': 'test' };

export function keyStoreContract(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the contract of a key store`, () => {
    let made: StoreUnderTest;
    let store: KeyStore;
    let here: string;
    let elsewhere: string;
    let lock: Lock;

    beforeEach(async () => {
      made = await makeStore();
      ({
        store,
        namespaces: [here, elsewhere],
      } = made);
    });

    afterEach(async () => {
      await made.dispose?.();
    });

    const secret = (change: Partial<NewObject> & { readonly name?: string } = {}): NewObject => {
      const { name: given, ...rest } = change;
      return {
        ref: { kind: 'Secret', namespace: here, name: given ?? 'palette-key-test-v1' },
        type: 'Opaque',
        immutable: false,
        labels: OURS,
        annotations: { 'palette-keys.dev/version': '1.2.3' },
        data: { key: new Uint8Array([1, 2, 3]) },
        ...rest,
      };
    };
    const configMap = (data: NewObject['data'], given = 'palette-test'): NewObject => ({
      ...secret({ data }),
      ref: { kind: 'ConfigMap', namespace: here, name: given },
      type: undefined,
    });
    const stored = async (ref: ObjectRef, from: KeyStore = store): Promise<StoredObject> => {
      const found = await from.get(ref);
      if (found === undefined || found.damage !== undefined) throw new Error(`not stored: ${JSON.stringify(found)}`);
      return found;
    };

    describe('before anything is written', () => {
      test('what is not there is undefined, or an empty list', async () => {
        expect(await store.get(secret().ref)).toBeUndefined();
        expect(await store.get(configMap({}).ref)).toBeUndefined();
        expect(await store.list(here)).toEqual([]);
        expect(await store.ledgerNamespaces()).not.toContain(here);
      });

      test('both namespaces are missing, and asked for twice are named once', async () => {
        expect(await store.missingNamespaces([here, elsewhere, here])).toEqual([here, elsewhere]);
        expect(await store.missingNamespaces([])).toEqual([]);
      });
    });

    describe('with its namespaces', () => {
      beforeEach(async () => {
        lock = await store.lock(HOLDER);
        await store.addNamespaces([here, elsewhere]);
      });

      afterEach(async () => {
        await lock.release();
      });

      test('they are no longer missing, and adding them again changes nothing', async () => {
        await store.addNamespaces([here]);
        expect(await made.again().missingNamespaces([here, elsewhere])).toEqual([]);
      });

      test('a Secret is read back as it was written', async () => {
        const object = secret({
          type: 'kubernetes.io/tls',
          data: {
            'tls.crt': new Uint8Array([0, 255, 10, 13]),
            'tls.key': new Uint8Array([45]),
            'ca.crt': new Uint8Array(),
          },
        });
        expect(await store.create(object)).toBe('created');
        for (const client of [store, made.again()]) {
          expect(await client.get(object.ref)).toEqual({ ...object, version: expect.any(String) });
        }
      });

      test('entries keep every byte there is, and may be empty', async () => {
        const object = secret({
          data: {
            all: Uint8Array.from({ length: 256 }, (_, n) => n),
            empty: new Uint8Array(),
            large: new Uint8Array(100_000).fill(0xff),
            'looks.like-a_number': new TextEncoder().encode('0123'),
          },
        });
        await store.create(object);
        expect((await stored(object.ref)).data).toEqual(object.data);
      });

      test('an object may have no entries and no annotations', async () => {
        for (const object of [secret({ data: {}, annotations: {} }), { ...configMap({}), annotations: {} }]) {
          await store.create(object);
          expect(await stored(object.ref)).toMatchObject({ data: {}, annotations: {} });
        }
      });

      test.each([
        ['umlauts and emoji', 'Schlüssel 🔑\n'],
        ['several lines', '{\n  "a": 1\n}\n'],
        ['no line end', 'a\nb'],
        ['many line ends', 'a\n\n\n'],
        ['blanks at the beginning of lines', '  a\n b\n'],
        ['lines of blanks', 'a\n  \nb\n   '],
        ['carriage returns', 'a\r\nb\r'],
        ['tabs', '\ta\n\tb\n'],
        ['what YAML takes for something else', 'no'],
        ['a number', '0x1F'],
        ['a date', '2026-01-02'],
        ['document marks', '---\na\n...\n'],
        ['quotes and backslashes', `"'\\n'"`],
        ['control characters', '\u0000\u0007\u001b[31m\u007f'],
        ['separators of YAML 1.1', '\u0085\u2028\u2029\ufeff\u00a0'],
        ['nothing', ''],
        ['a line end alone', '\n'],
      ])("a ConfigMap's text is kept: %s", async (_, text) => {
        const object = configMap({ text: new TextEncoder().encode(text), 'second.txt': new TextEncoder().encode('b') });
        await store.create(object);
        expect(await stored(object.ref)).toEqual({ ...object, version: expect.any(String) });
      });

      test('an immutable object stays immutable, and its data as it is', async () => {
        const object = secret({ immutable: true });
        await store.create(object);
        const { immutable, version } = await stored(object.ref);
        expect(immutable).toBe(true);
        await expect(store.replace({ ...object, data: { key: new Uint8Array([9]) } }, version)).rejects.toThrow();
        expect((await stored(object.ref)).data).toEqual(object.data);
      });

      test('a name that is taken stays with what has it', async () => {
        expect(await store.create(secret())).toBe('created');
        expect(await made.again().create(secret({ data: { key: new Uint8Array([7]) } }))).toBe('exists');
        expect((await stored(secret().ref)).data).toEqual(secret().data);
      });

      test('a Secret and a ConfigMap of one name, and the same name elsewhere, are three objects', async () => {
        const objects = [secret({ name: 'palette-same' }), configMap({}, 'palette-same')];
        const third = { ...secret(), ref: { ...secret().ref, namespace: elsewhere, name: 'palette-same' } };
        for (const object of [...objects, third]) expect(await store.create(object)).toBe('created');
        expect(await store.list(elsewhere)).toHaveLength(1);
      });

      test('of 40 concurrent creates of one name exactly one is told that it created, and its bytes stay', async () => {
        const clients = [store, made.again(), made.again()];
        const attempts = Array.from({ length: 40 }, async (_, n) => {
          const client = clients[n % clients.length] ?? store;
          return (await client.create(secret({ data: { key: new Uint8Array([n]) } }))) === 'created' ? [n] : [];
        });
        const winners = (await Promise.all(attempts)).flat();
        expect(winners).toHaveLength(1);
        expect((await stored(secret().ref)).data).toEqual({ key: new Uint8Array(winners) });
      });

      test('40 concurrent creates of different names all succeed', async () => {
        const names = Array.from({ length: 40 }, (_, n) => `palette-many-${String(n).padStart(2, '0')}`);
        const results = await Promise.all(names.map((each) => store.create(secret({ name: each }))));
        expect(new Set(results)).toEqual(new Set(['created']));
        expect((await store.list(here)).map(({ ref }) => ref.name)).toEqual(names);
      });

      test('a version stays the same from read to read and changes with the object', async () => {
        await store.create(secret());
        const { version } = await stored(secret().ref);
        expect((await stored(secret().ref, made.again())).version).toBe(version);
        expect((await store.list(here))[0]?.version).toBe(version);
        expect(await store.replace(secret({ data: { key: new Uint8Array([4]) } }), version)).toBe('replaced');
        expect((await stored(secret().ref)).version).not.toBe(version);
      });

      test('replace changes all of it', async () => {
        await store.create(secret({ data: { old: new Uint8Array([1]), key: new Uint8Array([1]) } }));
        const next = secret({ annotations: { other: 'yes' }, labels: { ...OURS, more: 'true' }, immutable: true });
        expect(await store.replace(next, (await stored(next.ref)).version)).toBe('replaced');
        expect(await stored(next.ref)).toEqual({ ...next, version: expect.any(String) });
      });

      test('replace with the version of an earlier state is a conflict and writes nothing', async () => {
        await store.create(secret());
        const stale = (await stored(secret().ref)).version;
        await store.replace(secret({ data: { key: new Uint8Array([2]) } }), stale);
        expect(await store.replace(secret({ data: { key: new Uint8Array([3]) } }), stale)).toBe('conflict');
        expect((await stored(secret().ref)).data).toEqual({ key: new Uint8Array([2]) });
      });

      test('of 10 concurrent replaces of one version exactly one succeeds', async () => {
        await store.create(secret());
        const { version } = await stored(secret().ref);
        const attempts = Array.from({ length: 10 }, async (_, n) => {
          const result = await store.replace(secret({ data: { key: new Uint8Array([100 + n]) } }), version);
          return result === 'replaced' ? [100 + n] : [];
        });
        const winners = (await Promise.all(attempts)).flat();
        expect(winners).toHaveLength(1);
        expect((await stored(secret().ref)).data).toEqual({ key: new Uint8Array(winners) });
      });

      test('replace never creates', async () => {
        await store.create(secret());
        const { version } = await stored(secret().ref);
        expect(await store.replace(secret({ name: 'palette-absent' }), version)).toBe('conflict');
        expect(await store.get(secret({ name: 'palette-absent' }).ref)).toBeUndefined();
      });

      test('remove deletes the version that was read, and its name is free again', async () => {
        const object = secret({ immutable: true });
        await store.create(object);
        expect(await store.remove(object.ref, (await stored(object.ref)).version)).toBe('removed');
        for (const client of [store, made.again()]) {
          expect(await client.get(object.ref)).toBeUndefined();
          expect(await client.list(here)).toEqual([]);
        }
        expect(await store.create(object)).toBe('created');
      });

      test('remove with the version of an earlier state, or of what is gone, is a conflict and deletes nothing', async () => {
        await store.create(secret());
        const stale = (await stored(secret().ref)).version;
        await store.replace(secret({ data: { key: new Uint8Array([2]) } }), stale);
        expect(await store.remove(secret().ref, stale)).toBe('conflict');
        expect((await stored(secret().ref)).data).toEqual({ key: new Uint8Array([2]) });
        expect(await store.remove(secret({ name: 'palette-absent' }).ref, stale)).toBe('conflict');
      });

      test('list gives what is labelled as ours, sorted by kind and name', async () => {
        await store.create(secret({ name: 'palette-b' }));
        await store.create(secret({ name: 'palette-a' }));
        await store.create(configMap({}, 'palette-c'));
        await store.create(secret({ name: 'foreign', labels: { 'app.kubernetes.io/managed-by': 'Helm' } }));
        await store.create(secret({ name: 'unlabelled', labels: {} }));
        const found = (await made.again().list(here)).map(({ ref }) => `${ref.kind}/${ref.name}`);
        expect(found).toEqual(['ConfigMap/palette-c', 'Secret/palette-a', 'Secret/palette-b']);
        expect(await store.list(elsewhere)).toEqual([]);
      });

      test('leftovers are Secrets besides the known ones in which the search finds a key, whosever they are', async () => {
        const kid = 'abcdefghijklmnop';
        const data = { kid: new TextEncoder().encode(kid) };
        await store.create(secret({ name: 'palette-known', data }));
        await store.create(secret({ name: 'copy', data, labels: {} }));
        await store.create(secret({ name: 'palette-copy', data }));
        await store.create(secret({ name: 'harmless', labels: {} }));
        await store.create(configMap(data, 'palette-text'));
        const known = new Set([`Secret/${here}/palette-known`]);
        const search = { known, namespaces: [here], find: keyFinder([{ kid, name: 'none' }]) };
        const found = await made.again().leftovers(search);
        expect(found.map(({ isTemp, kids }) => ({ isTemp, kids }))).toEqual([
          { isTemp: false, kids: [kid] },
          { isTemp: false, kids: [kid] },
        ]);
        for (const name of ['copy', 'palette-copy']) {
          expect(found).toContainEqual(
            expect.objectContaining({ place: expect.stringMatching(`/${name}(\\.yaml)?$`) }),
          );
        }
        expect(await store.leftovers({ ...search, find: () => [] })).toEqual([]);
      });

      test('list leaves one kind out where it is told to, and nothing that has no kind', async () => {
        const labels = { 'app.kubernetes.io/managed-by': 'palette-keys' };
        const ofKind = (kind: string) => ({ labels: { ...labels, 'palette-keys.dev/kind': kind } });
        await store.create({ ...configMap({}, 'palette-a'), ...ofKind('audit-archive') });
        await store.create({ ...configMap({}, 'palette-b'), ...ofKind('audit') });
        await store.create(secret({ name: 'palette-c', labels }));
        const names = async (without?: string) => (await store.list(here, without)).map(({ ref }) => ref.name);
        expect(await names('audit-archive')).toEqual(['palette-b', 'palette-c']);
        expect(await names()).toEqual(['palette-a', 'palette-b', 'palette-c']);
      });

      test('get finds also what is not ours', async () => {
        const foreign = secret({ name: 'foreign', labels: {} });
        await store.create(foreign);
        expect(await stored(foreign.ref)).toEqual({ ...foreign, version: expect.any(String) });
      });

      test('the ledger is found by its root key, or by its record', async () => {
        const client = made.again();
        await store.create(secret({ name: 'palette-key-jwt-signing-key-v1' }));
        expect(await client.ledgerNamespaces()).not.toContain(here);
        await store.create(
          secret({ name: 'acme-key-root-key-v12', labels: { ...OURS, 'palette-keys.dev/kind': 'root-key' } }),
        );
        expect(await client.ledgerNamespaces()).toContain(here);
        const record = {
          ...configMap({}, 'palette-keys-installation'),
          labels: { ...OURS, 'palette-keys.dev/kind': 'installation-record' },
        };
        await store.create({ ...record, ref: { ...record.ref, namespace: elsewhere } });
        expect(await client.ledgerNamespaces()).toEqual(expect.arrayContaining([here, elsewhere]));
      });

      test('the lock keeps a second one out and says who has it; after its release it is free', async () => {
        const holder = { ...HOLDER, command: 'palette-keys rotate', user: 'other' };
        await expect(made.again().lock(holder)).rejects.toMatchObject({
          code: 'LOCK_HELD',
          message: expect.stringContaining("'palette-keys init' by tester"),
        });
        await lock.release();
        await lock.release();
        lock = await made.again().lock(holder);
      });

      test('what a caller does with the bytes afterwards does not reach the store', async () => {
        const data = { key: new Uint8Array([1, 2, 3]) };
        await store.create(secret({ data }));
        data.key.fill(0);
        (await stored(secret().ref)).data['key']?.fill(0);
        expect((await stored(secret().ref)).data).toEqual(secret().data);
      });
    });
  });
}
