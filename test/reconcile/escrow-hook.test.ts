import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { EscrowHook } from '../../src/reconcile/escrow-hook.ts';
import { planReconcile, reconcile } from '../../src/reconcile/reconcile.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  inputOf,
  ledgerRef,
  objectIn,
  PLATFORM,
  portsOn,
  RECORD,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';

const NOTE = 'example.org/escrow';
const pool = new RsaPool();
const mark = pool.mark();

beforeAll(() => pool.install());
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

/** Runs on a store with a hook that notes when it is called, between the writes of the store. */
async function runWith(store: MemoryStore, isDue = false): Promise<readonly string[]> {
  const events: string[] = [];
  const watched = new FaultyStore(store).onWrite(({ operation, object }) => void events.push(`${operation} ${object}`));
  const escrow: EscrowHook = {
    look: async () => ({
      findings: [],
      isDue,
      beforeFirstWrite: async (first) => {
        events.push(`stage ${(await first.entries()).length} entries`);
        return {
          annotations: { [NOTE]: 'digest' },
          finish: async (written) => {
            events.push('finish');
            return written;
          },
        };
      },
    }),
  };
  const ports = portsOn(watched);
  const request = { ...inputOf({ spec: smallSpec() }), escrow };
  const plan = await planReconcile(request, ports);
  expect(events).toEqual([]);
  await reconcile(plan, request, ports);
  return events;
}

describe('the hook for an escrow', () => {
  test('is called before the first write, and again between the record and the first projection', async () => {
    const store = memoryStore();
    const events = await runWith(store);
    expect(events[0]).toBe('stage 9 entries');
    const finish = events.indexOf('finish');
    expect(events[finish - 1]).toBe(`replace ${formatRef(RECORD)}`);
    expect(events.findIndex((event) => event.includes(`Secret/${PLATFORM}/`))).toBe(finish + 1);
    expect(objectIn(store.snapshot(), ledgerRef('root-key')).annotations).toMatchObject({ [NOTE]: 'digest' });
    expect(objectIn(store.snapshot(), ledgerRef('jwt-signing-key')).annotations).not.toHaveProperty(NOTE);
  });

  test('is not called where nothing changes, unless it has to be finished', async () => {
    const store = memoryStore();
    await runWith(store);
    const made = store.snapshot();
    expect(await runWith(storeWith(made))).toEqual([]);
    expect(await runWith(storeWith(made), true)).toEqual(['stage 0 entries', 'finish']);
  });
});
