// Covers: src/ledger/kind-id.ts, src/inventory/certificate-authority.ts, src/inventory/kinds/cluster-ca.ts
// Covers: src/inventory/kinds/endpoint-certificates.ts, src/inventory/kinds/hash-salt.ts
// Covers: src/inventory/kinds/internal-ca.ts, src/inventory/kinds/jwt-projections.ts
// Covers: src/inventory/kinds/jwt-signing-key.ts, src/inventory/kinds/root-key.ts
// Covers: src/inventory/kinds/service-certificates.ts, src/inventory/leaf.ts, src/inventory/symmetric.ts

import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DamagedError } from '../../src/errors.ts';
import { defaultSpec } from '../../src/installation/defaults.ts';
import { INVENTORY, projectionsOf, VERSIONED } from '../../src/inventory/index.ts';
import type { ComputedProjection, IssuedProjection, Projection } from '../../src/inventory/kind.ts';
import { type KindId, ledgerObject, readLedgerObject } from '../../src/ledger/entry.ts';
import { KIND_IDS } from '../../src/ledger/kind-id.ts';
import { acceptedOf, type Rings } from '../../src/ledger/ring.ts';
import type { Entries } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { kidOfKey, kidOfSecret } from '../reconcile/checker.ts';
import { START } from '../support/clock.ts';
import { ledgerRef, smallSpec } from '../support/installations.ts';
import { RsaPool, seededRandom } from '../support/random.ts';
import { INSTALLATION, kindOf, ringsOf, versionOf } from './rings.ts';

const pool = new RsaPool();
const mark = pool.mark();
beforeAll(() => pool.install());
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS512'] as const;
const withAlgorithm = (algorithm: string) => smallSpec({ jwt: { algorithm } });

const text = (entries: Entries, name: string): string => Buffer.from(entries[name] ?? []).toString('utf8');

describe('the list', () => {
  test('names every kind once', () => {
    const ids = INVENTORY.map(({ id }) => id);
    expect(ids).toEqual(KIND_IDS);
    expect(new Set(INVENTORY.map(({ title }) => title)).size).toBe(ids.length);
  });

  test('has every kind after what it depends on', () => {
    for (const [i, { id, dependsOn }] of INVENTORY.entries()) {
      const before = INVENTORY.slice(0, i).map((kind) => kind.id);
      expect([id, dependsOn.filter((other) => !before.includes(other))]).toEqual([id, []]);
    }
  });

  test('begins with the root key, on which every version depends', () => {
    expect(INVENTORY[0]?.id).toBe('root-key');
    for (const { id, dependsOn } of VERSIONED.slice(1)) expect([id, dependsOn]).toEqual([id, ['root-key']]);
  });

  test('has the kinds of the contract', () => {
    expect(VERSIONED.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        'root-key',
        'jwt-signing-key',
        'hash-salt',
        'internal-ca',
        'cluster-ca',
        'mongodb-auth',
        'message-bus-operator',
        'message-bus-signing-key',
        'message-bus-system-account',
      ]),
    );
  });

  test('makes the objects of the contract, each once, under the kind that lists it', () => {
    const projections = projectionsOf(defaultSpec(), new Map());
    const places = projections.map(({ ref, type }) => `${formatRef(ref)} ${type}`);
    expect(new Set(places).size).toBe(places.length);
    const hubble = (name: string, type = 'Opaque'): string => `Secret/hubble-system/palette-${name} ${type}`;
    const tls = (name: string, namespace = 'hubble-system'): string =>
      `Secret/${namespace}/palette-${name}-tls kubernetes.io/tls`;
    const bundles = ['hubble-system', 'ui-system', 'cp-system', 'jet-system'].map(
      (namespace) => `ConfigMap/${namespace}/palette-internal-ca-bundle undefined`,
    );
    const services = [
      ...['auth', 'user', 'system', 'configserver', 'mgmt', 'memstore', 'foreq', 'cloud', 'event', 'hashboard'],
      ...['hutil', 'oci-proxy', 'packsync', 'spectro-tunnel', 'spectrocluster', 'spectrocluster-jobs', 'spectrossh'],
      'timeseries',
    ].map((name) => tls(name));
    const others = ['ui', 'cp', 'jet'].map((name) => tls(name, `${name}-system`));
    const ends = ['mongodb', 'grpc'].map((name) => tls(name));
    const keys = ['root-key', 'jwt-signing-key', 'hash-salt', 'mongodb-auth'].map((name) => hubble(name));
    const jwks = 'ConfigMap/hubble-system/palette-jwks undefined';
    expect(places.toSorted()).toEqual([...bundles, ...services, ...others, ...ends, ...keys, jwks].toSorted());
    for (const { kind } of projections) expect(INVENTORY.map(({ id }) => id)).toContain(kind);
    const withBus = projectionsOf({ ...defaultSpec(), messageBus: { service: 'nats', dnsNames: [] } }, new Map());
    expect(withBus.map(({ ref, type }) => `${formatRef(ref)} ${type}`).toSorted()).toEqual(
      [...places, hubble('message-bus-auth'), tls('message-bus')].toSorted(),
    );
  });

  test.each(ALGORITHMS)('has no two objects in one place, with %s', (algorithm) => {
    const spec = withAlgorithm(algorithm);
    const places = projectionsOf(spec, new Map()).map(({ ref }) => formatRef(ref));
    expect(new Set(places).size).toBe(places.length);
    expect(places.includes('ConfigMap/hubble-system/palette-jwks')).toBe(!algorithm.startsWith('HS'));
  });
});

/** Every kind that `init` makes, and every algorithm of those that have several. */
const cases = VERSIONED.filter(({ policy }) => policy.madeByInit).flatMap((kind) =>
  kind.id === 'jwt-signing-key'
    ? ALGORITHMS.map((algorithm) => [`${kind.id} of ${algorithm}` as string, kind, withAlgorithm(algorithm)] as const)
    : [[kind.id as string, kind, smallSpec()] as const],
);

describe.each(cases)('a new %s', (_, kind, spec) => {
  test('is clean after it was written to the ledger and read again', async () => {
    const version = await versionOf(kind, spec);
    const object = ledgerObject(ledgerRef(kind.id), version, { installationId: INSTALLATION, toolVersion: '0.1.0' });
    const { kid, createdAt, material } = readLedgerObject({ ...object, version: '1' }, kind.id);
    expect(kind.inspect(material)).toEqual(version.facts);
    expect(kid).toBe(version.facts.kid);
    expect(createdAt).toBe(START);
  });

  test('has the kid that another computation gives it', async () => {
    const { material, facts } = await versionOf(kind, spec);
    const { key, 'key.pem': pem } = material.entries;
    if (pem !== undefined) expect(facts.kid).toBe(kidOfKey(createPrivateKey(Buffer.from(pem))));
    else if (key !== undefined) expect(facts.kid).toBe(kidOfSecret(kind.id, key));
    else expect(kind.id).toBe('mongodb-auth');
    const isPublic = pem !== undefined;
    expect(facts.fingerprint).toEqual(isPublic ? expect.stringMatching(/^SHA256:[0-9a-f]{64}$/) : undefined);
  });

  test('is as the spec asks', async () => {
    const version = await versionOf(kind, spec);
    expect(kind.drift(version, spec)).toBeUndefined();
    expect(version.material.alg).toBe(algOf(kind.id, spec.jwt.algorithm));
  });

  test('is another each time', async () => {
    const [one, two] = [await versionOf(kind, spec), await versionOf(kind, spec)];
    expect(one.facts.kid).not.toBe(two.facts.kid);
  });

  test('with anything changed in it is clean, or damaged, and nothing else', async () => {
    const { material } = await versionOf(kind, spec);
    const names = Object.keys(material.entries);
    const change = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        const entries: Record<string, Uint8Array> = { ...material.entries };
        for (const { name, at, byte, cut } of changes) {
          const bytes = Uint8Array.from(entries[name] ?? []);
          bytes[at % bytes.length] = byte;
          entries[name] = cut ? bytes.subarray(0, at % bytes.length) : bytes;
        }
        onlyDamage(() => kind.inspect({ alg: material.alg, entries }));
      }),
      { numRuns: 25 },
    );
    for (const name of names) {
      const { [name]: _gone, ...rest } = material.entries;
      expect(() => kind.inspect({ alg: material.alg, entries: rest })).toThrow(DamagedError);
    }
  });

  test('is not taken for one with another algorithm that it does not fit', async () => {
    if (kind.id !== 'jwt-signing-key') return;
    const { material } = await versionOf(kind, spec);
    const { alg } = material;
    const misfits = [...ALGORITHMS, 'none', 'HS384', 'constructor', ''].filter(
      (other) => other !== alg && !(/^[RP]S256$/.test(other) && /^[RP]S256$/.test(alg)),
    );
    for (const other of misfits) {
      expect(() => kind.inspect({ alg: other, entries: material.entries }), other).toThrow(DamagedError);
    }
  });
});

function algOf(kind: string, jwt: string): string {
  if (kind === 'jwt-signing-key') return jwt;
  if (kind === 'root-key') return 'A256GCM';
  if (kind === 'hash-salt') return 'HS256';
  if (kind.endsWith('-ca')) return 'RS256';
  return kind === 'mongodb-auth' ? 'none' : 'EdDSA';
}

/** Runs something that may find damage; every other failure is one. */
function onlyDamage<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof DamagedError) return undefined;
    throw error;
  }
}

test.each<[KindId, object, string]>([
  ['jwt-signing-key', { jwt: { algorithm: 'EdDSA' } }, 'the spec asks for EdDSA, the active version is ES256'],
  ['internal-ca', { internalCA: { keySize: 4096 } }, 'the spec asks for RSA 4096, the active version has 2048'],
  ['cluster-ca', { clusterCA: { keySize: 3072 } }, 'the spec asks for RSA 3072, the active version has 2048'],
  ['mongodb-auth', { mongodb: { username: 'other' } }, 'the spec asks for the user other'],
])('a %s that is no longer as the spec asks says why', async (id, change, words) => {
  const kind = kindOf(id);
  expect(kind.drift(await versionOf(kind, smallSpec()), smallSpec(change))).toBe(words);
});

describe('a key pair whose secret half was damaged', () => {
  /** PKCS#8 with one bit of the secret number changed; the public numbers are as they were. */
  function spoilt(pem: string): Buffer {
    const key = createPrivateKey(pem);
    const der = key.export({ type: 'pkcs8', format: 'der' });
    const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
    const at = der.indexOf(secret);
    der[at + secret.length - 1] = (der[at + secret.length - 1] ?? 0) ^ 2;
    const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
    return Buffer.from(['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n'));
  }

  test.each<[KindId, string]>([
    ['jwt-signing-key', 'RS256'],
    ['jwt-signing-key', 'ES256'],
    ['jwt-signing-key', 'ES384'],
    ['internal-ca', 'ES256'],
    ['cluster-ca', 'ES256'],
  ])('of %s with %s is damaged: its signatures would be worth nothing', async (id, algorithm) => {
    const kind = kindOf(id);
    const { material } = await versionOf(kind, withAlgorithm(algorithm));
    const entries = { ...material.entries, 'key.pem': spoilt(text(material.entries, 'key.pem')) };
    expect(() => kind.inspect({ alg: material.alg, entries })).toThrow(DamagedError);
  });
});

describe('two CAs', () => {
  test('of one installation never have the same subject, not even under the same number', async () => {
    const kind = kindOf('internal-ca');
    const versions = [await versionOf(kind, smallSpec()), await versionOf(kind, smallSpec())];
    const subjects = versions.map(({ material }) => new X509Certificate(text(material.entries, 'tls.crt')).subject);
    expect(new Set(subjects).size).toBe(2);
    for (const subject of subjects) expect(subject).toContain(`O=palette-keys\nOU=${INSTALLATION}\nCN=Internal CA v1`);
  });

  test('that were put together from two are damaged', async () => {
    const kind = kindOf('internal-ca');
    const [one, two] = [await versionOf(kind, smallSpec()), await versionOf(kind, smallSpec())];
    const entries = { ...one.material.entries, 'tls.crt': two.material.entries['tls.crt'] ?? new Uint8Array() };
    expect(() => kind.inspect({ alg: 'RS256', entries })).toThrow('the private key is not the key of the certificate');
  });
});

const WHOLE = ['retired', 'trusted', 'active', 'published'] as const;
const several = Object.fromEntries(
  ['root-key', 'jwt-signing-key', 'hash-salt', 'internal-ca', 'cluster-ca', 'message-bus-signing-key'].map((id) => [
    id,
    WHOLE,
  ]),
);

const isComputed = (projection: Projection): projection is ComputedProjection => projection.source === 'computed';
const isIssued = (projection: Projection): projection is IssuedProjection => projection.source === 'issued';

describe.each([
  ['one version of each kind', {}],
  ['several versions of most kinds', several],
])('with %s', (_, states) => {
  const specs = [smallSpec(), withAlgorithm('HS256'), withAlgorithm('RS256')];
  const made = new Map<(typeof specs)[number], Rings>();

  beforeAll(async () => {
    for (const spec of specs) {
      pool.rewind(mark);
      made.set(spec, await ringsOf(spec, states));
    }
  });

  const each = async (
    check: (projection: ComputedProjection, entries: Entries, rings: Rings) => void | Promise<void>,
  ): Promise<void> => {
    for (const [spec, rings] of made) {
      for (const projection of projectionsOf(spec, rings).filter(isComputed)) {
        await check(projection, await projection.compute(rings), rings);
      }
    }
  };

  test('what is computed holds exactly the accepted keys of its kinds', async () => {
    await each(async ({ from, inspect, ref }, entries, rings) => {
      const held = await inspect(entries);
      const found = new Set(held.map(({ kind, kid }) => `${kind} ${kid}`));
      const accepted = from.flatMap((kind) =>
        acceptedOf(rings.get(kind) ?? []).map(({ facts }) => `${kind} ${facts.kid}`),
      );
      expect([ref.name, [...found].sort()]).toEqual([ref.name, accepted.sort()]);
    });
  });

  test('what is computed says of a key only what the ring says', async () => {
    await each(async ({ inspect }, entries, rings) => {
      for (const { kind, kid, state, material } of await inspect(entries)) {
        const version = rings.get(kind)?.find(({ facts }) => facts.kid === kid);
        if (state !== undefined) expect(state).toBe(version?.state);
        if (material !== undefined) expect(asText(material.entries)).toEqual(asText(version?.material.entries ?? {}));
      }
    });
  });

  test('what is computed is the same each time', async () => {
    await each(async ({ compute }, entries, rings) => {
      expect(asText(await compute(rings))).toEqual(asText(entries));
    });
  });

  test('what is computed is text where a ConfigMap holds it, with nothing secret in it', async () => {
    await each(({ ref }, entries, rings) => {
      const all = Object.values(entries).map((bytes) => Buffer.from(bytes).toString('latin1'));
      if (ref.kind === 'ConfigMap') {
        for (const bytes of Object.values(entries)) new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        expect(all.join('\n')).not.toMatch(/PRIVATE|"k"|"d"/);
      }
      for (const kind of ['internal-ca', 'cluster-ca', 'message-bus-operator', 'message-bus-signing-key'] as const) {
        for (const { material } of rings.get(kind) ?? []) {
          const [, secret = ''] = text(material.entries, 'key.pem').split('\n').reverse().slice(1);
          expect(secret.length).toBeGreaterThan(10);
          for (const one of all) expect(one).not.toContain(secret);
        }
      }
    });
  });

  test('what is computed is, after any change, read or damaged, and nothing else', async () => {
    const changes = fc.record({
      entry: fc.nat(),
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      how: fc.constantFrom('replace', 'cut', 'drop', 'insert'),
    });
    await each(async ({ inspect }, entries) => {
      await fc.assert(
        fc.asyncProperty(changes, async ({ entry, at, byte, how }) => {
          const names = Object.keys(entries);
          const name = names[entry % names.length] ?? '';
          const bytes = Uint8Array.from(entries[name] ?? []);
          const where = at % bytes.length;
          const changed: Record<string, Uint8Array> = { ...entries };
          if (how === 'replace') bytes[where] = byte;
          changed[name] = how === 'cut' ? bytes.subarray(0, where) : bytes;
          if (how === 'insert')
            changed[name] = Buffer.concat([bytes.subarray(0, where), Uint8Array.of(byte), bytes.subarray(where)]);
          if (how === 'drop') delete changed[name];
          try {
            await inspect(changed);
          } catch (error) {
            if (!(error instanceof DamagedError)) throw error;
          }
        }),
        { numRuns: 8 },
      );
    });
  });

  test('bundles hold the accepted CAs, the newest last', async () => {
    for (const [spec, rings] of made) {
      const bundle = projectionsOf(spec, rings).find(({ ref }) => ref.name === 'palette-internal-ca-bundle');
      if (bundle === undefined || !isComputed(bundle)) throw new Error('no bundle');
      const found = text(await bundle.compute(rings), 'ca.crt').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g);
      const accepted = acceptedOf(rings.get('internal-ca') ?? []);
      expect(found).toEqual(accepted.map(({ material }) => text(material.entries, 'tls.crt')));
    }
  });

  test('what surrounds a leaf is what its users read', async () => {
    for (const [spec, rings] of made) {
      for (const projection of projectionsOf(spec, rings).filter(isIssued)) {
        const entries = projection.assemble({ certificate: Buffer.from('CRT\n'), key: Buffer.from('KEY\n') }, rings);
        const bundle = (kind: KindId): string =>
          acceptedOf(rings.get(kind) ?? [])
            .map(({ material }) => text(material.entries, 'tls.crt'))
            .join('');
        const usual = { 'tls.crt': 'CRT\n', 'tls.key': 'KEY\n', 'ca.crt': bundle('internal-ca') };
        const more: Record<string, object> = {
          'mongodb-tls': { 'tls-combined.pem': 'CRT\nKEY\n' },
          'grpc-tls': { 'client-ca.crt': bundle('cluster-ca') },
        };
        expect(asText(entries, 'utf8')).toEqual({ ...usual, ...more[projection.kind] });
      }
    }
  });
});

function asText(entries: Entries, encoding: 'hex' | 'utf8' = 'hex'): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, bytes]) => [name, Buffer.from(bytes).toString(encoding)]),
  );
}

describe('a JWT key whose algorithm was changed', () => {
  test.each([
    ['from HS256 to ES256', 'HS256', 'ES256'],
    ['from ES256 to HS256', 'ES256', 'HS256'],
    ['from RS256 to EdDSA', 'RS256', 'EdDSA'],
  ])('%s leaves verifiers what they need for both', async (_, before, after) => {
    const kind = kindOf('jwt-signing-key');
    const rings: Rings = new Map([
      [
        kind.id,
        [
          await versionOf(kind, withAlgorithm(before), { n: 1, state: 'trusted' }),
          await versionOf(kind, withAlgorithm(after), { n: 2, state: 'active' }),
        ],
      ],
    ]);
    const projections = kind.projections(withAlgorithm(after), rings).filter(isComputed);
    const [secret, ...others] = projections;
    const entries = await (secret as ComputedProjection).compute(rings);
    const isSecret = [before, after].map((alg) => alg.startsWith('HS'));
    expect(Object.hasOwn(entries, 'keyring.json')).toBe(isSecret.includes(true));
    expect(Object.hasOwn(entries, 'jwks.json')).toBe(isSecret.includes(false));
    expect(others.map(({ ref }) => ref.name)).toEqual(['palette-jwks']);
    const kids = rings
      .get(kind.id)
      ?.map(({ facts }) => facts.kid)
      .sort();
    const held = await (secret as ComputedProjection).inspect(entries);
    expect(held.map(({ kid }) => kid).sort()).toEqual(kids);
    expect(text(entries, 'alg')).toBe(after);
  });
});

describe('mongodb-auth', () => {
  const kind = kindOf('mongodb-auth');
  const uriOf = async (mongodb: object): Promise<string> => {
    const spec = smallSpec({ mongodb });
    const rings: Rings = new Map([[kind.id, [await versionOf(kind, spec)]]]);
    const [projection] = kind.projections(spec, rings).filter(isComputed);
    const entries = await (projection as ComputedProjection).compute(rings);
    return text(entries, 'uri').replace(text(entries, 'password'), '***');
  };

  test.each([
    [
      { members: 1 },
      'mongodb://hubble:***@mongo-0.mongo.hubble-system.svc.cluster.local:27017/hubbledb?tls=true&authSource=admin',
    ],
    [
      { members: 2, replicaSet: 'rs0', username: 'a.b', database: 'd', service: 'db' },
      'mongodb://a.b:***@db-0.db.hubble-system.svc.cluster.local:27017,db-1.db.hubble-system.svc.cluster.local:27017/d?tls=true&authSource=admin&replicaSet=rs0',
    ],
    [
      { uri: 'mongodb://a.example.org,b.example.org:27018/x?w=1' },
      'mongodb://hubble:***@a.example.org,b.example.org:27018/x?w=1&tls=true',
    ],
    [{ uri: 'mongodb://h' }, 'mongodb://hubble:***@h/?tls=true'],
    [{ uri: 'mongodb://h/x' }, 'mongodb://hubble:***@h/x?tls=true'],
    [{ uri: 'mongodb://h/?' }, 'mongodb://hubble:***@h/?tls=true'],
    [{ uri: 'mongodb://h/?TLS=true&w=1' }, 'mongodb://hubble:***@h/?TLS=true&w=1'],
    [{ uri: 'mongodb://h/?ssl=true' }, 'mongodb://hubble:***@h/?ssl=true'],
    [{ uri: 'mongodb+srv://db.example.org/x' }, 'mongodb+srv://hubble:***@db.example.org/x'],
  ])('with %j has the URI for it', async (mongodb, uri) => {
    expect(await uriOf(mongodb)).toBe(uri);
  });

  test('has a keyfile as mongod reads them, and a password that needs no escape', async () => {
    const { material } = await versionOf(kind, smallSpec());
    expect(text(material.entries, 'keyfile')).toMatch(/^[A-Za-z0-9+/]{1008}$/);
    expect(text(material.entries, 'password')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

test('random bytes are asked for as many as a key has, and no more are kept', async () => {
  const asked: number[] = [];
  const random = seededRandom('asked');
  const counting = {
    bytes: (length: number) => {
      asked.push(length);
      return random.bytes(length);
    },
  };
  await kindOf('root-key').generate(smallSpec(), counting);
  await kindOf('mongodb-auth').generate(smallSpec(), counting);
  await kindOf('jwt-signing-key').generate(withAlgorithm('HS512'), counting);
  expect(asked).toEqual([32, 32, 756, 64]);
});
