import { generateKeyPairSync, webcrypto } from 'node:crypto';
import type { Extension, JsonName } from '@peculiar/x509';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { Entries } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { other } from '../certificate/other-x509.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  auditIn,
  edit,
  editData,
  factsOf,
  init,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf, kidOfKey, kidOfSecret } from './checker.ts';

const spec = smallSpec();
const ADOPT = { spec, intent: { type: 'adopt' } } as const;
const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = memoryStore();
});

async function endOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? error.code : `${(error as Error).stack}`),
  );
}

/** Puts a Secret into an empty store, as `kubectl create secret` would. */
function byHand(name: string, data: Readonly<Record<string, string | Uint8Array>>, type = 'Opaque'): void {
  const bytes = Object.entries(data).map(([entry, value]) => [entry, Buffer.from(value as string)] as const);
  const entries: Entries = Object.fromEntries(bytes);
  store.put({ ref: secret(PLATFORM, name), type, immutable: false, labels: {}, annotations: {}, data: entries });
}

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('a key that was made by hand', () => {
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const sec1 = ec.export({ type: 'sec1', format: 'pem' }).toString();

  test.each([
    ['root-key', { key: KEY }, kidOfSecret('root-key', KEY)],
    ['hash-salt', { salt: KEY }, kidOfSecret('hash-salt', KEY)],
    ['jwt-signing-key', { 'signing-key.pem': sec1 }, kidOfKey(ec)],
  ])('of kind %s becomes the first version, and its Secret is completed', async (kind, data, kid) => {
    byHand(`palette-${kind}`, data);
    await init(store, ADOPT);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect(Buffer.from(objectIn(store.snapshot(), ledgerRef(kind)).data['kid'] ?? []).toString()).toBe(kid);
    expect(await init(store)).toMatchObject({ changes: false });
  });

  test('is taken in once, also where the run that did it was killed at any write', async () => {
    const faults: string[] = [];
    for (let n = 1; n <= 26; n += 3) {
      pool.rewind(mark);
      store = memoryStore();
      byHand('palette-root-key', { key: KEY });
      byHand('palette-hash-salt', { salt: KEY });
      await init(new FaultyStore(store).killAt(n, n % 2 === 1 ? 'after' : 'before'), ADOPT).catch(() => undefined);
      await init(store.afterCrash(), ADOPT);
      faults.push(...faultsOf(store.snapshot(), spec).map((fault) => `write ${n}: ${fault}`));
      const held = Buffer.from(objectIn(store.snapshot(), ledgerRef('root-key')).data['key'] ?? []);
      if (!held.equals(KEY)) faults.push(`write ${n}: the root key is another`);
    }
    expect(faults).toEqual([]);
  });

  test('stands in the way of a first run that was not told to adopt it', async () => {
    byHand('palette-root-key', { key: KEY });
    const before = store.snapshot();
    expect(await endOf(init(store, { spec }))).toBe('REFUSED');
    expect(store.snapshot()).toEqual(before);
  });

  test.each([
    ['a root key of 31 bytes', 'palette-root-key', { key: KEY.subarray(1) }],
    ['a root key that is missing', 'palette-root-key', { secret: KEY }],
    ['a salt of 33 bytes', 'palette-hash-salt', { salt: Uint8Array.of(...KEY, 1) }],
    ['a JWT key that cannot be parsed', 'palette-jwt-signing-key', { 'signing-key.pem': 'junk' }],
    ['a JWT key of 512 bits', 'palette-jwt-signing-key', { 'signing-key.pem': pem('rsa', { modulusLength: 512 }) }],
    ['credentials without a keyfile', 'palette-mongodb-auth', { username: 'hubble', password: 'secret' }],
    ['a CA that cannot be parsed', 'palette-internal-ca', { 'tls.crt': 'junk', 'tls.key': 'junk' }],
    ['a CA without its key', 'palette-cluster-ca', { 'tls.crt': 'junk' }],
  ])('that is %s is refused, and nothing is made in its place', async (_, name, data) => {
    byHand(name, data);
    const before = store.snapshot();
    expect(await endOf(init(store, ADOPT))).toBe('REFUSED');
    expect(store.snapshot()).toEqual(before);
  });
});

function pem(type: 'rsa', options: { readonly modulusLength: number }): string {
  return generateKeyPairSync(type, options).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('a CA that was made by hand', () => {
  interface CaOptions {
    readonly name?: string | JsonName;
    readonly extensions?: (keys: CryptoKeyPair) => Promise<readonly Extension[]> | readonly Extension[];
    readonly algorithm?: 'rsa' | 'ec' | 'rsa1024';
    readonly days?: number;
  }
  type CryptoKeyPair = webcrypto.CryptoKeyPair;

  const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: Uint8Array.of(1, 0, 1) };
  const ALGORITHMS = {
    rsa: { ...RSA, modulusLength: 2048 },
    rsa1024: { ...RSA, modulusLength: 1024 },
    ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  };
  const usual = async ({ publicKey }: CryptoKeyPair): Promise<readonly Extension[]> => [
    new other.BasicConstraintsExtension(true, undefined, true),
    new other.KeyUsagesExtension(other.KeyUsageFlags.keyCertSign, true),
    await other.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto as never),
  ];

  async function handMade({ name = 'CN=Our CA', extensions = usual, algorithm = 'rsa', days = 1000 }: CaOptions) {
    const signingAlgorithm = ALGORITHMS[algorithm];
    const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
    const certificate = await other.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: name as string,
      notBefore: new Date('2026-12-01T00:00:00Z'),
      notAfter: new Date(Date.parse('2026-12-01T00:00:00Z') + days * 86_400_000),
      signingAlgorithm,
      keys: keys as never,
      extensions: [...(await extensions(keys))],
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    return {
      'tls.crt': `${certificate.toString('pem')}\n`,
      'tls.key': `-----BEGIN PRIVATE KEY-----\n${key.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
    };
  }

  /** A key identifier that is not the hash that we would compute (RFC 7093, section 2, allows several). */
  const unusual = ({ publicKey: _ }: CryptoKeyPair): readonly Extension[] => [
    new other.BasicConstraintsExtension(true, 0, true),
    new other.KeyUsagesExtension(other.KeyUsageFlags.keyCertSign | other.KeyUsageFlags.cRLSign, true),
    new other.SubjectKeyIdentifierExtension('00112233445566778899'),
  ];

  test.each<readonly [string, CaOptions]>([
    ['as most are made', {}],
    ['without a key identifier', { extensions: () => [new other.BasicConstraintsExtension(true, undefined, true)] }],
    ['with a key identifier of its own', { extensions: unusual }],
    ['with a name in printable strings', { name: [{ CN: ['Our CA'] }, { C: ['DE'] }] }],
    ['with a name that is not ASCII', { name: 'CN=Zürich CA, O=Größe' }],
    [
      'with a name of many parts',
      { name: 'C=DE, ST=Bayern, L=Ort, O=Firma, OU=Eins, OU=Zwei, CN=CA, E=ca@example.org' },
    ],
    ['with several parts in one', { name: [{ CN: ['CA'], OU: ['Unit'] }] }],
  ])('%s issues certificates that are ours', async (_, options) => {
    byHand('palette-internal-ca', await handMade(options), 'kubernetes.io/tls');
    await init(store, ADOPT);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect(await init(store)).toMatchObject({ changes: false });
  });

  test.each<readonly [string, CaOptions]>([
    ['with an EC key', { algorithm: 'ec' }],
    ['with an RSA key of 1024 bits', { algorithm: 'rsa1024' }],
    ['that has expired', { days: 10 }],
    [
      'that may not sign',
      {
        extensions: () => [
          new other.BasicConstraintsExtension(true, undefined, true),
          new other.KeyUsagesExtension(other.KeyUsageFlags.digitalSignature, true),
        ],
      },
    ],
    ['that is none', { extensions: () => [new other.BasicConstraintsExtension(false, undefined, true)] }],
  ])('%s is refused, and nothing is written', async (_, options) => {
    byHand('palette-internal-ca', await handMade(options), 'kubernetes.io/tls');
    const before = store.snapshot();
    expect(await endOf(init(store, ADOPT))).toBe('REFUSED');
    expect(store.snapshot()).toEqual(before);
  });
});

describe('keys of another installation that were put into a complete one', () => {
  const kinds = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'];

  beforeEach(() => {
    store = storeWith(made);
  });

  test('are refused until somebody says whose they are', async () => {
    transplant(store, secret(PLATFORM, 'palette-root-key'), foreign);
    const before = store.snapshot();
    expect(await endOf(init(store))).toBe('REFUSED');
    expect(store.snapshot()).toEqual(before);
  });

  test('become new versions, and the old ones stay trusted', async () => {
    for (const kind of kinds) transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
    const plan = await init(store, { intent: { type: 'adopt' } });
    expect(faultsOf(store.snapshot(), spec, Object.fromEntries(kinds.map((kind) => [kind, 2])))).toEqual([]);
    expect(plan.steps.filter(({ n }) => n === 2).map(({ action, key }) => [action, key])).toEqual(
      ['root-key', 'jwt-signing-key', 'hash-salt', 'mongodb-auth'].map((kind) => ['create', kind]),
    );
    expect(auditIn(store.snapshot()).at(-1)).toMatchObject({ generation: 2, result: 'done' });
  });

  test('of another JWT algorithm are adopted too, and what verifiers need changes with them', async () => {
    for (const algorithm of ['HS256', 'RS256', 'EdDSA'] as const) {
      store = storeWith(made);
      const elsewhere = await installation(smallSpec({ jwt: { algorithm } }));
      transplant(store, secret(PLATFORM, 'palette-jwt-signing-key'), elsewhere);
      await init(store, { intent: { type: 'adopt' } });
      expect(faultsOf(store.snapshot(), spec, { 'jwt-signing-key': 2 })).toEqual([]);
      expect(await init(store)).toMatchObject({ changes: false });
    }
  });

  test('of two sorts in one Secret are not: nobody can tell which one is meant, and both stay', async () => {
    const place = secret(PLATFORM, 'palette-jwt-signing-key');
    store = storeWith(await installation(smallSpec(), { seed: 'two' }));
    transplant(store, place, foreign);
    editData(store, place, (data) => ({ ...data, key: new Uint8Array(32).fill(7) }));
    const before = objectIn(store.snapshot(), place).data;
    expect(await endOf(init(store, ADOPT))).toBe('REFUSED');
    expect(objectIn(store.snapshot(), place).data).toEqual(before);
    const byHand = storeWith({ namespaces: made.namespaces, objects: [] });
    byHand.put({ ...objectIn(store.snapshot(), place), labels: {}, annotations: {} });
    expect(await endOf(init(byHand, ADOPT))).toBe('REFUSED');
    expect(ledgerFacts(byHand.snapshot()).size).toBe(0);
  });

  test('of ES256 are adopted into an installation of HS256', async () => {
    const secretSpec = smallSpec({ jwt: { algorithm: 'HS256' } });
    store = storeWith(await installation(secretSpec));
    transplant(store, secret(PLATFORM, 'palette-jwt-signing-key'), made);
    await init(store, { intent: { type: 'adopt' } });
    expect(faultsOf(store.snapshot(), secretSpec, { 'jwt-signing-key': 2 })).toEqual([]);
    expect(await init(store)).toMatchObject({ changes: false });
  });

  test('that cannot be taken in are not overwritten because of --adopt, also after an interrupted run', async () => {
    const wider = smallSpec({ mongodb: { members: 2 } });
    await init(new FaultyStore(store).killAt(2, 'before'), { spec: wider }).catch(() => undefined);
    const leaf = secret(PLATFORM, 'palette-auth-tls');
    transplant(store, leaf, foreign);
    const theirs = factsOf(objectIn(store.snapshot(), leaf));
    expect(await endOf(init(store.afterCrash(), { ...ADOPT, spec: wider }))).toBe('REFUSED');
    expect(factsOf(objectIn(store.snapshot(), leaf))).toBe(theirs);
  });

  test('come back as ours after --restore, and no version is made of them', async () => {
    for (const kind of kinds) transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
    transplant(store, secret(PLATFORM, 'palette-auth-tls'), foreign);
    await init(store, { intent: { type: 'restore' } });
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  });

  test('are never overwritten in an object that is not labelled as ours', async () => {
    const root = secret(PLATFORM, 'palette-root-key');
    transplant(store, root, foreign);
    edit(store, root, () => ({ labels: {} }));
    const before = store.snapshot().objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`);
    expect(await endOf(init(store, { intent: { type: 'restore' } }))).toBe('REFUSED');
    expect(store.snapshot().objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`)).toEqual(before);
  });
});
