// Covers: src/ledger/known-spec.ts, src/reconcile/plan/refusals.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { command } from '../backup/bench.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { LEDGER, RECORD, recordIn, SMALL, smallSpec } from '../support/installations.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';

const BIG = { ...SMALL, rotation: { minInterval: '48h' } };
const TEXTS = {
  'big.yaml': JSON.stringify(BIG),
  'small.yaml': JSON.stringify({ ...SMALL, rotation: { minInterval: '12h' } }),
  'whole.yaml': JSON.stringify(smallSpec({ rotation: { minInterval: '48h' } })),
  'elsewhere.yaml': JSON.stringify({ ...BIG, namespace: 'elsewhere' }),
  'prefix.yaml': JSON.stringify({ ...BIG, namePrefix: 'other-' }),
};
const FIRST = ['init', '--config', 'big.yaml'];
const AUDIT = { kind: 'ConfigMap', namespace: LEDGER, name: 'palette-keys-audit' } as const;

const pool = new RsaPool();
let mark: ReturnType<RsaPool['mark']>;
beforeAll(() => {
  pool.install();
  mark = pool.mark();
});
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

const run = (store: MemoryStore | FaultyStore, argv: readonly string[]) => command(store, argv, { texts: TEXTS });

/** A first run that was killed after so many writes to the store; the first one adds the namespaces. */
async function killedAt(write: number): Promise<MemoryStore> {
  pool.rewind(mark);
  const store = memoryStore();
  await run(new FaultyStore(store).killAt(write, 'after'), FIRST);
  return store.afterCrash();
}

const specOf = (store: MemoryStore) => recordIn(store.snapshot()).spec;

describe('a first run that was killed', () => {
  test('after its record is completed with its own spec, without a spec file', async () => {
    const counting = new FaultyStore(memoryStore());
    await run(counting, FIRST);
    const faults: string[] = [];
    for (let n = 3; n <= counting.writes; n += 4) {
      const store = await killedAt(n);
      const { code, stderr } = await run(store, ['init']);
      if (code !== 0) faults.push(`write ${n}: ${code} ${stderr}`);
      else if (specOf(store).rotation.minInterval !== '48h') faults.push(`write ${n}: it has another spec`);
    }
    expect(faults).toEqual([]);
  });

  test('between its root key and its record is refused without the spec, and completed with it', async () => {
    const store = await killedAt(2);
    const before = store.snapshot();
    expect(before.objects.map(({ ref }) => ref.name)).toEqual(['palette-key-root-key-v1']);
    const refused = await run(store, ['init', '--yes']);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain('palette-keys init --config FILE');
    expect(store.snapshot()).toEqual(before);
    expect((await run(store, FIRST)).code).toBe(0);
    expect(specOf(store).rotation.minInterval).toBe('48h');
  });

  test('between its root key and its record takes another spec as a change, which has to be confirmed', async () => {
    const store = await killedAt(2);
    const asked = await run(store, ['init', '--config', 'small.yaml']);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain('go on with another spec than the one that the interrupted run began with');
    expect((await run(store, ['init', '--config', 'small.yaml', '--yes'])).code).toBe(0);
    expect(specOf(store).rotation.minInterval).toBe('12h');
  });

  test('with the default spec is completed without a spec file, wherever it was killed', async () => {
    const store = memoryStore();
    await run(new FaultyStore(store).killAt(2, 'after'), ['init']);
    expect((await run(store.afterCrash(), ['init'])).code).toBe(0);
  });

  test.each([2, 3, 6])(
    'after write %i refuses a spec with another prefix: it would make a second root key',
    async (n) => {
      const store = await killedAt(n);
      const before = store.snapshot();
      const { code, stderr } = await run(store, ['init', '--config', 'prefix.yaml', '--yes']);
      expect(code, stderr).toBe(5);
      expect(stderr).toContain('namePrefix');
      expect(store.snapshot()).toEqual(before);
    },
  );

  test('after its record refuses a spec with another namespace', async () => {
    const store = await killedAt(3);
    const before = store.snapshot();
    expect((await run(store, ['init', '--config', 'elsewhere.yaml', '--yes'])).code).toBe(5);
    expect(store.snapshot()).toEqual(before);
  });
});

describe('a record that is lost', () => {
  async function without(...lost: (typeof RECORD | typeof AUDIT)[]): Promise<MemoryStore> {
    const store = memoryStore();
    expect((await run(store, FIRST)).code).toBe(0);
    for (const ref of lost) store.take(ref);
    return store;
  }

  test('is rebuilt with the spec that the installation had: a copy is beside the audit log', async () => {
    const store = await without(RECORD);
    expect((await run(store, ['init', '--yes'])).code).toBe(0);
    expect(specOf(store).rotation.minInterval).toBe('48h');
  });

  test('shows a spec file that differs from the copy as a change, and refuses another namespace', async () => {
    const store = await without(RECORD);
    const asked = await run(store, ['init', '--config', 'small.yaml']);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain('change the spec in 1 place');
    expect((await run(store, ['init', '--config', 'elsewhere.yaml', '--yes'])).code).toBe(5);
  });

  test('is not rebuilt from a guess where its copy is lost with it', async () => {
    const store = await without(RECORD, AUDIT);
    // As an older build left it.
    const root = store.snapshot().objects.find(({ ref }) => ref.name === 'palette-key-root-key-v1');
    if (root === undefined || root.damage !== undefined) throw new Error('there is no root key');
    store.put({ ...root, annotations: {} });
    const before = store.snapshot();
    const { code, stderr } = await run(store, ['init', '--yes']);
    expect(code, stderr).toBe(5);
    expect(store.snapshot()).toEqual(before);
    const partial = await run(store, [...FIRST, '--yes']);
    expect(partial.code).toBe(5);
    expect(partial.stderr).toContain('the spec file leaves out');
    expect(store.snapshot()).toEqual(before);
    expect((await run(store, ['init', '--config', 'whole.yaml', '--yes'])).code).toBe(0);
  });

  test('that is damaged gives its spec, where that part can be read', async () => {
    const store = await without(AUDIT);
    const found = store.snapshot().objects.find(({ ref }) => ref.name === RECORD.name);
    if (found === undefined || found.damage !== undefined) throw new Error('there is no record');
    const record = { ...recordIn(store.snapshot()), keys: 'lost' };
    store.put({ ...found, data: { 'record.json': Buffer.from(JSON.stringify(record)) } });
    expect((await run(store, ['init', '--yes'])).code).toBe(0);
    expect(specOf(store).rotation.minInterval).toBe('48h');
  });
});
