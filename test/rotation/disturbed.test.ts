// Covers: src/rotation/perform/read-context.ts, src/rotation/perform/verified.ts, src/rotation/perform/write-change.ts

/** What others do to the store while a rotation is under way. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Proposal } from '../../src/rotation/rotate-request.ts';
import type { ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  edit,
  editData,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  recordIn,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const SIGNER = secret(PLATFORM, 'palette-jwt-signing-key');
let made: Snapshot;
let foreign: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeAll(async () => {
  foreign = await installation(smallSpec(), { seed: 'others' });
});

beforeEach(() => {
  ({ made, store, clock } = fresh());
});

describe('somebody puts a key of their own into the Secret', () => {
  test('while the run waits for an answer: nothing is written', async () => {
    const before = ledgerFacts(store.snapshot());
    const agree = async (): Promise<void> => {
      transplant(store, SIGNER, foreign);
      clock.advance(60);
    };
    await expect(rotate(store, JWT, { clock, agree })).rejects.toMatchObject({ code: 'REFUSED' });
    expect(ledgerFacts(store.snapshot())).toEqual(before);
    expect(recordIn(store.snapshot())).toMatchObject({ generation: 1, ready: true });
  });

  test('in the moment of the writes: it stays, and the error does not say that nothing was written', async () => {
    const agree = async (): Promise<void> => transplant(store, SIGNER, foreign);
    await expect(rotate(store, JWT, { clock, agree })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('was changed by somebody else during this run'),
      hint: expect.stringContaining('--restore'),
    });
    expect(objectIn(store.snapshot(), SIGNER).data).toEqual(objectIn(foreign, SIGNER).data);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
  });
});

test('a namespace that is gone is noticed before anything is written', async () => {
  const wide = smallSpec({
    serviceCertificates: { services: [{ name: 'auth' }, { name: 'jet', namespace: 'jet-system' }] },
  });
  const there = await installation(wide);
  const objects = there.objects.filter(({ ref }) => ref.namespace !== 'jet-system');
  store = storeWith({ namespaces: there.namespaces.filter((name) => name !== 'jet-system'), objects });
  await expect(rotate(store, 'internal-ca', { clock })).rejects.toMatchObject({ code: 'NAMESPACE_MISSING' });
  expect(recordIn(store.snapshot())).toMatchObject({ generation: 1, ready: true });
});

test('a lost ledger entry is written again from the Secret before the key is rotated', async () => {
  store.take(ledgerRef(JWT));
  await rotate(store, JWT, { clock });
  expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
  expect(ledgerFacts(store.snapshot()).get(`Secret/palette-keys-system/palette-key-${JWT}-v1`)).toBe(
    ledgerFacts(made).get(`Secret/palette-keys-system/palette-key-${JWT}-v1`),
  );
});

test('Pods that started on a Secret that somebody put back are no evidence', async () => {
  const started = () => clock.now().toISOString();
  let since = started();
  const uses = [{ object: platform(JWT), container: 'main', how: 'volume' }] as const;
  let changed = new Date(clock.now().getTime() - 600_000);
  const workloads = workloadsOf(
    () => [pod('auth-1', since, { uses })],
    () => changed,
  );
  const agree = async ({ plan }: Proposal): Promise<void> => {
    if (plan !== undefined) changed = clock.now();
  };
  const go = () => rotate(store, JWT, { clock, workloads, agree });
  await go();
  clock.advance(3600);
  since = started();
  await go();
  clock.advance(3600);
  since = started();
  await go();
  expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  edit(store, SIGNER, () => ({ data: objectIn(made, SIGNER).data }));
  clock.advance(30 * 3600);
  since = started();
  const waiting = await go();
  expect(waiting.waitingFor?.blockers).toEqual([
    expect.stringMatching(/^Secret\/.*jwt-signing-key: .*palette-keys init/),
  ]);
  clock.advance(30 * 3600);
  await go();
  expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
});

test('certificates are not reissued over the interrupted run of another kind', async () => {
  const agree = async (): Promise<void> => {
    const interrupted = new FaultyStore(store.again());
    interrupted.killAt(5, 'before');
    await rotate(interrupted, 'internal-ca', { clock }).catch(() => undefined);
    store = store.afterCrash();
  };
  const run = rotate(store, 'service-certificates', { clock, agree, again: true });
  await expect(run).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(recordIn(store.snapshot()).ready).toBe(false);
});

describe('a private key of the other sort beside the signing key', () => {
  const other = new Uint8Array(32).fill(7);

  test("is somebody else's: it is never taken out unasked", async () => {
    editData(store, SIGNER, (data) => ({ ...data, key: other }));
    await expect(rotate(store, JWT, { clock })).rejects.toMatchObject({ code: 'REFUSED' });
    expect(objectIn(store.snapshot(), SIGNER).data['key']).toEqual(other);
  });
});
