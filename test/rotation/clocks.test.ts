/** Clocks that were wrong when something was found out: no gate opens earlier for it, and none stays closed for ever. */
import { beforeEach, describe, expect, test } from 'vitest';
import { readTenantAccess } from '../../src/tenants/keyring.ts';
import { addTenants } from '../../src/tenants/tenants.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { portsOn, recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const assume = { assumeConsumersCurrent: true };
const CACHES = 15 * 60;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const go = (kind: string, options: Parameters<typeof rotate>[2] = {}) => rotate(store, kind, { clock, ...options });

describe('a confirmation', () => {
  test.each([
    ['before the version was there', -2 * DAY],
    ['in two days', 2 * DAY],
  ])('by a clock that shows a time %s opens no gate before its time', async (_, seconds) => {
    await go(JWT);
    const published = clock.now();
    clock.advance(seconds);
    await go(JWT, assume).catch(() => undefined);
    clock.set(new Date(published.getTime() + 60_000));
    const { waitingFor } = await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    const from = seconds < 0 ? published : clock.now();
    expect(waitingFor?.until).toEqual(new Date(from.getTime() + CACHES * 1000));
    clock.set(new Date(from.getTime() + CACHES * 1000));
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });

  test('is not noted where the clock of the cluster shows another time', async () => {
    await go(JWT);
    const before = recordIn(store.snapshot());
    const cluster = { now: async () => new Date(clock.now().getTime() + 301_000) };
    Object.defineProperty(store, 'cluster', { value: cluster });
    await expect(go(JWT, assume)).rejects.toMatchObject({ code: 'CLOCK_IMPLAUSIBLE' });
    expect(recordIn(store.snapshot())).toEqual(before);
  });
});

test.each([
  ['an hour behind', -3600],
  ['an hour ahead', 3600],
])('a first scan by a clock that is %s does not make the next one the second', async (_, seconds) => {
  const ports = portsOn(store, { clock });
  const tenants = new MemoryTenantStore();
  await addTenants(['acme'], await readTenantAccess(ports, undefined), { ...ports, tenants });
  const scan = () => go('root-key', { ...assume, tenants });
  const agree = async ({ plan }: { readonly plan: unknown }): Promise<void> => {
    if (plan === undefined) throw new Error('killed before anything is wrapped anew');
  };
  await go('root-key', { ...assume, tenants, agree }).catch(() => undefined);
  expect(statesOf(store, 'root-key')).toBe('v1 trusted, v2 active');
  clock.advance(seconds);
  await scan();
  clock.advance(5 - seconds);
  expect((await scan()).waitingFor?.reason).toContain('second scan');
  expect(statesOf(store, 'root-key')).toBe('v1 trusted, v2 active');
  clock.advance(600);
  await scan();
  expect(statesOf(store, 'root-key')).toBe('v1 retired, v2 active');
});
