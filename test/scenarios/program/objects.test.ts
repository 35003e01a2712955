// Covers: src/adapters/system/actor.ts

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { copyOf, fingerprintOf, newFolder, run, runWell } from '../../support/program.ts';
import {
  AUDIT,
  editEntries,
  entryOf,
  fileOf,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readObject,
  readRecord,
  verifyInstallation,
  writeObject,
} from './store.ts';
import { startWarm } from './warm.ts';

/** The installation of the built-in spec, and a message bus; nothing here changes it. */
let folder = '';

beforeAll(async () => {
  folder = await install({ messageBus: {} });
});

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const KID = /^[a-z2-7]{16}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SERVICES = [
  ...['auth', 'user', 'system', 'configserver', 'mgmt', 'memstore', 'foreq', 'cloud', 'event', 'hashboard', 'hutil'],
  ...['oci-proxy', 'packsync', 'spectro-tunnel', 'spectrocluster', 'spectrocluster-jobs', 'spectrossh', 'timeseries'],
];
const ELSEWHERE = { ui: 'ui-system', cp: 'cp-system', jet: 'jet-system' };

/** What the contract's section 3 says that the ledger holds: kind → alg and the entries with the key. */
const LEDGER_KINDS: Readonly<Record<string, readonly [alg: string, ...entries: string[]]>> = {
  'root-key': ['A256GCM', 'key'],
  'jwt-signing-key': ['ES256', 'key.pem'],
  'hash-salt': ['HS256', 'key'],
  'internal-ca': ['RS256', 'key.pem', 'tls.crt'],
  'cluster-ca': ['RS256', 'key.pem', 'tls.crt'],
  'mongodb-auth': ['none', 'keyfile', 'password', 'username'],
  'message-bus-operator': ['EdDSA', 'key.pem'],
  'message-bus-signing-key': ['EdDSA', 'key.pem'],
  'message-bus-system-account': ['EdDSA', 'key.pem'],
};

const TLS = ['ca.crt', 'tls.crt', 'tls.key'];

/** Projections of the contract's section 3: object → label kind, type, entries. */
const PROJECTIONS: Readonly<Record<string, readonly [kind: string, type: string | undefined, ...entries: string[]]>> = {
  [`Secret/${PLATFORM}/palette-root-key`]: ['root-key', 'Opaque', 'key', 'keyring.json', 'kid'],
  [`Secret/${PLATFORM}/palette-jwt-signing-key`]: [
    'jwt-signing-key',
    'Opaque',
    'alg',
    'jwks.json',
    'kid',
    'signing-key.pem',
  ],
  [`ConfigMap/${PLATFORM}/palette-jwks`]: ['jwt-signing-key', undefined, 'jwks.json'],
  [`Secret/${PLATFORM}/palette-hash-salt`]: ['hash-salt', 'Opaque', 'keyring.json', 'kid', 'salt'],
  [`Secret/${PLATFORM}/palette-mongodb-tls`]: [
    'mongodb-tls',
    'kubernetes.io/tls',
    ...TLS.slice(0, 1),
    'tls-combined.pem',
    ...TLS.slice(1),
  ],
  [`Secret/${PLATFORM}/palette-mongodb-auth`]: ['mongodb-auth', 'Opaque', 'keyfile', 'password', 'uri', 'username'],
  [`Secret/${PLATFORM}/palette-grpc-tls`]: [
    'grpc-tls',
    'kubernetes.io/tls',
    'ca.crt',
    'client-ca.crt',
    'tls.crt',
    'tls.key',
  ],
  [`Secret/${PLATFORM}/palette-message-bus-tls`]: ['message-bus-tls', 'kubernetes.io/tls', ...TLS],
  [`Secret/${PLATFORM}/palette-message-bus-auth`]: ['message-bus-operator', 'Opaque', 'nats.conf', 'operator.jwt'],
  ...Object.fromEntries(
    [PLATFORM, ...Object.values(ELSEWHERE)].map((namespace) => [
      `ConfigMap/${namespace}/palette-internal-ca-bundle`,
      ['internal-ca', undefined, 'ca.crt'],
    ]),
  ),
  ...Object.fromEntries(
    [...SERVICES.map((name) => [name, PLATFORM]), ...Object.entries(ELSEWHERE)].map(([name, namespace]) => [
      `Secret/${namespace}/palette-${name}-tls`,
      ['service-certificates', 'kubernetes.io/tls', ...TLS],
    ]),
  ),
};

const LEDGER_OBJECTS = Object.keys(LEDGER_KINDS).map((kind) => `Secret/${LEDGER}/palette-key-${kind}-v1`);
const ALL = [...LEDGER_OBJECTS, ...Object.keys(PROJECTIONS), RECORD, AUDIT];

describe('the folder', () => {
  it('holds the objects of the contract and nothing else', () => {
    const files = Object.keys(fingerprintOf(folder)).filter(
      (name) => !/^(\.|[a-z-]+(\/(secrets|configmaps))?)$/.test(name),
    );
    expect(files.sort()).toEqual(['.gitignore', '00-namespaces.yaml', ...ALL.map(fileOf)].sort());
  });

  it('keeps others out: files 0600, folders 0700, nothing to be committed', () => {
    for (const [name, print] of Object.entries(fingerprintOf(folder))) {
      expect(print.split(' ')[0], name).toBe(print.includes(' ') ? '600' : '700');
    }
    expect(readFileSync(path.join(folder, '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('lists every namespace, without labels, in the file that kubectl meets first', () => {
    const text = readFileSync(path.join(folder, '00-namespaces.yaml'), 'utf8');
    expect(text.startsWith('---\n')).toBe(true);
    expect(
      readdirSync(folder)
        .filter((name) => !name.startsWith('.'))
        .sort()[0],
    ).toBe('00-namespaces.yaml');
    expect(parseAllDocuments(text).map((document) => document.toJS())).toEqual(
      ['cp-system', PLATFORM, 'jet-system', LEDGER, 'ui-system'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      })),
    );
  });
});

describe('labels and annotations', () => {
  it.each(ALL)('%s has those of the contract, and no others', (ref) => {
    const { installationId } = readRecord(folder);
    const { metadata } = readObject(folder, ref);
    expect(installationId).toMatch(UUID);
    expect(metadata.labels).toEqual({
      'app.kubernetes.io/name': 'palette-keys',
      'app.kubernetes.io/managed-by': 'palette-keys',
      'app.kubernetes.io/part-of': 'palette',
      'palette-keys.dev/installation': installationId,
      'palette-keys.dev/kind': expect.stringMatching(/^[a-z-]+$/),
    });
    expect(metadata.annotations).toEqual({
      'helm.sh/resource-policy': 'keep',
      'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
      'palette-keys.dev/version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      ...(Object.hasOwn(PROJECTIONS, ref) ? { 'palette-keys.dev/generation': '1' } : {}),
      ...(ref.endsWith('-root-key-v1') ? { 'palette-keys.dev/spec': expect.stringMatching(/^[0-9a-f]{64}$/) } : {}),
    });
    expect(Object.keys(metadata).sort()).toEqual(['annotations', 'labels', 'name', 'namespace']);
  });
});

describe('the ledger', () => {
  it.each(Object.entries(LEDGER_KINDS))('holds %s', (kind, [alg, ...entries]) => {
    const object = readObject(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`);
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', immutable: true });
    expect(object).not.toHaveProperty('stringData');
    expect(object.metadata.labels['palette-keys.dev/kind']).toBe(kind);
    expect(Object.keys(object.data).sort()).toEqual(['alg', 'createdAt', 'kid', 'kind', ...entries].sort());
    expect(object.data['kind']?.toString()).toBe(kind);
    expect(object.data['alg']?.toString()).toBe(alg);
    expect(object.data['kid']?.toString()).toMatch(KID);
    expect(object.data['createdAt']?.toString()).toMatch(TIME);
  });

  it('has keys of the size that the spec asks for', () => {
    const data = (kind: string) => readObject(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`).data;
    const details = (kind: string) => {
      const key = createPrivateKey(data(kind)['key.pem']?.toString() ?? '');
      return { type: key.asymmetricKeyType, ...key.asymmetricKeyDetails };
    };
    expect(data('root-key')['key']).toHaveLength(32);
    expect(data('hash-salt')['key']).toHaveLength(32);
    expect(details('jwt-signing-key')).toEqual({ type: 'ec', namedCurve: 'prime256v1' });
    expect(details('internal-ca')).toMatchObject({ type: 'rsa', modulusLength: 3072, publicExponent: 65537n });
    expect(details('cluster-ca')).toMatchObject({ type: 'rsa', modulusLength: 3072, publicExponent: 65537n });
    expect(details('message-bus-operator').type).toBe('ed25519');
  });

  it('is what the record knows: one active version of each kind', () => {
    const record = readRecord(folder);
    expect(Object.keys(record.keys).sort()).toEqual(Object.keys(LEDGER_KINDS).sort());
    expect(record).toMatchObject({
      schemaVersion: 3,
      generation: 1,
      ready: true,
      createdAt: expect.stringMatching(TIME),
    });
    for (const [kind, { versions }] of Object.entries(record.keys)) {
      const kid = entryOf(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`, 'kid');
      expect(versions, kind).toEqual([expect.objectContaining({ n: 1, kid, state: 'active', backups: [] })]);
    }
  });

  it('alone has the private keys of CAs and of the message bus', () => {
    const kinds = [
      'internal-ca',
      'cluster-ca',
      'message-bus-operator',
      'message-bus-signing-key',
      'message-bus-system-account',
    ];
    const bodies = kinds.map(
      (kind) => entryOf(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`, 'key.pem').split('\n')[1] ?? '',
    );
    for (const ref of Object.keys(PROJECTIONS)) {
      const held = Object.values(readObject(folder, ref).data).join('\n');
      for (const body of bodies) expect(held.includes(body), ref).toBe(false);
    }
  });
});

describe('projections', () => {
  it.each(Object.entries(PROJECTIONS))('%s is there with its entries', (ref, [kind, type, ...entries]) => {
    const object = readObject(folder, ref);
    expect(object.type).toBe(type);
    expect(object).not.toHaveProperty('immutable');
    expect(object).not.toHaveProperty('stringData');
    expect(object.metadata.labels['palette-keys.dev/kind']).toBe(kind);
    expect(Object.keys(object.data).sort()).toEqual([...entries].sort());
    for (const [name, bytes] of Object.entries(object.data)) expect(bytes.length, name).toBeGreaterThan(0);
  });

  it.each([
    ['root-key', 'key', 'A256GCM'],
    ['hash-salt', 'salt', 'HS256'],
  ])('%s has its raw bytes, its kid and a JWK Set with state', (kind, name, alg) => {
    const ledger = readObject(folder, `Secret/${LEDGER}/palette-key-${kind}-v1`).data;
    const { data } = readObject(folder, `Secret/${PLATFORM}/palette-${kind}`);
    const kid = ledger['kid']?.toString();
    expect(data[name]).toEqual(ledger['key']);
    expect(data['kid']?.toString()).toBe(kid);
    const k = ledger['key']?.toString('base64url');
    expect(JSON.parse(data['keyring.json']?.toString() ?? '')).toEqual({
      active: kid,
      keys: [{ kty: 'oct', kid, alg, state: 'active', k }],
    });
  });

  it('jwks.json holds the public key and is the same in the Secret and in the ConfigMap', () => {
    const { data } = readObject(folder, `Secret/${PLATFORM}/palette-jwt-signing-key`);
    const shared = entryOf(folder, `ConfigMap/${PLATFORM}/palette-jwks`, 'jwks.json');
    const ledger = readObject(folder, `Secret/${LEDGER}/palette-key-jwt-signing-key-v1`).data;
    const { x, y } = createPrivateKey(ledger['key.pem']?.toString() ?? '').export({ format: 'jwk' });
    expect(data['jwks.json']?.toString()).toBe(shared);
    expect(data['signing-key.pem']).toEqual(ledger['key.pem']);
    expect(data['alg']?.toString()).toBe('ES256');
    expect(JSON.parse(shared)).toEqual({
      keys: [{ kty: 'EC', crv: 'P-256', x, y, kid: ledger['kid']?.toString(), alg: 'ES256', use: 'sig' }],
    });
  });

  it('palette-mongodb-auth has what mongod and its clients need', () => {
    const { data } = readObject(folder, `Secret/${PLATFORM}/palette-mongodb-auth`);
    const [username, password, keyfile] = ['username', 'password', 'keyfile'].map(
      (name) => data[name]?.toString() ?? '',
    );
    expect(username).toBe('hubble');
    expect(password?.length).toBeGreaterThanOrEqual(22);
    // mongod takes 6 to 1024 characters of base64.
    expect(keyfile).toMatch(/^[A-Za-z0-9+/=]{6,1024}$/);
    const uri = new URL(data['uri']?.toString().replace(/(?<=@)[^/]*/, 'host') ?? '');
    expect(uri).toMatchObject({ protocol: 'mongodb:', username, password, pathname: '/hubbledb' });
    expect(uri.searchParams.get('tls')).toBe('true');
    for (const i of [0, 1, 2])
      expect(data['uri']?.toString()).toContain(`mongo-${i}.mongo.${PLATFORM}.svc.cluster.local:27017`);
  });

  it('leaf Secrets have the leaf, its PKCS#8 key and the whole bundle', () => {
    const bundle = entryOf(folder, `ConfigMap/${PLATFORM}/palette-internal-ca-bundle`, 'ca.crt');
    expect(bundle).toBe(entryOf(folder, `Secret/${LEDGER}/palette-key-internal-ca-v1`, 'tls.crt'));
    for (const [ref, [, type]] of Object.entries(PROJECTIONS)) {
      if (type !== 'kubernetes.io/tls') continue;
      const { data } = readObject(folder, ref);
      const key = data['tls.key']?.toString() ?? '';
      expect(key, ref).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
      expect(createPrivateKey(key).asymmetricKeyDetails, ref).toMatchObject({ modulusLength: 2048 });
      expect(new X509Certificate(data['tls.crt'] ?? '').checkPrivateKey(createPrivateKey(key)), ref).toBe(true);
      expect(data['ca.crt']?.toString(), ref).toBe(bundle);
    }
    const { data } = readObject(folder, `Secret/${PLATFORM}/palette-mongodb-tls`);
    expect(data['tls-combined.pem']?.toString()).toBe(`${data['tls.crt']}${data['tls.key']}`);
    const admitted = entryOf(folder, `Secret/${PLATFORM}/palette-grpc-tls`, 'client-ca.crt');
    expect(admitted).toBe(entryOf(folder, `Secret/${LEDGER}/palette-key-cluster-ca-v1`, 'tls.crt'));
  });

  it('every certificate has a key and a serial number of its own', () => {
    const certificates = Object.entries(PROJECTIONS)
      .filter(([, [, type]]) => type === 'kubernetes.io/tls')
      .map(([ref]) => new X509Certificate(readObject(folder, ref).data['tls.crt'] ?? ''));
    expect(new Set(certificates.map(({ serialNumber }) => serialNumber)).size).toBe(certificates.length);
    expect(new Set(certificates.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }))).size).toBe(
      certificates.length,
    );
    expect(certificates).toHaveLength(24);
  });
});

describe('HS256 tokens', () => {
  it('have a keyring in the Secret, and neither a jwks.json nor a ConfigMap', async () => {
    const store = await install({
      jwt: { algorithm: 'HS256' },
      serviceCertificates: { services: [] },
      internalCA: { keySize: 2048 },
    });
    const { data } = readObject(store, `Secret/${PLATFORM}/palette-jwt-signing-key`);
    expect(Object.keys(data).sort()).toEqual(['alg', 'key', 'keyring.json', 'kid']);
    expect(readdirSync(path.join(store, PLATFORM, 'configmaps'))).toEqual(['palette-internal-ca-bundle.yaml']);
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
  });
});

describe('a second run', () => {
  const warm = startWarm();

  it.each(['init', 'status'])('of %s changes no byte, no mode and no time', async (command) => {
    const before = fingerprintOf(folder, { times: true });
    await runWell([command, '--dir', folder]);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it.each(['--yes', '--restore --yes', '--adopt --yes', '--dry-run'])('of init %s neither', async (flags) => {
    const before = fingerprintOf(folder, { times: true });
    const { code, stdout } = await warm.run(['init', ...flags.split(' '), '--dir', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('Nothing to do');
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });
});

describe('verify-installation.mjs, which shares no code with the program', () => {
  const ROOT = `Secret/${PLATFORM}/palette-root-key`;
  const AUTH = `Secret/${PLATFORM}/palette-auth-tls`;
  const USER = `Secret/${PLATFORM}/palette-user-tls`;
  const flip = (bytes: Buffer | undefined) =>
    Buffer.from(bytes ?? '').map((byte, i) => (i === 9 ? byte ^ 4 : byte)) as Buffer;
  const swap = (store: string, a: string, b: string) => {
    const [first, second] = [readObject(store, a), readObject(store, b)];
    writeObject(store, a, { ...first, data: second.data });
  };

  it('finds that everything fits', async () => {
    expect(await verifyInstallation(folder)).toMatchObject({ code: 0, stdout: 'everything fits\n', stderr: '' });
  });

  it.each<[string, (store: string) => void, RegExp]>([
    [
      'a root key with a flipped bit',
      (s) => editEntries(s, ROOT, ({ key }) => ({ key: flip(key) })),
      /palette-root-key.*key is not/,
    ],
    [
      'a ledger key with a flipped bit',
      (s) => editEntries(s, `Secret/${LEDGER}/palette-key-hash-salt-v1`, ({ key }) => ({ key: flip(key) })),
      /hash-salt-v1.*contradicts its kid/,
    ],
    ['a deleted projection', (s) => rmSync(pathOf(s, AUTH)), /palette-auth-tls: is missing/],
    [
      'a deleted ledger entry',
      (s) => rmSync(pathOf(s, `Secret/${LEDGER}/palette-key-mongodb-auth-v1`)),
      /mongodb-auth v1: its ledger entry is gone/,
    ],
    ['a deleted record', (s) => rmSync(pathOf(s, RECORD)), /no record/],
    [
      'an altered audit line',
      (s) => editEntries(s, AUDIT, ({ 'audit.jsonl': log }) => ({ 'audit.jsonl': `${log}${log}` })),
      /line 2: prev is not/,
    ],
    ['a leaf of another service', (s) => swap(s, AUTH, USER), /palette-auth-tls.*other names/],
    [
      'a key that is not the leaf’s',
      (s) => editEntries(s, AUTH, () => ({ 'tls.key': entryOf(s, USER, 'tls.key') })),
      /tls.key is not the key/,
    ],
    [
      'a CA key outside the ledger',
      (s) =>
        editEntries(s, AUTH, () => ({
          'ca.key': entryOf(s, `Secret/${LEDGER}/palette-key-internal-ca-v1`, 'key.pem'),
        })),
      /holds the private key of internal-ca/,
    ],
    [
      'a changed nats.conf',
      (s) =>
        editEntries(s, `Secret/${PLATFORM}/palette-message-bus-auth`, ({ 'nats.conf': conf }) => ({
          'nats.conf': `listen: 4222\n${conf}`,
        })),
      /nats.conf sets something else/,
    ],
    [
      'a changed state',
      (s) =>
        editEntries(s, RECORD, ({ 'record.json': json }) => ({
          'record.json': json?.toString().replaceAll('"active"', '"trusted"'),
        })),
      /has not one active version/,
    ],
    ['a file that others may read', (s) => chmodSync(pathOf(s, ROOT), 0o640), /palette-root-key.*mode 640/],
    [
      'a folder that others may enter',
      (s) => chmodSync(path.join(s, PLATFORM), 0o750),
      /hubble-system: the folder has mode 750/,
    ],
    [
      'a left-over lock',
      (s) => writeFileSync(path.join(s, '.lock'), '{}', { mode: 0o600 }),
      /\.lock: does not belong here/,
    ],
    ['a symlink', (s) => symlinkSync(newFolder(), path.join(s, 'more')), /more: is neither/],
    [
      'a label taken away',
      (s) =>
        writeFileSync(
          pathOf(s, ROOT),
          readFileSync(pathOf(s, ROOT), 'utf8').replace('app.kubernetes.io/part-of', 'app.kubernetes.io/instance'),
        ),
      /palette-root-key.*other labels/,
    ],
  ])('fails on %s', async (_, damage, expected) => {
    const store = copyOf(folder);
    damage(store);
    const { code, stdout } = await verifyInstallation(store);
    expect(code).toBe(1);
    expect(stdout).toMatch(expected);
  });

  it('asks for a folder', async () => {
    const { code, stderr } = await run([], {
      program: [process.execPath, path.resolve('test/support/verify-installation.mjs')],
    });
    expect(code).toBe(2);
    expect(stderr).toContain('usage:');
  });
});
