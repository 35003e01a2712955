import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { FaultyStore, type Moment } from '../support/faulty-store.ts';
import {
  init,
  installation,
  ledgerRef,
  PLATFORM,
  RECORD,
  type RunOptions,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf, type Versions } from './checker.ts';
import { LedgerWatch } from './ledger-watch.ts';

/** A store, and a run of `init` that has something to do on it. */
interface Scenario {
  readonly title: string;
  readonly start: () => Snapshot;
  readonly options: RunOptions;
  /** What the record says in the end. */
  readonly spec: InstallationSpec;
  readonly versions: Versions;
}

const wider = smallSpec({
  serviceCertificates: {
    services: [
      { name: 'auth', dnsNames: ['auth.example.org'] },
      { name: 'ui', namespace: 'ui' },
    ],
  },
  mongodb: { members: 2, replicaSet: 'rs0' },
  grpc: { dnsNames: ['grpc.example.org'] },
});
const FOREIGN = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'];

const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

const changed = (change: (store: MemoryStore) => void) => (): Snapshot => {
  const store = storeWith(made);
  change(store);
  return store.snapshot();
};

const scenarios: readonly Scenario[] = [
  {
    title: 'a first init',
    start: () => memoryStore().snapshot(),
    options: { spec: smallSpec() },
    spec: smallSpec(),
    versions: {},
  },
  {
    title: 'a change of the spec',
    start: () => made,
    options: { spec: wider },
    spec: wider,
    versions: {},
  },
  {
    title: 'a restore of everything that can be restored',
    start: changed((store) => {
      for (const kind of ['root-key', 'hash-salt']) transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
      for (const kind of ['mongodb-auth', 'jwt-signing-key']) store.remove(ledgerRef(kind));
      for (const name of ['auth', 'mongodb']) store.damage(secret(PLATFORM, `palette-${name}-tls`), 'it is torn');
      for (const name of ['grpc-tls', 'message-bus-tls', 'message-bus-auth']) {
        store.remove(secret(PLATFORM, `palette-${name}`));
      }
    }),
    options: { request: { restore: true } },
    spec: smallSpec(),
    versions: {},
  },
  {
    title: 'an adoption of four keys',
    start: changed((store) => {
      for (const kind of FOREIGN) transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
    }),
    options: { request: { adopt: true } },
    spec: smallSpec(),
    versions: Object.fromEntries(FOREIGN.map((kind) => [kind, 2])),
  },
  {
    title: 'a run without the record',
    start: changed((store) => {
      store.remove(RECORD);
      store.remove(secret(PLATFORM, 'palette-auth-tls'));
      store.damage(secret(PLATFORM, 'palette-root-key'), 'it is torn');
    }),
    options: { spec: smallSpec() },
    spec: smallSpec(),
    versions: {},
  },
];

const outage = new PaletteKeysError('STORE_UNAVAILABLE', 'injected', { hint: 'none' });
const interrupt = new PaletteKeysError('INTERRUPTED', 'injected', { hint: 'none' });

/** Makes the n-th write of a run go wrong; what it answers, the run ends with, unless it came too late. */
type Disturb = (store: FaultyStore, n: number) => { readonly signal?: AbortSignal; readonly error: Error };

const failing =
  (moment: Moment): Disturb =>
  (store, n) => {
    store.failAt(n, moment, outage);
    return { error: outage };
  };

const killing =
  (moment: Moment): Disturb =>
  (store, n) => {
    const error = new Error('killed');
    store.killAt(n, moment, error);
    return { error };
  };

const interrupting: Disturb = (store, n) => {
  const controller = new AbortController();
  store.onWrite((write) => {
    if (write.n === n) controller.abort(interrupt);
  });
  return { signal: controller.signal, error: interrupt };
};

const disturbances: readonly (readonly [string, Disturb])[] = [
  ['fails', failing('before')],
  ['is done, but seems to have failed', failing('after')],
  ['kills the run before it is done', killing('before')],
  ['kills the run after it is done', killing('after')],
  ['is done while the user interrupts the run', interrupting],
];

describe.each(scenarios)('$title', ({ start, options, spec, versions }) => {
  test('does what it should, and a second run writes nothing', async () => {
    pool.rewind(mark);
    const memory = storeWith(start());
    const plan = await init(memory, options);
    expect(plan.steps.map(({ action }) => action)).not.toContain('blocked');
    expect(faultsOf(memory.snapshot(), spec, versions)).toEqual([]);
    const second = new FaultyStore(memory.again());
    await init(second, options);
    expect(second.log).toEqual([]);
  });

  test.each(disturbances)('converges in a second run, whichever write %s', async (_, disturb) => {
    const writes = await countWrites(start(), options);
    expect(writes).toBeGreaterThan(3);
    const faults: string[] = [];
    for (let n = 1; n <= writes; n++) {
      for (const fault of await disturbed(start(), options, spec, versions, (store) => disturb(store, n))) {
        faults.push(`write ${n} of ${writes}: ${fault}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

async function countWrites(start: Snapshot, options: RunOptions): Promise<number> {
  pool.rewind(mark);
  const store = new FaultyStore(storeWith(start));
  await init(store, options);
  return store.writes;
}

async function disturbed(
  start: Snapshot,
  options: RunOptions,
  spec: InstallationSpec,
  versions: Versions,
  disturb: (store: FaultyStore) => ReturnType<Disturb>,
): Promise<readonly string[]> {
  pool.rewind(mark);
  const memory = storeWith(start);
  const watch = new LedgerWatch();
  watch.look(memory.snapshot());
  const first = new FaultyStore(memory);
  const { signal, error } = disturb(first);
  const ended = await init(first, { ...options, ...(signal && { signal }) }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  watch.look(memory.snapshot());
  const second = new FaultyStore(memory.afterCrash()).onWrite(() => watch.look(memory.snapshot()));
  await init(second, options);
  watch.look(memory.snapshot());
  const third = new FaultyStore(memory.again());
  await init(third, options);
  return [
    // The last write of all may be done before the run looks at the signal again.
    ...(ended === error || (ended === undefined && error === interrupt) ? [] : [`the run ended with ${ended}`]),
    ...watch.faults,
    ...faultsOf(memory.snapshot(), spec, versions),
    ...third.log.map(({ operation, object }) => `a third run: ${operation} ${object}`),
  ];
}
