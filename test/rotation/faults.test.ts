import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { installation, ledgerFacts, ledgerRef, recordIn, storeWith } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { rotate, statesOf } from './bed.ts';
import { disturb, ROADS, writesOf } from './disturbances.ts';

const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

const JWT = 'jwt-signing-key';

describe('whatever write goes wrong, the same command again ends where an undisturbed one does', () => {
  // Every road is disturbed at every fifth write, each time in another way; test/soak does all of them.
  test.each(ROADS.map((road, index) => [road.kind, road, index] as const))('%s', async (_, road, index) => {
    pool.rewind(mark);
    const writes = await writesOf(made, road);
    const faults: string[] = [];
    for (let n = 1 + (index % 5); n <= writes; n += 5) {
      pool.rewind(mark);
      const how = (n + index) % 4 === 0 ? 'fail' : 'kill';
      faults.push(...(await disturb(made, road, { n, how, moment: n % 2 === 0 ? 'before' : 'after' })));
    }
    expect(faults).toEqual([]);
  });
});

test('whatever write of --destroy goes wrong, the same command again deletes the key, and no other', async () => {
  const store = storeWith(made);
  await rotate(store, JWT, { clock: new ManualClock('2027-02-01T00:00:00Z'), compromised: true });
  const retired = store.snapshot();
  const before = ledgerFacts(retired);
  const request = { type: 'destroy', kid: recordIn(retired).keys[JWT].versions[0].kid } as const;
  const destroy = (on: KeyStore) => rotate(on, JWT, { clock: new ManualClock('2027-02-02T00:00:00Z'), request });
  const count = new FaultyStore(storeWith(retired));
  await destroy(count);
  for (let n = 1; n <= count.writes; n++) {
    for (const how of ['failAt', 'killAt'] as const) {
      for (const moment of ['before', 'after'] as const) {
        const memory = storeWith(retired);
        const first = new FaultyStore(memory);
        first[how](n, moment);
        await destroy(first).catch(() => undefined);
        await destroy(memory.afterCrash());
        const left = ledgerFacts(memory.snapshot());
        const gone = [...before.keys()].filter((name) => !left.has(name));
        expect(gone, `write ${n}, ${how} ${moment}`).toEqual([formatRef(ledgerRef(JWT, 1))]);
        expect(statesOf(memory, JWT)).toBe('v1 destroyed, v2 active');
        expect(recordIn(memory.snapshot()).ready).toBe(true);
      }
    }
  }
});

describe('two at once', () => {
  test('one run rotates, and the other is told', async () => {
    const store = storeWith(made);
    const clock = new ManualClock('2027-02-01T00:00:00Z');
    const runs = await Promise.allSettled([rotate(store, JWT, { clock }), rotate(store.again(), JWT, { clock })]);
    const failed = runs.flatMap((run) => (run.status === 'rejected' ? [run.reason.code] : []));
    expect(failed).toEqual([expect.stringMatching(/LOCK_HELD|CONFLICT/)]);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
  });

  test('a run that decided on an older record changes nothing', async () => {
    const store = storeWith(made);
    const clock = new ManualClock('2027-02-01T00:00:00Z');
    let other: Promise<unknown> | undefined;
    const agree = async (): Promise<void> => {
      other ??= rotate(store.again(), JWT, { clock });
      await other;
    };
    await expect(rotate(store, JWT, { clock, agree })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    expect(recordIn(store.snapshot()).ready).toBe(true);
  });

  test('what somebody else adds to an object while the run waits for an answer stays', async () => {
    const store = storeWith(made);
    const ref = { kind: 'Secret', namespace: 'hubble-system', name: 'palette-jwt-signing-key' } as const;
    const clock = new ManualClock('2027-02-01T00:00:00Z');
    const agree = async (): Promise<void> => {
      const found = await store.get(ref);
      if (found === undefined || found.damage !== undefined || found.labels['team'] === 'b') return;
      store.put({ ...found, labels: { ...found.labels, team: 'b' } });
    };
    await rotate(store, JWT, { clock, agree });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    expect(await store.get(ref)).toMatchObject({ labels: { team: 'b' } });
    const jwks = (await store.get(ref)) as { data: Record<string, Uint8Array> };
    expect(JSON.parse(Buffer.from(jwks.data['jwks.json'] ?? []).toString('utf8')).keys).toHaveLength(2);
  });
});
