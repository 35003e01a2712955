// Covers: src/rotation/perform/read-context.ts, src/rotation/perform/rotate-key.ts, src/rotation/perform/transition.ts

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { createLocalJWKSet, decodeProtectedHeader, importJWK, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { readBundle } from '../../src/certificate/read.ts';
import { PaletteKeysError } from '../../src/errors.ts';
import { fqdnMaterial } from '../../src/inventory/kinds/fqdn-certificate.ts';
import type { State } from '../../src/ledger/ring.ts';
import { inspectOnly } from '../../src/reconcile/plan/change.ts';
import { toChange } from '../../src/reconcile/plan/intent.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import {
  auditIn,
  configMap,
  edit,
  editData,
  editRecord,
  init,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  recordIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { platform, pod, type RotateOptions, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const assume = { assumeConsumersCurrent: true };
let made: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
});

const go = (kind: string, options: Parameters<typeof rotate>[2] = {}) => rotate(store, kind, { clock, ...options });

interface Files {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Whether a server and a client that both ask for a certificate of the other believe each other. */
async function handshake(one: Files, other: Files): Promise<boolean> {
  const server = createServer({ ...one, requestCert: true, rejectUnauthorized: false });
  const seen = new Promise<boolean>((resolve) =>
    server.once('secureConnection', (socket) => resolve(socket.authorized)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ ...other, port, host: '127.0.0.1', servername: 'auth', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  const both = client.authorized && (await seen);
  client.destroy();
  server.close();
  return both;
}

/** What the run was refused with. */
async function refusal(run: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PaletteKeysError)) throw new Error(`not refused: ${JSON.stringify(error)}`);
  return error;
}

describe('jwt-signing-key', () => {
  test('goes from published to retired with a wait for caches and one for tokens', async () => {
    const first = await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    expect(first).toMatchObject({ done: false, waitingFor: { blockers: [] } });
    expect(first.waitingFor?.until).toEqual(new Date(clock.now().getTime() + 15 * 60_000));
    clock.advance(15 * 60 - 1);
    expect((await go(JWT, assume)).done).toBe(false);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    clock.advance(1);
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    clock.advance(24 * 3600 + 299);
    expect((await go(JWT)).waitingFor?.until).toEqual(new Date(clock.now().getTime() + 1000));
    clock.advance(1);
    expect(await go(JWT)).toMatchObject({ done: true });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    expect(faultsOf(store.snapshot(), smallSpec(), { [JWT]: 2 })).toEqual([]);
  });

  test('time counts from when consumers were found to be current, never from the command', async () => {
    await go(JWT);
    clock.advance(10 * DAY);
    const waiting = await go(JWT);
    expect(waiting.waitingFor).toMatchObject({ onWord: true });
    const assumed = await go(JWT, assume);
    expect(assumed.waitingFor?.until).toEqual(new Date(clock.now().getTime() + 15 * 60_000));
    clock.advance(15 * 60);
    await go(JWT);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    clock.advance(10 * DAY);
    expect((await go(JWT)).waitingFor).toMatchObject({ onWord: true });
  });

  test('the same command twice is one rotation, and so is one that follows a finished one', async () => {
    await go(JWT, assume);
    const ledger = ledgerFacts(store.snapshot());
    await go(JWT, assume);
    clock.advance(15 * 60);
    await go(JWT, assume);
    clock.advance(25 * 3600);
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    const again = await go(JWT, assume);
    expect(again).toMatchObject({ done: true, steps: [], notes: [expect.stringContaining('already rotated')] });
    expect(ledgerFacts(store.snapshot())).toEqual(ledger);
    clock.advance(DAY);
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active, v3 published');
  });

  test('a young key is rotated with --again alone, or when it is compromised', async () => {
    const young = new ManualClock();
    expect((await go(JWT, { clock: young })).notes).toEqual([expect.stringContaining('--again')]);
    expect(statesOf(store, JWT)).toBe('v1 active');
    await go(JWT, { clock: young, again: true });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
    store = storeWith(made);
    expect(await go(JWT, { clock: young, compromised: true })).toMatchObject({ done: true });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    expect(await go(JWT, { clock: young, compromised: true })).toMatchObject({ done: true, steps: [] });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
  });

  test('tokens verify against every set that a cache may hold, and no longer than they should', async () => {
    const tokens: { readonly kid: string; readonly token: string }[] = [];
    const sets: { readonly keys: readonly { readonly kid: string }[] }[] = [];
    const look = async (): Promise<void> => {
      const secret = objectIn(store.snapshot(), platform(JWT)).data;
      const text = (name: string): string => Buffer.from(secret[name] ?? []).toString('utf8');
      const key = await importPKCS8(text('signing-key.pem'), text('alg'));
      const token = await new SignJWT({ sub: 'somebody' })
        .setProtectedHeader({ alg: text('alg'), kid: text('kid') })
        .sign(key);
      tokens.push({ kid: text('kid'), token });
      const set = objectIn(store.snapshot(), configMap(PLATFORM, 'palette-jwks')).data['jwks.json'] ?? [];
      sets.push(JSON.parse(Buffer.from(set).toString('utf8')));
    };
    const verifies = async (token: number, set: number): Promise<boolean> => {
      // biome-ignore lint/suspicious/noExplicitAny: a set as a verifier fetches it
      const keys = createLocalJWKSet(sets[set] as any);
      return jwtVerify(tokens[token]?.token ?? '', keys).then(
        () => true,
        () => false,
      );
    };
    editRecord(store, (record) => ({
      ...record,
      spec: { ...record.spec, jwt: { ...record.spec.jwt, algorithm: 'ES384' } },
    }));
    await look(); // 0: before
    await go(JWT, assume);
    await look(); // 1: published
    clock.advance(15 * 60);
    await go(JWT, assume);
    await look(); // 2: promoted
    expect(tokens.map(({ kid }) => kid === tokens[0]?.kid)).toEqual([true, true, false]);
    clock.advance(25 * 3600);
    await go(JWT, assume);
    await look(); // 3: retired
    // A cache is at most one set behind: promotion waits until none holds the set from before.
    const expected = [
      [0, 0, true],
      [0, 1, true],
      [0, 2, true],
      [1, 0, true],
      [1, 1, true],
      [1, 2, true],
      [2, 1, true],
      [2, 2, true],
      [2, 3, true],
      [3, 2, true],
      [3, 3, true],
      [0, 3, false],
      [1, 3, false],
    ] as const;
    for (const [token, set, outcome] of expected) {
      expect([token, set, await verifies(token, set)]).toEqual([token, set, outcome]);
    }
  });
});

describe('tokens with a shared secret', () => {
  interface Keys {
    readonly keys: readonly { readonly kid: string }[];
  }

  const textsOf = (ref: Parameters<typeof objectIn>[1]): Readonly<Record<string, string>> => {
    const { data } = objectIn(store.snapshot(), ref);
    return Object.fromEntries(Object.entries(data).map(([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')]));
  };

  /** A token by the signer's Secret as it stands, and every key that a verifier with access to that Secret takes. */
  async function look(): Promise<{ readonly token: string; readonly keys: Keys['keys'] }> {
    const { alg = '', kid = '', ...texts } = textsOf(platform(JWT));
    const bytes = objectIn(store.snapshot(), platform(JWT)).data['key'];
    const key = bytes ?? (await importPKCS8(texts['signing-key.pem'] ?? '', alg));
    const token = await new SignJWT({ sub: 'somebody' }).setProtectedHeader({ alg, kid }).sign(key);
    const sets = [texts['keyring.json'], texts['jwks.json']].filter((text) => text !== undefined);
    return { token, keys: sets.flatMap((text) => (JSON.parse(text) as Keys).keys) };
  }

  async function verifies(token: string, keys: Keys['keys']): Promise<boolean> {
    const found = keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid);
    if (found === undefined) return false;
    await jwtVerify(token, await importJWK(found));
    return true;
  }

  test.each([
    ['HS256', 'HS512'],
    ['ES256', 'HS256'],
    ['HS512', 'PS256'],
  ])('from %s to %s verify for as long as they should', async (from, to) => {
    const ask = (algorithm: string): void =>
      editRecord(store, (record) => ({ ...record, spec: { ...record.spec, jwt: { ...record.spec.jwt, algorithm } } }));
    const rotateOnce = async (): Promise<void> => {
      await go(JWT, { ...assume, again: true });
    };
    const finish = async (): Promise<void> => {
      for (const wait of [15 * 60, 25 * 3600]) {
        clock.advance(wait);
        await go(JWT, assume);
      }
    };
    if (from !== 'ES256') {
      ask(from);
      await rotateOnce();
      await finish();
    }
    ask(to);
    const before = await look();
    await rotateOnce();
    const published = await look();
    clock.advance(15 * 60);
    await go(JWT, assume);
    const promoted = await look();
    clock.advance(25 * 3600);
    await go(JWT, assume);
    const retired = await look();
    expect([decodeProtectedHeader(before.token).alg, decodeProtectedHeader(retired.token).alg]).toEqual([from, to]);
    for (const { token } of [before, published]) {
      for (const { keys } of [before, published, promoted]) expect(await verifies(token, keys)).toBe(true);
      expect(await verifies(token, retired.keys)).toBe(false);
    }
    for (const { token } of [promoted, retired]) {
      expect(await verifies(token, before.keys)).toBe(false);
      for (const { keys } of [published, promoted, retired]) expect(await verifies(token, keys)).toBe(true);
    }
  });
});

describe('internal-ca', () => {
  const leaf = () =>
    readBundle(objectIn(store.snapshot(), platform('auth-tls')).data['tls.crt'] ?? new Uint8Array())[0];
  const bundle = () => readBundle(objectIn(store.snapshot(), platform('auth-tls')).data['ca.crt'] ?? new Uint8Array());

  test('trust grows first, then the issuer changes, then trust shrinks', async () => {
    const old = leaf();
    const [v1] = bundle();
    await go('internal-ca');
    expect([bundle().length, leaf()?.fingerprint]).toEqual([2, old?.fingerprint]);
    await go('internal-ca', assume);
    expect(statesOf(store, 'internal-ca')).toBe('v1 retired, v2 active');
    expect(leaf()?.fingerprint).not.toBe(old?.fingerprint);
    expect(bundle().map(({ kid }) => kid)).not.toContain(v1?.kid);
    expect(faultsOf(store.snapshot(), smallSpec(), { 'internal-ca': 2 })).toEqual([]);
  });

  test('clients and servers with the files of neighbouring states talk, and the old certificate fails in the end', async () => {
    // Dates are judged by the real clock here.
    clock.set(new Date(Date.now() - 2 * DAY * 1000));
    store = storeWith(await installation(smallSpec(), { clock }));
    clock.advance(2 * DAY);
    const states: Files[] = [];
    const look = () => {
      const { data } = objectIn(store.snapshot(), platform('auth-tls'));
      const text = (name: string) => Buffer.from(data[name] ?? []).toString('latin1');
      states.push({ cert: text('tls.crt'), key: text('tls.key'), ca: text('ca.crt') });
    };
    const uses = [{ object: platform('auth-tls'), container: 'main', how: 'env' as const }];
    const behind = [pod('auth-1', clock.now().toISOString(), { uses })];
    let asked = 0;
    const others = [pod('other-1', undefined, { uses: [] })];
    const answers = [behind, others, behind, others];
    const workloads = workloadsOf(
      () => answers[asked++] ?? others,
      () => clock.now(),
    );
    look();
    const expected = ['v1 active, v2 published', 'v1 trusted, v2 active', 'v1 retired, v2 active'];
    for (const states_ of expected) {
      await go('internal-ca', { workloads });
      expect(statesOf(store, 'internal-ca')).toBe(states_);
      look();
    }
    const talks: (readonly [number, number, boolean])[] = [];
    for (const [server, one] of states.entries()) {
      for (const [client, other] of states.entries()) talks.push([server, client, await handshake(one, other)]);
    }
    // Two states apart one of them has either a certificate or a bundle that the other has never heard of.
    expect(talks.filter(([server, client]) => Math.abs(server - client) <= 1).every(([, , works]) => works)).toBe(true);
    expect(talks).toContainEqual([3, 0, false]);
    expect(talks).toContainEqual([0, 3, false]);
  });

  test('a certificate of the old CA that is served elsewhere keeps it trusted, one that cannot be reached does not', async () => {
    const old = leaf();
    const endpoints = [{ host: 'legacy', port: 8443 }];
    const served = () => ({ chain: [new Uint8Array(old?.x509.raw ?? [])] });
    const waiting = await go('internal-ca', { ...assume, endpoints, served });
    expect(waiting.waitingFor).toMatchObject({ blockers: ['legacy:8443'] });
    expect(statesOf(store, 'internal-ca')).toBe('v1 trusted, v2 active');
    expect(await go('internal-ca', { ...assume, endpoints })).toMatchObject({ done: true });
  });
});

describe('root-key', () => {
  const declared = {
    consumers: [{ workload: 'Deployment/hubble-system/auth', object: 'palette-root-key', reads: 'single' }],
  };

  test('is promoted on the word of the operator, and retired with --no-tenant-store alone', async () => {
    const waiting = await go('root-key', assume);
    expect(statesOf(store, 'root-key')).toBe('v1 trusted, v2 active');
    expect(waiting.waitingFor?.blockers).toEqual([expect.stringContaining('--mongodb-uri-file'), '--no-tenant-store']);
    expect((await go('root-key', { ...assume, compromised: true })).done).toBe(false);
    expect(await go('root-key', { noTenantStore: true })).toMatchObject({ done: true });
    expect(statesOf(store, 'root-key')).toBe('v1 retired, v2 retired, v3 active');
  });

  test('is refused before anything is published where a consumer reads one key alone', async () => {
    store = storeWith(await installation(smallSpec(declared)));
    const before = store.snapshot();
    const { code, details } = await refusal(go('root-key', assume));
    expect([code, details.map(({ message }) => message)]).toEqual(['REFUSED', ['Deployment/hubble-system/auth']]);
    expect(store.snapshot()).toEqual(before);
  });

  test('a Pod that nobody has declared is taken to read one key alone', async () => {
    const workloads = workloadsOf(
      () => [pod('jet-1', undefined)],
      () => clock.now(),
    );
    expect((await refusal(go('root-key', { workloads }))).details).toEqual([
      { message: 'Deployment/hubble-system/jet' },
    ]);
  });
});

describe('hash-salt', () => {
  test('is refused without a census, and stays trusted with one', async () => {
    expect((await refusal(go('hash-salt', assume))).hint).toContain('hashSalt.census');
    const spec = smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'saltKid' } } });
    store = storeWith(await installation(spec));
    expect(await go('hash-salt', assume)).toMatchObject({ done: true });
    expect(statesOf(store, 'hash-salt')).toBe('v1 trusted, v2 active');
    const { kid } = recordIn(store.snapshot()).keys['hash-salt'].versions[0];
    expect((await go('hash-salt', { ...assume, request: { type: 'retire', kid } })).done).toBe(false);
    expect(statesOf(store, 'hash-salt')).toBe('v1 trusted, v2 active');
    clock.advance(2 * DAY);
    await go('hash-salt', assume);
    expect(statesOf(store, 'hash-salt')).toBe('v1 trusted, v2 trusted, v3 active');
  });
});

describe('other kinds', () => {
  test.each(['cluster-ca', 'message-bus-signing-key'])(
    '%s goes all the way while no cluster is enrolled',
    async (kind) => {
      expect(await go(kind, assume)).toMatchObject({ done: true });
      expect(statesOf(store, kind)).toBe('v1 retired, v2 active');
      expect(faultsOf(store.snapshot(), smallSpec(), { [kind]: 2 })).toEqual([]);
    },
  );

  test('message-bus-operator is rotated when it is compromised alone', async () => {
    expect((await refusal(go('message-bus-operator', assume))).code).toBe('REFUSED');
    expect(await go('message-bus-operator', { compromised: true })).toMatchObject({ done: true });
    expect(statesOf(store, 'message-bus-operator')).toBe('v1 retired, v2 active');
  });

  test.each([
    ['fqdn-key', 'made by csr'],
    ['message-bus-system-account', 'never handed out'],
  ])('%s is refused, and it is said why', async (kind, why) => {
    expect((await refusal(go(kind))).message).toContain(why);
  });

  test('what is no kind is a usage error that names all of them', async () => {
    const { code, hint } = await refusal(go('constructor'));
    expect([code, hint]).toEqual(['USAGE', expect.stringContaining('root-key, jwt-signing-key')]);
  });
});

describe('leaf certificates', () => {
  const fingerprint = (name: string) => {
    const { data } = objectIn(store.snapshot(), platform(`${name}-tls`));
    return readBundle(data['tls.crt'] ?? new Uint8Array())[0]?.fingerprint;
  };

  test.each([
    ['service-certificates', 'auth'],
    ['mongodb-tls', 'mongodb'],
    ['grpc-tls', 'grpc'],
    ['message-bus-tls', 'message-bus'],
  ])('%s are issued anew once, however often the command is given', async (kind, name) => {
    const before = fingerprint(name);
    expect(await go(kind)).toMatchObject({ done: true, notes: [expect.stringContaining('restart')] });
    const after = fingerprint(name);
    expect(after).not.toBe(before);
    expect(await go(kind)).toMatchObject({ done: true, steps: [] });
    expect(fingerprint(name)).toBe(after);
    expect(faultsOf(store.snapshot(), smallSpec(), {})).toEqual([]);
  });

  test.each(['gone', 'damaged'])(
    'are issued where their Secret is %s, asked for or due, and once alone',
    async (what) => {
      for (const due of [false, true]) {
        store = storeWith(made);
        if (what === 'gone') store.take(platform('grpc-tls'));
        else editData(store, platform('grpc-tls'), () => ({ 'tls.crt': 'x' }));
        const { planned } = await go('grpc-tls', { due, dryRun: true });
        expect(planned).toEqual([expect.stringContaining('grpc')]);
        const result = await go('grpc-tls', { due, services: ['grpc'] });
        expect(result.steps.map(({ ref: { name } }) => name)).toEqual(['palette-grpc-tls']);
        expect(faultsOf(store.snapshot(), smallSpec(), {})).toEqual([]);
        expect(await go('grpc-tls', { due })).toMatchObject({ done: true, steps: [] });
      }
    },
  );

  test('that somebody else has put there are not written over, and are never due', async () => {
    const other = objectIn(await installation(smallSpec(), { seed: 'other' }), platform('grpc-tls')).data;
    edit(store, platform('grpc-tls'), () => ({ data: other }));
    expect((await refusal(go('grpc-tls'))).details.map(({ message }) => message)).toEqual([
      expect.stringContaining('palette-grpc-tls'),
    ]);
    expect((await go('grpc-tls', { due: true })).notes).toEqual(['none is due']);
  });

  test('that a fast clock has issued are due, and --again replaces them', async () => {
    clock.advance(400 * DAY);
    await go('grpc-tls');
    clock.advance(-400 * DAY);
    const early = fingerprint('grpc');
    expect(await go('grpc-tls')).toMatchObject({ steps: [], notes: [expect.stringMatching(/not valid yet.*--again/)] });
    const ahead = storeWith(store.snapshot());
    await go('grpc-tls', { again: true });
    expect(fingerprint('grpc')).not.toBe(early);
    store = ahead;
    await go('grpc-tls', { due: true });
    expect(fingerprint('grpc')).not.toBe(early);
    expect((await go('grpc-tls', { due: true })).notes).toEqual(['none is due']);
  });

  test('Pods that still use the old one are named; those that a restart cannot help, after it too', async () => {
    const uses = [{ object: platform('auth-tls'), container: 'main', how: 'volume' as const }];
    const old = new Date(clock.now().getTime() - 1000).toISOString();
    const pods = [pod('auth-1', old, { uses }), pod('bare-1', old, { uses, workload: undefined })];
    const base = workloadsOf(
      () => pods.map((each) => (base.restarted.includes(each.workload ?? '') ? { ...each, leaving: true } : each)),
      () => clock.now(),
    );
    const named = (name: string) => expect.stringContaining(`Pod hubble-system/${name}`);
    const first = await go('service-certificates', { workloads: base });
    expect(first.notes).toEqual([named('auth-1'), named('bare-1'), '--restart starts them anew']);
    const second = await go('service-certificates', { workloads: base, restart: true });
    expect([second.notes.slice(1), base.restarted]).toEqual([[named('bare-1')], ['Deployment/hubble-system/auth']]);
  });

  test('are issued for one service by its name, and an unknown name is a usage error', async () => {
    const services = [{ name: 'auth' }, { name: 'user' }];
    store = storeWith(await installation(smallSpec({ serviceCertificates: { services } })));
    const before = [fingerprint('auth'), fingerprint('user')];
    await go('service-certificates', { services: ['user'] });
    expect([fingerprint('auth') === before[0], fingerprint('user') === before[1]]).toEqual([true, false]);
    expect((await refusal(go('service-certificates', { services: ['nobody'] }))).code).toBe('USAGE');
  });

  test('--due leaves those alone that are not, and renews those that are', async () => {
    const before = fingerprint('auth');
    await go('service-certificates', { due: true });
    expect(fingerprint('auth')).toBe(before);
    clock.advance(250 * DAY);
    await go('service-certificates', { due: true });
    expect(fingerprint('auth')).not.toBe(before);
  });
});

describe('fqdn-certificate', () => {
  const FQDN = 'fqdn-certificate';

  /** Imports a certificate, as import-cert does: the one before stays trusted. */
  async function importPair(from: string): Promise<void> {
    const empty = new Uint8Array();
    const { generation, keys } = recordIn(store.snapshot());
    const moves = new Map<number, State>(keys[FQDN] === undefined ? [] : [[1, 'trusted']]);
    const before = store.snapshot();
    const { data } = structuredClone(objectIn(before, platform(from)));
    const material = fqdnMaterial({ certificate: data['tls.crt'] ?? empty, key: data['tls.key'] ?? empty });
    const addition = { state: 'active' as const, material };
    const change = { ...inspectOnly(FQDN), generation, adds: [addition], moves, overwrites: true };
    await init(store, { clock, intent: toChange(change) });
  }

  test('goes back to the one before while that is valid, and is made nowhere but by an import', async () => {
    expect((await go(FQDN)).notes).toEqual(['there is no fqdn-certificate yet']);
    await importPair('auth-tls');
    await importPair('grpc-tls');
    expect(statesOf(store, FQDN)).toBe('v1 trusted, v2 active');
    expect((await refusal(go(FQDN))).hint).toContain('import-cert');
    await go(FQDN, { request: { type: 'rollback' } });
    expect(statesOf(store, FQDN)).toBe('v1 active, v2 trusted');
  });

  test('does not go back to one that has expired', async () => {
    await importPair('auth-tls');
    await importPair('grpc-tls');
    clock.advance(400 * DAY);
    expect((await refusal(go(FQDN, { request: { type: 'rollback' } }))).message).toContain('expired');
    expect(statesOf(store, FQDN)).toBe('v1 trusted, v2 active');
  });
});

describe('going back', () => {
  const kidOf = (n: number) => recordIn(store.snapshot()).keys[JWT].versions[n - 1].kid;
  const rollback = { type: 'rollback' } as const;

  test('from published the new version goes, from active the old one comes back, and a repetition changes nothing', async () => {
    await go(JWT, assume);
    await go(JWT, { request: rollback });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 retired');
    clock.advance(2 * DAY);
    await go(JWT, assume);
    clock.advance(15 * 60);
    await go(JWT, assume);
    await go(JWT, { request: rollback });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 retired, v3 trusted');
    expect(await go(JWT, { request: rollback })).toMatchObject({ done: true, steps: [] });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 retired, v3 trusted');
    const waiting = await go(JWT, assume);
    expect(waiting.waitingFor?.until).toBeDefined();
    clock.advance(25 * 3600);
    expect(await go(JWT, assume)).toMatchObject({ done: true });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 retired, v3 retired');
  });

  test('from retired it is refused, until the version is reinstated and consumers have it', async () => {
    for (const wait of [15 * 60, 25 * 3600, 0]) {
      await go(JWT, assume);
      clock.advance(wait);
    }
    const { hint } = await refusal(go(JWT, { request: rollback }));
    expect(hint).toContain(`--reinstate ${kidOf(1)}`);
    await go(JWT, { request: { type: 'reinstate', kid: kidOf(1) } });
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    expect((await go(JWT, { request: rollback })).done).toBe(false);
    clock.advance(3600);
    await go(JWT, { request: rollback, ...assume });
    clock.advance(3600);
    expect(await go(JWT, { request: rollback })).toMatchObject({ done: true });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 trusted');
  });

  test('a reinstated version stays until somebody retires it by its kid', async () => {
    await go(JWT, { compromised: true });
    await go(JWT, { request: { type: 'reinstate', kid: kidOf(1) } });
    clock.advance(20 * 3600);
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    await go(JWT, { request: { type: 'retire', kid: kidOf(1) }, ...assume });
    clock.advance(25 * 3600);
    await go(JWT, { request: { type: 'retire', kid: kidOf(1) } });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
  });

  test('a destroyed version is gone from the ledger, and its number never comes again', async () => {
    await go(JWT, assume);
    await go(JWT, { request: rollback });
    const kid = kidOf(2);
    const asked: (string | undefined)[] = [];
    const agree: RotateOptions['agree'] = async ({ irrevocable }) => void asked.push(irrevocable?.kid);
    await go(JWT, { request: { type: 'destroy', kid }, agree });
    expect(asked).toEqual([kid]);
    expect(await store.get(ledgerRef(JWT, 2))).toBeUndefined();
    expect(await go(JWT, { request: { type: 'destroy', kid } })).toMatchObject({ done: true, steps: [] });
    clock.advance(2 * DAY);
    await go(JWT, assume);
    expect(statesOf(store, JWT)).toBe('v1 active, v2 destroyed, v3 published');
  });

  test('what a version is not in a state for is refused, by whatever name', async () => {
    for (const type of ['retire', 'reinstate', 'destroy'] as const) {
      expect((await refusal(go(JWT, { request: { type, kid: kidOf(1) } }))).code).toBe('REFUSED');
      expect((await refusal(go(JWT, { request: { type, kid: 'x'.repeat(16) } }))).code).toBe('REFUSED');
    }
    expect(statesOf(store, JWT)).toBe('v1 active');
  });
});

describe('restarts', () => {
  test('what is behind is rolled once, two minutes after the change, and the gate opens by itself', async () => {
    const changed = clock.now();
    const spec = {
      consumers: [{ workload: 'Deployment/hubble-system/auth', object: 'palette-root-key', reads: 'keyring' }],
    };
    store = storeWith(await installation(smallSpec(spec)));
    let started = new Date(changed.getTime() - 1000).toISOString();
    const base = workloadsOf(
      () => [pod('auth-1', started)],
      () => changed,
    );
    const workloads = {
      ...base,
      restart: async (workload: string) => {
        started = clock.now().toISOString();
        return base.restart(workload, clock.now());
      },
    };
    const waiting = await go('root-key', { workloads });
    expect(waiting.waitingFor?.blockers).toEqual([expect.stringContaining('Pod hubble-system/auth-1')]);
    await go('root-key', { workloads, restart: true });
    expect(base.restarted).toEqual(['Deployment/hubble-system/auth']);
    expect(statesOf(store, 'root-key')).toBe('v1 trusted, v2 active');
  });

  test('a Pod that is being deleted is waited for, and nothing is rolled again for its sake', async () => {
    const uses = [{ object: platform(JWT), container: 'main', how: 'env' as const }];
    const old = pod('auth-1', new Date(clock.now().getTime() - 1000).toISOString(), { leaving: true, uses });
    const workloads = workloadsOf(
      () => [old],
      () => clock.now(),
    );
    const { waitingFor } = await go(JWT, { workloads, restart: true });
    expect([waitingFor?.blockers, workloads.restarted]).toEqual([
      [expect.stringContaining('Pod hubble-system/auth-1')],
      [],
    ]);
  });
});

describe('what a run leaves behind', () => {
  test('the audit log tells of every state and of what confirmed it', async () => {
    await go(JWT, assume);
    const changes = auditIn(store.snapshot()).flatMap((line) => line.changes);
    const confirmed = changes.filter(({ action }) => action === 'confirm');
    expect(confirmed).toEqual([
      expect.objectContaining({ object: "jwt-signing-key v2 published: consumers are current on the operator's word" }),
    ]);
    expect(changes).toContainEqual(expect.objectContaining({ action: 'published', key: JWT }));
  });

  test('a rehearsal writes nothing', async () => {
    const before = store.snapshot();
    for (const kind of [JWT, 'internal-ca', 'service-certificates']) await go(kind, { ...assume, dryRun: true });
    expect(store.snapshot()).toEqual(before);
  });

  test('a run of init in between changes nothing of a rotation', async () => {
    for (const kind of [JWT, 'internal-ca']) {
      await go(kind);
      const before = store.snapshot();
      await init(store, { clock });
      expect(store.snapshot()).toEqual(before);
    }
  });
});
