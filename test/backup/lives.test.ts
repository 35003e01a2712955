/** The life of every kind of key: made, looked at, backed up, restored, replaced, and backed up again. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { VERSIONED } from '../../src/inventory/index.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import { installation, ledgerFacts, recordIn, smallSpec, storeWith } from '../support/installations.ts';
import { usersOf } from '../support/memory-database-users.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { MemoryTenantStore } from '../support/memory-tenant-store.ts';
import { RsaPool } from '../support/random.ts';
import { type BenchOptions, command, commandWell, documentOf, Files, FOR, versionsIn, WITH } from './bench.ts';
import { certificates, clock, FQDN, importing } from './certificates.ts';

const pool = new RsaPool();
let mark: ReturnType<RsaPool['mark']>;
beforeAll(() => {
  pool.install();
  mark = pool.mark();
});
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

const parts = {
  messageBus: { service: 'nats', dnsNames: [] },
  rootDomain: FQDN,
  hashSalt: { census: { collection: 'users', kidField: 'salt' } },
  mongodb: { members: 1, uri: 'mongodb://mongo:27017' },
};
interface Life {
  readonly kind: string;
  /** What tells it from another life of the same kind. */
  readonly form: string;
  readonly spec?: InstallationSpec;
  /** What makes the first version where `init` does not. */
  readonly made?: readonly string[];
  /** What makes the next one, and may then wait (6); undefined where nothing does. */
  readonly replaced: readonly string[] | undefined;
}

const JWT = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS512'];
const KEY_TYPES = ['rsa-2048', 'p-256', 'p-384'];
const rotate = (kind: string, ...flags: readonly string[]): readonly string[] => [
  'rotate',
  kind,
  '--yes',
  '--again',
  ...flags,
];
const csr = (type: string, ...more: readonly string[]): readonly string[] => ['csr', '--key-type', type, ...more];
const LIVES: readonly Life[] = [
  { kind: 'root-key', form: '', replaced: rotate('root-key', '--no-tenant-store') },
  ...JWT.map((algorithm) => ({
    ...{ kind: 'jwt-signing-key', form: algorithm, replaced: rotate('jwt-signing-key') },
    spec: smallSpec({ ...parts, jwt: { algorithm } }),
  })),
  { kind: 'hash-salt', form: '', replaced: rotate('hash-salt', '--no-tenant-store') },
  { kind: 'internal-ca', form: '', replaced: rotate('internal-ca') },
  { kind: 'mongodb-auth', form: '', replaced: rotate('mongodb-auth', '--mongodb-admin-uri-file', 'admin.txt') },
  { kind: 'cluster-ca', form: '', replaced: rotate('cluster-ca') },
  { kind: 'message-bus-operator', form: '', replaced: rotate('message-bus-operator', '--compromised') },
  { kind: 'message-bus-signing-key', form: '', replaced: rotate('message-bus-signing-key') },
  // It is never handed out: its token is signed again with the signing key.
  { kind: 'message-bus-system-account', form: '', replaced: undefined },
  ...KEY_TYPES.map((type) => ({
    ...{ kind: 'fqdn-key', form: type },
    ...{ made: csr(type), replaced: csr(type, '--fqdn', 'other.example.org', '--previous-fqdn', '192.0.2.7') },
  })),
  { kind: 'fqdn-certificate', form: '', made: importing(1), replaced: importing(2) },
];

test('every kind of the ledger has a life here', () => {
  expect([...new Set(LIVES.map(({ kind }) => kind))].sort()).toEqual(VERSIONED.map(({ id }) => id).sort());
});

describe.skipIf(!haveTools('openssl'))('made, shown, backed up, restored, replaced and backed up again:', () => {
  const texts = { ...certificates(), 'admin.txt': 'mongodb://admin:secret@mongo:27017' };
  const made = new Map<string, Promise<Snapshot>>();

  async function fresh(spec = smallSpec(parts)): Promise<MemoryStore> {
    const name = JSON.stringify(spec);
    made.set(name, made.get(name) ?? installation(spec, { clock }));
    return storeWith((await made.get(name)) ?? memoryStore().snapshot());
  }

  /** Backs up and restores into an empty store: the ledger comes back byte for byte, with the states of its versions. */
  async function expectBackedUp(store: MemoryStore, options: BenchOptions): Promise<void> {
    const files = new Files();
    const { stdout } = await commandWell(store, ['backup', '--out', 'b.age', ...FOR, '-o', 'json'], {
      ...options,
      files,
    });
    const { sha256 } = JSON.parse(stdout);
    const again = memoryStore();
    await commandWell(again, ['restore', 'b.age', ...WITH, '--expect', sha256], { ...options, files });
    expect(ledgerFacts(again.snapshot())).toEqual(ledgerFacts(store.snapshot()));
    expect(versionsIn(recordIn(again.snapshot()))).toEqual(versionsIn(recordIn(store.snapshot())));
    // And what was restored can be backed up as well.
    await commandWell(again, ['backup', '--out', 'c.age', ...FOR], { ...options, files });
  }

  async function codesOf(store: MemoryStore, options: BenchOptions): Promise<readonly string[]> {
    const { findings } = documentOf(await command(store, ['status', '-o', 'json'], options));
    return findings.filter(({ severity }: { severity: string }) => severity === 'error');
  }

  test.each(LIVES)('$kind $form', async ({ kind, spec, made: making, replaced }) => {
    const store = await fresh(spec);
    const users = usersOf(store.snapshot());
    const tenants = new MemoryTenantStore();
    const database = { openDatabaseUsers: async () => users, openTenantStore: async () => tenants };
    const options: BenchOptions = { clock, texts, ...database };
    const versions = (): number => recordIn(store.snapshot()).keys[kind]?.versions.length ?? 0;
    if (making !== undefined) await commandWell(store, making, options);
    expect([versions(), await codesOf(store, options)]).toEqual([1, []]);
    await expectBackedUp(store, options);
    if (replaced === undefined) return;
    const { code, stderr } = await command(store, replaced, options);
    expect([0, 6], stderr).toContain(code);
    expect(versions(), stderr).toBeGreaterThan(1);
    expect(await codesOf(store, options)).toEqual([]);
    await expectBackedUp(store, options);
  });
});
