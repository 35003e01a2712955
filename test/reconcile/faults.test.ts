import { afterAll, beforeAll } from 'vitest';
import {
  installation,
  ledgerRef,
  PLATFORM,
  RECORD,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { disturbEveryWrite, type Scenario } from './disturbances.ts';

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
const FOREIGN = ['root-key', 'mongodb-auth'];

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
    title: 'a change of the spec',
    start: () => made,
    options: { spec: wider },
    spec: wider,
    versions: {},
  },
  {
    title: 'a restore of ledger entries and projections',
    start: changed((store) => {
      transplant(store, secret(PLATFORM, 'palette-root-key'), foreign);
      for (const kind of ['mongodb-auth', 'jwt-signing-key']) store.take(ledgerRef(kind));
      store.damage(secret(PLATFORM, 'palette-auth-tls'), 'it is torn');
      for (const name of ['grpc-tls', 'message-bus-auth']) store.take(secret(PLATFORM, `palette-${name}`));
    }),
    options: { intent: { type: 'restore' } },
    spec: smallSpec(),
    versions: {},
  },
  {
    title: 'an adoption of two keys',
    start: changed((store) => {
      for (const kind of FOREIGN) transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
    }),
    options: { intent: { type: 'adopt' } },
    spec: smallSpec(),
    versions: Object.fromEntries(FOREIGN.map((kind) => [kind, 2])),
  },
  {
    title: 'a run without the record',
    start: changed((store) => {
      store.take(RECORD);
      store.take(secret(PLATFORM, 'palette-auth-tls'));
      store.damage(secret(PLATFORM, 'palette-root-key'), 'it is torn');
    }),
    options: { spec: smallSpec() },
    spec: smallSpec(),
    versions: {},
  },
];

for (const scenario of scenarios) {
  disturbEveryWrite(scenario, () => pool.rewind(mark));
}
