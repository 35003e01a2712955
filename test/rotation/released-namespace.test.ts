// Covers: src/ledger/released-places.ts, src/rotation/evidence/orphaned-objects.ts

/** A service that was the only one in its namespace, and was taken out of the spec: its Pods go on, and use the CA bundle there. */
import { beforeEach, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { decodeFormer } from '../../src/ledger/former-evidence.ts';
import { releasedIn, withReleased } from '../../src/ledger/released-places.ts';
import type { ObjectRef } from '../../src/ports/object-ref.ts';
import type { Pod, Workloads } from '../../src/ports/workloads.ts';
import type { ManualClock } from '../support/clock.ts';
import { init, recordIn, smallSpec } from '../support/installations.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const CA = 'internal-ca';
const AUTH = { name: 'auth' };
const UI = { name: 'ui', namespace: 'ui-system' };
const BUNDLE: ObjectRef = { kind: 'ConfigMap', namespace: 'ui-system', name: 'palette-internal-ca-bundle' };
const specOf = (...services: object[]) => smallSpec({ serviceCertificates: { services } });

let store: MemoryStore;
let clock: ManualClock;
let changed: Date;
const fresh = installedOnce(specOf(AUTH, UI));

beforeEach(async () => {
  ({ store, clock } = fresh());
  changed = clock.now();
  await init(store, { clock, spec: specOf(AUTH) });
});

/** A cluster in which one sees the Pods of a namespace by asking for it. */
function cluster(pods: readonly Pod[], denied?: string): Workloads {
  const all = [...pods, pod('auth-1', undefined, { uses: [] })];
  return {
    ...workloadsOf(
      () => all,
      () => changed,
    ),
    pods: async (namespaces) => {
      if (denied !== undefined && namespaces.includes(denied))
        throw new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'x' });
      return all.filter(({ namespace }) => namespaces.includes(namespace));
    },
  };
}

const ui = pod('ui-1', '2027-01-01T00:00:00Z', {
  namespace: 'ui-system',
  workload: 'Deployment/ui-system/ui',
  uses: [{ object: BUNDLE, container: 'main', how: 'volume' }],
});

const go = (kind: string, workloads: Workloads) => rotate(store, kind, { clock, workloads });

test('a released namespace keeps the old CA while its Pods use the bundle', async () => {
  const { waitingFor, done } = await go(CA, cluster([ui]));
  expect(done).toBe(false);
  expect(waitingFor?.blockers).toEqual([
    expect.stringMatching(/^Pod ui-system\/ui-1 .*palette-internal-ca-bundle, which the spec no longer names/),
  ]);
});

test('a released namespace no longer keeps the old CA once its Pods are gone, or vouched for', async () => {
  expect(await go(CA, cluster([]))).toMatchObject({ done: true });
  expect(statesOf(store, CA)).toBe('v1 retired, v2 active');
});

test('a released namespace is no obstacle to a kind that none of it is computed from', async () => {
  const { waitingFor } = await go('jwt-signing-key', cluster([], 'ui-system'));
  expect(waitingFor).toMatchObject({ until: expect.any(Date), blockers: [] });
});

test('a released namespace whose Pods the run may not see is named, and not guessed about', async () => {
  const { waitingFor } = await go(CA, cluster([], 'ui-system'));
  expect(waitingFor).toMatchObject({
    reason: expect.stringContaining('no access to Pods in ui-system, where the spec had a service'),
    onWord: true,
  });
});

test('a released namespace is forgotten once it is deleted, when nobody may see anything in it', async () => {
  const { namespaces, objects } = store.snapshot();
  store = memoryStore();
  store.restore({
    namespaces: namespaces.filter((name) => name !== 'ui-system'),
    objects: objects.filter(({ ref }) => ref.namespace !== 'ui-system'),
  });
  expect(await go(CA, cluster([], 'ui-system'))).toMatchObject({ done: true });
});

test('a released namespace is in the record until the spec has a service there again', async () => {
  const places = () => releasedIn(recordIn(store.snapshot()).keys[CA]);
  expect(places()).toEqual(['ui-system']);
  await init(store, { clock, spec: specOf(AUTH, { name: 'cp', namespace: 'cp-system' }) });
  await init(store, { clock, spec: specOf(AUTH) });
  expect(places()).toEqual(['cp-system', 'ui-system']);
  await init(store, { clock, spec: specOf(AUTH, UI) });
  expect(places()).toEqual(['cp-system']);
});

test.each([[undefined], ['ui-system'], [{ a: 1 }], [['ui-system', 3]]])('%j in the record is no place', (found) => {
  expect(releasedIn({ evidence: decodeFormer({ 'namespaces.before': found }) })).toEqual([]);
});

test('a spec that leaves no namespace leaves the key as it was', () => {
  const key = { versions: [], evidence: [] };
  expect(withReleased(key, ['a', 'b'], ['b', 'a', 'c'])).toBe(key);
});
