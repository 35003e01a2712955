// Covers: src/reconcile/read/read-comparison.ts

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../src/reconcile/plan/snapshot.ts';
import { readComparison } from '../../../src/reconcile/read/read-comparison.ts';
import { thenWipe } from '../../../src/reconcile/read/wipe.ts';
import { inputOf, installation, portsOn, storeWith } from '../../support/installations.ts';
import type { Snapshot as Contents } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';

const pool = new RsaPool();
let made: Contents;

beforeAll(async () => {
  pool.install();
  made = await installation();
});
afterAll(() => pool.uninstall());

const read = () => readComparison(inputOf(), portsOn(storeWith(made)));

/** True where every byte of a Secret is zero. */
function isWiped({ ledger, projections }: Pick<Snapshot, 'ledger' | 'projections'>): boolean {
  const found = [...ledger, ...projections.values()];
  expect(found.length).toBeGreaterThan(0);
  return found.every(({ ref, ...object }) => {
    const bytes = 'data' in object && ref.kind === 'Secret' ? Object.values(object.data) : [];
    return bytes.every((each) => each.every((byte) => byte === 0));
  });
}

describe('key bytes that were read', () => {
  test('are overwritten after the work, which had them', async () => {
    const found = await read();
    const before = await thenWipe(found, async ({ snapshot }) => isWiped(snapshot));
    expect([before, isWiped(found.snapshot)]).toEqual([false, true]);
    const materials = [...found.rings.values()].flat().flatMap(({ material }) => Object.values(material.entries));
    expect(materials.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  test('are overwritten, those for a later owner too, where the work fails', async () => {
    const found = await read();
    const failing = thenWipe(
      found,
      () => Promise.reject(new Error('a bug')),
      () => expect.unreachable(),
    );
    await expect(failing).rejects.toThrow('a bug');
    expect(isWiped(found.snapshot)).toBe(true);
  });

  test('stay in the projections that the caller takes over, and in nothing else', async () => {
    const found = await read();
    let taken: Snapshot | undefined;
    await thenWipe(
      found,
      async () => undefined,
      (projections) => {
        taken = projections;
      },
    );
    const { ledger, projections } = found.snapshot;
    expect(taken?.ledger).toEqual([]);
    expect(taken?.projections).toBe(projections);
    expect([isWiped({ ledger: [], projections }), isWiped({ ledger, projections: new Map() })]).toEqual([false, true]);
  });
});
