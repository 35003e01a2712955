// Covers: src/ledger/replacement.ts, src/reconcile/write/note-replacements.ts, src/rotation/perform/name-exposed.ts

/** `--compromised`: no command that says it is done leaves the compromised key in use, nor one that stood beside it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { readTenantAccess } from '../../src/tenants/keyring.ts';
import { addTenants } from '../../src/tenants/tenants.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  editRecord,
  init,
  ledgerRef,
  objectIn,
  portsOn,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { platform, rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const assume = { assumeConsumersCurrent: true };
const compromised = { ...assume, compromised: true };
const REPLACED = 'v1 retired, v2 retired, v3 active';
let made: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
});

const go = (kind: string, options: Parameters<typeof rotate>[2] = {}) => rotate(store, kind, { clock, ...options });

const kidOf = (kind: string, n: number): string => recordIn(store.snapshot()).keys[kind].versions[n - 1].kid;

/** An ordinary rotation, as far as the old key's retirement. */
async function promote(): Promise<void> {
  await go(JWT, assume);
  clock.advance(15 * 60);
  await go(JWT, assume);
  expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
}

describe('a compromised key', () => {
  test.each([false, true])('is replaced while the one before it is trusted (--again: %s)', async (again) => {
    await promote();
    expect(await go(JWT, { ...compromised, again })).toMatchObject({ done: true });
    expect(statesOf(store, JWT)).toBe(REPLACED);
  });

  test('is replaced once, however often the command is given', async () => {
    await promote();
    await go(JWT, compromised);
    clock.advance(60);
    const again = await go(JWT, compromised);
    expect(again).toMatchObject({ done: true, transitions: [], notes: [expect.stringContaining('--again')] });
    expect(statesOf(store, JWT)).toBe(REPLACED);
    await go(JWT, { ...compromised, again: true });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 retired, v3 retired, v4 active');
  });

  test('is replaced a moment after the one before it was retired', async () => {
    await promote();
    clock.advance(DAY + 3600);
    await go(JWT, { mayStart: false });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    clock.advance(2 * 3600);
    await go(JWT, compromised);
    expect(statesOf(store, JWT)).toBe(REPLACED);
  });

  test.each(['destroy', 'reinstate'] as const)('is replaced though others %s an old one meanwhile', async (type) => {
    await promote();
    clock.advance(2 * DAY);
    await go(JWT, { mayStart: false });
    const agree = async (): Promise<void> => {
      await rotate(store.again(), JWT, { clock, request: { type, kid: kidOf(JWT, 1) } });
    };
    await expect(go(JWT, { ...compromised, agree })).rejects.toMatchObject({ code: 'CONFLICT' });
    await go(JWT, compromised);
    expect(statesOf(store, JWT)).toMatch(/^v1 (destroyed|trusted), v2 retired, v3 active$/);
  });

  test('is replaced by a command that has waited before it came to that', async () => {
    const waited = { ...(await go('root-key', { ...compromised, dryRun: true })), transitions: [] };
    await go('root-key', { ...compromised, before: waited, mayStart: false });
    expect(statesOf(store, 'root-key')).toBe('v1 active, v2 published');
  });

  test('of a CA is replaced before the old CA is gone', async () => {
    await go('internal-ca', { ...assume, mayStart: true, agree: once() }).catch(() => undefined);
    expect(statesOf(store, 'internal-ca')).toBe('v1 active, v2 published');
    await go('internal-ca', { ...assume, agree: once() }).catch(() => undefined);
    expect(statesOf(store, 'internal-ca')).toBe('v1 trusted, v2 active');
    const waiting = await go('internal-ca', { compromised: true });
    expect([waiting.done, statesOf(store, 'internal-ca')]).toEqual([false, 'v1 trusted, v2 active, v3 published']);
    clock.advance(3 * DAY);
    expect(await go('internal-ca', compromised)).toMatchObject({ done: true });
    expect(statesOf(store, 'internal-ca')).toBe(REPLACED);
    expect(await go('internal-ca', compromised)).toMatchObject({ done: true, transitions: [] });
  });

  /** Agrees to one write. */
  function once(): () => Promise<void> {
    let count = 0;
    return async () => {
      count += 1;
      if (count > 1) throw new Error('killed');
    };
  }
});

test('a compromised certificate that is young is named, as nothing tells whether it leaked', async () => {
  await go('grpc-tls');
  clock.advance(60);
  await expect(go('grpc-tls', { compromised: true })).rejects.toMatchObject({
    code: 'REFUSED',
    hint: expect.stringContaining('--again'),
    details: [{ message: 'the certificate of grpc' }],
  });
  const before = await go('grpc-tls', { compromised: true, again: true });
  expect(before).toMatchObject({ done: true, steps: [{ action: 'update' }] });
  expect(await go('grpc-tls', { compromised: true, mayStart: false, before })).toMatchObject({ done: true });
});

test('a compromised certificate that was replaced is left by the same command, which says so', async () => {
  expect(await go('grpc-tls', { compromised: true })).toMatchObject({ done: true, steps: [{ action: 'update' }] });
  clock.advance(60);
  const again = await go('grpc-tls', { compromised: true });
  expect(again).toMatchObject({ done: true, steps: [] });
  expect(again.notes[0]).toMatch(/^already replaced as compromised since \S+; if they leaked too: --again$/);
});

describe('what stood beside a compromised key', () => {
  test('a published root key is retired, and a new one made', async () => {
    await go('root-key');
    expect(await go('root-key', { ...compromised, noTenantStore: true })).toMatchObject({ done: true });
    expect(statesOf(store, 'root-key')).toBe(REPLACED);
  });

  test.each(['root-key', 'hash-salt'])(
    'a published %s is not waited for where nobody names the database',
    async (kind) => {
      const census = { collection: 'users', kidField: 'kid' };
      await init(store, { clock, spec: smallSpec({ hashSalt: { census } }) });
      await go(kind);
      const { waitingFor } = await go(kind, compromised);
      expect([statesOf(store, kind), waitingFor?.reason]).toEqual([
        'v1 trusted, v2 published, v3 active',
        expect.stringContaining('nobody'),
      ]);
    },
  );

  test('a published root key does not keep tenant keys from being wrapped by its replacement', async () => {
    const ports = { ...portsOn(store), tenants: new MemoryTenantStore() };
    await addTenants(['a', 'b'], await readTenantAccess(ports, undefined), ports);
    await go('root-key', { tenants: ports.tenants });
    await go('root-key', { ...compromised, tenants: ports.tenants });
    expect(await ports.tenants.countByKid()).toEqual(new Map([[kidOf('root-key', 3), 2]]));
  });

  test('an entry that a killed run left is retired, and is no fault', async () => {
    await orphan();
    await go(JWT, compromised);
    expect(statesOf(store, JWT)).toBe(REPLACED);
    expect((await init(store, { clock })).changes).toBe(false);
  });
});

describe('an entry that an interrupted run left', () => {
  test('becomes the new version where it is as the spec asks', async () => {
    const kid = await orphan();
    await go(JWT);
    expect([statesOf(store, JWT), kidOf(JWT, 2)]).toEqual(['v1 active, v2 published', kid]);
  });

  test('does not where the spec asks for another algorithm by now', async () => {
    const kid = await orphan();
    await init(store, { clock, spec: smallSpec({ jwt: { algorithm: 'RS256' } }) });
    clock.advance(3 * DAY);
    await go(JWT, assume);
    clock.advance(3600);
    await go(JWT, assume);
    expect([statesOf(store, JWT), kidOf(JWT, 2)]).toEqual(['v1 trusted, v2 retired, v3 active', kid]);
    expect(Buffer.from(objectIn(store.snapshot(), platform(JWT)).data['alg'] ?? []).toString()).toBe('RS256');
  });
});

/** A ledger entry v2 that no record knows; its kid. */
async function orphan(): Promise<string> {
  await go(JWT);
  const kid = kidOf(JWT, 2);
  const entry = objectIn(store.snapshot(), ledgerRef(JWT, 2));
  store.restore({ ...made, objects: [...made.objects, entry] });
  return kid;
}

test('an identity that is young is refused as an old one is, with no hint that is refused in turn', async () => {
  const refused = { code: 'REFUSED', hint: expect.stringContaining('message-bus-operator --compromised') };
  for (const age of [0, 400 * DAY]) {
    store = storeWith(made);
    clock = new ManualClock();
    clock.advance(60 + age);
    for (const again of [false, true]) {
      await expect(go('message-bus-operator', { ...assume, again })).rejects.toMatchObject(refused);
    }
  }
});

describe('a run that completes an interrupted one', () => {
  const interrupt = (): void =>
    editRecord(store, (record) => {
      record.ready = false;
    });

  test('opens a rotation with --again where that was about something else', async () => {
    await go(JWT, { compromised: true });
    await go('cluster-ca', { agree: async () => clock.advance(1) });
    interrupt();
    await go(JWT, { again: true });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active, v3 published');
  });

  test('of an identity is done, and names no way to another rotation', async () => {
    await go('message-bus-operator', { compromised: true });
    interrupt();
    const { done, notes } = await go('message-bus-operator', assume);
    expect(done).toBe(true);
    expect(notes[0]).toMatch(/^already rotated, or made, at \S+$/);
  });

  test('opens none with --again where that was the same rotation, and says how to open another one', async () => {
    await promote();
    clock.advance(DAY + 3600);
    const killed = new FaultyStore(store.again());
    killed.killAt(3, 'before');
    await rotate(killed, JWT, { clock, again: true }).catch(() => undefined);
    store = store.afterCrash();
    expect([statesOf(store, JWT), recordIn(store.snapshot()).ready]).toEqual(['v1 retired, v2 active', false]);
    const same = await go(JWT, { again: true });
    expect([same.transitions, same.notes]).toEqual([[], [expect.stringContaining('--again, once more,')]]);
    await go(JWT, { again: true });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active, v3 published');
  });
});
