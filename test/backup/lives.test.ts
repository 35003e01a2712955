/** The life of every kind: made, listed, backed up, restored, damaged, adopted where it can be, rotated, and backed up again. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { kindOf } from '../../src/inventory/index.ts';
import { KIND_IDS, type KindId } from '../../src/ledger/kind-id.ts';
import type { Entries } from '../../src/ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../src/ports/object-ref.ts';
import { ROTATIONS } from '../../src/rotation/kinds.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import {
  editData,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
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
/** Entries that hold a key, in the ledger or in a Secret around a certificate. */
const KEYS = ['key', 'key.pem', 'keyfile', 'tls.key'];

interface Life {
  readonly kind: KindId;
  /** What tells it from another life of the same kind. */
  readonly form: string;
  readonly spec?: InstallationSpec;
  /** What makes the first version where `init` does not. */
  readonly made?: readonly string[];
  /** What makes the next one, and may then wait (6); undefined where nothing does. */
  readonly replaced: readonly string[] | undefined;
  /** Why `rotate` makes none, where it does not. */
  readonly refused?: string;
}

const JWT = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS512'];
const KEY_TYPES = ['rsa-2048', 'p-256', 'p-384'];
const rotate = (kind: KindId, ...flags: readonly string[]): readonly string[] => [
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
    ...({ kind: 'jwt-signing-key', form: algorithm, replaced: rotate('jwt-signing-key') } as const),
    spec: smallSpec({ ...parts, jwt: { algorithm } }),
  })),
  { kind: 'hash-salt', form: '', replaced: rotate('hash-salt', '--no-tenant-store') },
  { kind: 'internal-ca', form: '', replaced: rotate('internal-ca') },
  { kind: 'mongodb-auth', form: '', replaced: rotate('mongodb-auth', '--mongodb-admin-uri-file', 'admin.txt') },
  { kind: 'cluster-ca', form: '', replaced: rotate('cluster-ca') },
  { kind: 'message-bus-operator', form: '', replaced: rotate('message-bus-operator', '--compromised') },
  { kind: 'message-bus-signing-key', form: '', replaced: rotate('message-bus-signing-key') },
  // It is never handed out: its token is signed again with the signing key.
  {
    ...({ kind: 'message-bus-system-account', form: '', replaced: undefined } as const),
    refused: refusalOf('message-bus-system-account'),
  },
  ...KEY_TYPES.map((type) => ({
    ...({ kind: 'fqdn-key', form: type, refused: refusalOf('fqdn-key') } as const),
    ...{ made: csr(type), replaced: csr(type, '--fqdn', 'other.example.org', '--previous-fqdn', '192.0.2.7') },
  })),
  {
    ...({ kind: 'fqdn-certificate', form: '', made: importing(1), replaced: importing(2) } as const),
    refused: 'fqdn-certificate is not made here',
  },
  { kind: 'service-certificates', form: '', replaced: rotate('service-certificates') },
  { kind: 'mongodb-tls', form: '', replaced: rotate('mongodb-tls') },
  { kind: 'grpc-tls', form: '', replaced: rotate('grpc-tls') },
  { kind: 'message-bus-tls', form: '', replaced: rotate('message-bus-tls') },
];

/** Why a kind is never rotated, as its table says. */
function refusalOf(kind: KindId): string {
  const rotation = ROTATIONS[kind];
  if (rotation.type !== 'none') throw new Error(`${kind} is rotated`);
  return rotation.reason;
}

test(`each of the ${KIND_IDS.length} kinds has a life here; with their algorithms there are ${LIVES.length}`, () => {
  expect([...new Set(LIVES.map(({ kind }) => kind))].sort()).toEqual([...KIND_IDS].sort());
});

describe.skipIf(!haveTools('openssl'))(
  'made, listed, backed up, restored, damaged, adopted, rotated and backed up again:',
  () => {
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
      expect(await codesOf(again, options)).toEqual([]);
      // And what was restored can be backed up as well.
      await commandWell(again, ['backup', '--out', 'c.age', ...FOR], { ...options, files });
    }

    async function codesOf(store: MemoryStore, options: BenchOptions): Promise<readonly string[]> {
      const { findings } = documentOf(await command(store, ['status', '-o', 'json'], options));
      return findings.filter(({ severity }: { severity: string }) => severity === 'error');
    }

    /** The object that holds the first version; of certificates without versions the first one. */
    function placeOf(kind: KindId, spec: InstallationSpec): ObjectRef {
      const found = kindOf(kind);
      const [projection] = found.versioned ? [] : found.projections(spec, new Map());
      return projection?.ref ?? ledgerRef(kind);
    }

    /** `status` names the object that is damaged, and what is wrong with it. */
    async function expectDamageNamed(kind: KindId, ref: ObjectRef, store: MemoryStore, options: BenchOptions) {
      const broken = storeWith(store.snapshot());
      const key = Object.keys(objectIn(store.snapshot(), ref).data).find((name) => KEYS.includes(name)) ?? '';
      editData(broken, ref, () => ({ [key]: 'junk' }));
      const { findings } = documentOf(await command(broken, ['status', '-o', 'json'], options));
      const code = kindOf(kind).versioned ? 'LEDGER_ENTRY_DAMAGED' : 'PROJECTION_DAMAGED';
      expect(findings).toContainEqual(expect.objectContaining({ code, subject: formatRef(ref), severity: 'error' }));
    }

    /** In an empty store a Secret with the key, as one made by hand would be, becomes version 1 with `--adopt` alone. */
    async function expectAdopted(kind: KindId, spec: InstallationSpec, store: MemoryStore, options: BenchOptions) {
      const found = kindOf(kind);
      if (!found.versioned || found.adoption === undefined) return;
      const ref = found.adoption.from(spec);
      const { 'key.pem': key, 'tls.crt': certificate } = objectIn(store.snapshot(), ledgerRef(kind)).data;
      const pair: Entries | undefined =
        key === undefined || certificate === undefined ? undefined : { 'tls.key': key, 'tls.crt': certificate };
      const data = pair ?? objectIn(store.snapshot(), ref).data;
      const again = memoryStore();
      again.put({ ref, type: 'Opaque', immutable: false, labels: {}, annotations: {}, data });
      const texts = { ...options.texts, 'spec.json': JSON.stringify(spec) };
      const init = ['init', '--config', 'spec.json', '--yes'];
      expect((await command(again, init, { ...options, texts })).code).toBe(5);
      await commandWell(again, [...init, '--adopt'], { ...options, texts });
      const kids = [store, again].map((each) => objectIn(each.snapshot(), ledgerRef(kind)).data['kid']);
      expect(kids[1]).toEqual(kids[0]);
    }

    test.each(LIVES)('$kind $form', async ({ kind, spec = smallSpec(parts), made: making, replaced, refused }) => {
      const store = await fresh(spec);
      const users = usersOf(store.snapshot());
      const tenants = new MemoryTenantStore();
      const database = { openDatabaseUsers: async () => users, openTenantStore: async () => tenants };
      const options: BenchOptions = { clock, texts, ...database };
      const place = placeOf(kind, spec);
      const versions = (): number => recordIn(store.snapshot()).keys[kind]?.versions.length ?? 0;
      if (making !== undefined) await commandWell(store, making, options);
      expect([versions(), await codesOf(store, options)]).toEqual([kindOf(kind).versioned ? 1 : 0, []]);
      const { keys } = documentOf(await command(store, ['status', '-o', 'json'], options));
      const listed = kindOf(kind).versioned
        ? { versions: [{ n: 1, state: 'active' }] }
        : { objects: expect.arrayContaining([expect.objectContaining({ object: formatRef(place) })]) };
      expect(keys.find(({ key }: { key: string }) => key === kind)).toMatchObject(listed);
      await expectBackedUp(store, options);
      await expectDamageNamed(kind, place, store, options);
      await expectAdopted(kind, spec, store, options);
      if (refused !== undefined) {
        const { code, stderr } = await command(store, rotate(kind), options);
        expect([code, stderr]).toEqual([5, expect.stringContaining(refused)]);
      }
      if (replaced === undefined) return;
      const before = objectIn(store.snapshot(), place).data;
      const { code, stderr } = await command(store, replaced, options);
      expect([0, 6], stderr).toContain(code);
      if (kindOf(kind).versioned) expect(versions(), stderr).toBeGreaterThan(1);
      else expect(objectIn(store.snapshot(), place).data['tls.crt']).not.toEqual(before['tls.crt']);
      expect(await codesOf(store, options)).toEqual([]);
      await expectBackedUp(store, options);
    });
  },
);
