// Covers: src/inventory/ledger-view.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INVENTORY } from '../../src/inventory/index.ts';
import { planReconcile } from '../../src/reconcile/reconcile.ts';
import { readRotationPlan } from '../../src/rotation/perform/read-plan.ts';
import { readStatus } from '../../src/status/read-status.ts';
import { command } from '../backup/bench.ts';
import { rotate } from '../rotation/bed.ts';
import { ManualClock } from '../support/clock.ts';
import {
  factsOf,
  init,
  inputOf,
  installation,
  ledgerFacts,
  portsOn,
  RECORD,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf } from './checker.ts';

const pool = new RsaPool();
const mark = pool.mark();
const ON = smallSpec();
const OFF = smallSpec({ messageBus: null });
/** Every kind that an installation without a message bus does without. */
const KINDS = INVENTORY.filter(({ isWanted }) => isWanted !== undefined).map(({ id }) => id);
const PLACES = ['Secret/hubble-system/palette-message-bus-auth', 'Secret/hubble-system/palette-message-bus-tls'];

let whole: Snapshot;
beforeAll(async () => {
  pool.install();
  whole = await installation(ON);
});
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

const placesIn = ({ objects }: Snapshot): string[] =>
  objects.map(({ ref }) => `${ref.kind}/${ref.namespace}/${ref.name}`);
const busIn = (snapshot: Snapshot): string[] => placesIn(snapshot).filter((place) => place.includes('message-bus'));
const statusOf = (store: MemoryStore) =>
  readStatus({ store, clock: new ManualClock() }, { spec: undefined, namespace: undefined });

test('the kinds of the message bus are all those that an installation may do without', () => {
  expect(KINDS).toEqual(INVENTORY.map(({ id }) => id).filter((id) => id.startsWith('message-bus-')));
});

describe('a new installation without a message bus', () => {
  let store: MemoryStore;
  beforeEach(async () => {
    store = memoryStore();
    await init(store, { spec: OFF });
  });

  test('has no object, no record entry and no line of status of it, and is whole', async () => {
    expect(busIn(store.snapshot())).toEqual([]);
    expect(Object.keys(recordIn(store.snapshot()).keys).filter((kind) => kind.includes('bus'))).toEqual([]);
    const report = await statusOf(store);
    expect(report?.keys.map(({ key }) => key).filter((key) => KINDS.some((kind) => kind === key))).toEqual([]);
    expect(report?.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(faultsOf(store.snapshot(), OFF)).toEqual([]);
    const again = await planReconcile(inputOf({ spec: OFF }), portsOn(store));
    expect(again.changes).toBe(false);
  });

  test('gets it later, whole, when its spec asks for it', async () => {
    await init(store, { spec: ON });
    expect(busIn(store.snapshot())).toHaveLength(5);
    expect(faultsOf(store.snapshot(), ON)).toEqual([]);
  });

  test('gets its lost record back without it', async () => {
    store.take(RECORD);
    await init(store, { spec: OFF });
    expect(busIn(store.snapshot())).toEqual([]);
    expect(recordIn(store.snapshot()).ready).toBe(true);
  });
});

describe('an installation that turns its message bus off', () => {
  test('is asked first', async () => {
    const plan = await planReconcile(inputOf({ spec: OFF }), portsOn(storeWith(whole)));
    expect(plan.confirm).toEqual(['change the spec in 1 place']);
    expect(plan.orphanedObjects.toSorted()).toEqual(PLACES);
  });

  test('keeps every ledger entry, every version of the record and every object, byte for byte', async () => {
    const store = storeWith(whole);
    await init(store, { spec: OFF });
    const after = store.snapshot();
    expect(ledgerFacts(after)).toEqual(ledgerFacts(whole));
    expect(placesIn(after).toSorted()).toEqual(placesIn(whole).toSorted());
    const factsAt = (snapshot: Snapshot) =>
      snapshot.objects.filter(({ ref }) => ref.name.includes('message-bus')).map(factsOf);
    expect(factsAt(after)).toEqual(factsAt(whole));
    const { keys, spec } = recordIn(after);
    expect(spec.messageBus).toBeNull();
    expect(keys).toEqual(recordIn(whole).keys);
  });

  test('is shown its keys as kept, without a finding about them', async () => {
    const store = storeWith(whole);
    await init(store, { spec: OFF });
    const report = await statusOf(store);
    const kept = report?.keys.filter((key) => key.kept === true) ?? [];
    expect(kept.map(({ key }) => key)).toEqual(KINDS.filter((kind) => kind !== 'message-bus-tls'));
    expect(kept.map(({ findings }) => findings)).toEqual(kept.map(() => []));
    expect(report?.findings.filter(({ subject }) => subject.includes('message-bus'))).toEqual([]);
  });

  test('uses the same keys again when it turns it on', async () => {
    const store = storeWith(whole);
    await init(store, { spec: OFF });
    await init(store, { spec: ON });
    expect(ledgerFacts(store.snapshot())).toEqual(ledgerFacts(whole));
    expect(recordIn(store.snapshot()).keys).toEqual(recordIn(whole).keys);
    expect(faultsOf(store.snapshot(), ON)).toEqual([]);
  });
});

describe.each([
  ['a new installation without it', false],
  ['an installation that turned it off', true],
])('rotate, in %s,', (_, hadBus) => {
  let store: MemoryStore;
  beforeEach(async () => {
    store = hadBus ? storeWith(whole) : memoryStore();
    await init(store, { spec: OFF });
  });

  test.each(KINDS)('refuses %s, says how to get a message bus, and writes nothing', async (kind) => {
    const before = store.snapshot();
    const refusal = { code: 'REFUSED', hint: expect.stringMatching(/messageBus|rotate message-bus-signing-key/) };
    await expect(rotate(store, kind, { compromised: true })).rejects.toMatchObject(refusal);
    const flags = { again: false, assumeConsumersCurrent: undefined, compromised: false, services: undefined };
    const ports = { store, spec: { spec: undefined, namespace: undefined }, clock: new ManualClock() };
    await expect(readRotationPlan({ kind, ...flags }, ports as never)).rejects.toMatchObject(refusal);
    expect(store.snapshot()).toEqual(before);
  });

  test('--due passes by what the installation does without', async () => {
    const { code, stdout, stderr } = await command(store, ['rotate', '--due', '--yes'], {
      clock: new ManualClock(),
    });
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('message-bus');
  });
});
