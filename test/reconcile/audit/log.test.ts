// Covers: src/reconcile/audit/events.ts, src/reconcile/audit/log.ts, src/reconcile/audit/tell-run.ts
// Covers: src/reconcile/plan/audit-log.ts, src/reconcile/plan/findings/audit.ts

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AUDIT_LIMIT } from '../../../src/audit/chain.ts';
import { formatRef } from '../../../src/ports/object-ref.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import {
  AUDIT,
  auditIn,
  edit,
  editData,
  init,
  installation,
  objectIn,
  PLATFORM,
  RECORD,
  secret,
  smallSpec,
  storeWith,
} from '../../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';
import { faultsOf } from '../checker.ts';

const spec = smallSpec();
const wider = smallSpec({ mongodb: { members: 2 } });
const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = storeWith(made);
});

const textOf = (name = AUDIT.name): string =>
  Buffer.from(objectIn(store.snapshot(), { ...AUDIT, name }).data['audit.jsonl'] ?? []).toString('utf8');

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** Makes the log as long as this, with lines that belong to its chain. */
function fill(length: number): string {
  let log = textOf();
  const [first = ''] = log.split('\n');
  while (log.length < length) {
    const prev = sha256(log.trimEnd().split('\n').at(-1) ?? '');
    const line = (pad: number): string => `${JSON.stringify({ ...JSON.parse(first), prev, pad: 'x'.repeat(pad) })}\n`;
    const rest = length - log.length;
    log += line(rest > 100_000 ? 50_000 : rest - line(0).length);
  }
  editData(store, AUDIT, () => ({ 'audit.jsonl': log }));
  return log;
}

/** Names of all audit logs, in the order of the store. */
const logs = (): readonly string[] =>
  store
    .snapshot()
    .objects.map(({ ref }) => ref.name)
    .filter((name) => name.startsWith(AUDIT.name));

describe('a log', () => {
  test('is continued where it is not full', async () => {
    const before = fill(AUDIT_LIMIT);
    expect(before).toHaveLength(AUDIT_LIMIT);
    await init(store, { spec: wider });
    expect(logs()).toEqual([AUDIT.name]);
    expect(textOf().startsWith(before)).toBe(true);
  });

  test('that is full is copied byte for byte, and begun anew with the digest of its last line', async () => {
    const before = fill(AUDIT_LIMIT + 1);
    await init(store, { spec: wider });
    expect(logs()).toEqual([AUDIT.name, `${AUDIT.name}-1`]);
    expect(textOf(`${AUDIT.name}-1`)).toBe(before);
    const { labels } = objectIn(store.snapshot(), { ...AUDIT, name: `${AUDIT.name}-1` });
    expect(labels['palette-keys.dev/kind']).toBe('audit-archive');
    const [record, ...others] = auditIn(store.snapshot());
    expect(others).toEqual([]);
    expect(record).toMatchObject({ generation: 2, prev: sha256(before.trimEnd().split('\n').at(-1) ?? '') });
  });

  test('that is full again is copied under the next number', async () => {
    fill(AUDIT_LIMIT + 1);
    await init(store, { spec: wider });
    const first = textOf(`${AUDIT.name}-1`);
    const second = fill(AUDIT_LIMIT + 1);
    await init(store, { spec });
    expect(logs()).toEqual([AUDIT.name, `${AUDIT.name}-1`, `${AUDIT.name}-2`]);
    expect(textOf(`${AUDIT.name}-1`)).toBe(first);
    expect(textOf(`${AUDIT.name}-2`)).toBe(second);
  });

  test('that is full is copied once, whichever write kills the run', async () => {
    const before = fill(AUDIT_LIMIT + 1);
    const full = store.snapshot();
    const faults: string[] = [];
    for (let n = 1; n <= 10; n++) {
      for (const moment of ['before', 'after'] as const) {
        store = storeWith(full);
        pool.rewind(mark);
        await init(new FaultyStore(store).killAt(n, moment), { spec: wider }).catch(() => undefined);
        await init(store.afterCrash(), { spec: wider });
        const wrong = [...faultsOf(store.snapshot(), wider)];
        if (logs().join() !== `${AUDIT.name},${AUDIT.name}-1`) wrong.push(`there are ${logs().join()}`);
        else if (textOf(`${AUDIT.name}-1`) !== before) wrong.push('the copy is none');
        if (auditIn(store.snapshot()).length !== 1) wrong.push('the new log has not one line');
        faults.push(...wrong.map((fault) => `${moment} write ${n}: ${fault}`));
      }
    }
    expect(faults).toEqual([]);
  });

  test('whose chain is broken is continued, for what was there before is the evidence', async () => {
    editData(store, AUDIT, (data) => ({ 'audit.jsonl': data['audit.jsonl']?.replace('tester', 'nobody') }));
    const before = textOf();
    await init(store, { spec: wider });
    expect(textOf().startsWith(before)).toBe(true);
  });

  test('keeps the metadata that everything of ours has', async () => {
    await init(store, { spec: wider });
    const { labels, immutable } = objectIn(store.snapshot(), AUDIT);
    expect(labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'palette-keys', 'palette-keys.dev/kind': 'audit' });
    expect(immutable).toBe(false);
  });
});

describe('what a log says of', () => {
  test('a run that was killed before it could write its line: the next one completed it', async () => {
    store = memoryStore();
    const watched = new FaultyStore(store);
    watched.onWrite(({ object }) => {
      if (object === formatRef(AUDIT)) watched.killAt(watched.writes, 'before');
    });
    await init(watched, { spec }).catch(() => undefined);
    await init(store.afterCrash(), { spec });
    expect(auditIn(store.snapshot())).toMatchObject([{ result: 'completed an interrupted run', changes: [] }]);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  });

  test('a run that was killed after it had written its line: nothing more', async () => {
    store = memoryStore();
    const watched = new FaultyStore(store);
    watched.onWrite(({ object }) => {
      if (object === formatRef(AUDIT)) watched.killAt(watched.writes, 'after');
    });
    await init(watched, { spec }).catch(() => undefined);
    const before = auditIn(store.snapshot());
    expect(before).toMatchObject([{ result: 'done' }]);
    await init(store.afterCrash(), { spec });
    expect(auditIn(store.snapshot())).toEqual(before);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  });

  test('a run that was killed on its way: the next one names what it did itself', async () => {
    store = memoryStore();
    await init(new FaultyStore(store).killAt(13, 'before'), { spec }).catch(() => undefined);
    const there = new Set(store.snapshot().objects.map(({ ref }) => formatRef(ref)));
    await init(store.afterCrash(), { spec });
    const [record, ...others] = auditIn(store.snapshot());
    expect(others).toEqual([]);
    const named = record.changes.map(({ object }: { object: string }) => object);
    expect(named).not.toEqual([]);
    expect(named.filter((object: string) => there.has(object))).toEqual([]);
  });

  test('a change of the spec that changes no object: it was done, not completed', async () => {
    await init(store, { spec: smallSpec({ tenantKeys: { bits: 128 } }) });
    expect(auditIn(store.snapshot()).at(-1)).toMatchObject({ generation: 2, result: 'done', changes: [] });
  });

  test('an object that was restored: which, with its kid, in the same generation', async () => {
    store.take(secret(PLATFORM, 'palette-root-key'));
    await init(store);
    const kid = Buffer.from(objectIn(made, secret(PLATFORM, 'palette-root-key')).data['kid'] ?? []).toString();
    expect(auditIn(store.snapshot()).at(-1)).toMatchObject({
      generation: 1,
      result: 'done',
      changes: [{ action: 'restore', object: `Secret/${PLATFORM}/palette-root-key`, key: 'root-key', kid }],
    });
  });

  test('a rebuilt record: something', async () => {
    store.take(RECORD);
    await init(store, { spec });
    expect(auditIn(store.snapshot())).toHaveLength(2);
  });

  test('who did it, with which version', async () => {
    edit(store, secret(PLATFORM, 'palette-root-key'), () => ({ labels: {} }));
    await init(store);
    expect(auditIn(store.snapshot()).at(-1)).toMatchObject({ user: 'tester', host: 'bench', toolVersion: '0.1.0' });
  });
});
