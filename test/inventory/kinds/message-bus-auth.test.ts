// Covers: src/inventory/kinds/message-bus-auth.ts, src/inventory/kinds/message-bus-jwt.ts
// Covers: src/inventory/kinds/message-bus-keys.ts

import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { type Account, decode, type Operator } from '@nats-io/jwt';
import { beforeAll, describe, expect, test } from 'vitest';
import { nkeySigner, publicNkey } from '../../../src/crypto/nkey.ts';
import { DamagedError } from '../../../src/errors.ts';
import type { ComputedProjection } from '../../../src/inventory/kind.ts';
import type { KindId } from '../../../src/ledger/kind-id.ts';
import type { Rings, RingVersion } from '../../../src/ledger/ring.ts';
import type { Entries } from '../../../src/ports/key-store.ts';
import { kidOfKey, slowBase32 } from '../../reconcile/checker.ts';
import { smallSpec } from '../../support/installations.ts';
import { kindOf, versionOf } from '../rings.ts';

const spec = smallSpec();
const text = (entries: Entries, name: string): string => Buffer.from(entries[name] ?? []).toString('utf8');
const keyOf = (version: RingVersion | undefined) => createPrivateKey(text(version?.material.entries ?? {}, 'key.pem'));

let rings: Rings;
let projection: ComputedProjection;
let entries: Entries;

/** When each version was made, so that it shows which date stands where. */
const MADE = { operator: '2027-01-01T00:00:00Z', signing: '2027-02-01T00:00:00Z', account: '2027-03-01T00:00:00Z' };

beforeAll(async () => {
  const make = (id: KindId, time: string, n = 1, state: 'active' | 'trusted' | 'published' | 'retired' = 'active') =>
    versionOf(kindOf(id), spec, { n, state, now: new Date(time) });
  rings = new Map([
    ['message-bus-operator', [await make('message-bus-operator', MADE.operator)]],
    [
      'message-bus-signing-key',
      [
        await make('message-bus-signing-key', MADE.signing, 1, 'retired'),
        await make('message-bus-signing-key', MADE.signing, 2, 'trusted'),
        await make('message-bus-signing-key', MADE.signing, 3, 'active'),
        await make('message-bus-signing-key', MADE.signing, 4, 'published'),
      ],
    ],
    ['message-bus-system-account', [await make('message-bus-system-account', MADE.account)]],
  ]);
  const [found] = kindOf('message-bus-operator').projections(spec, rings);
  if (found?.source !== 'computed') throw new Error('no projection');
  projection = found;
  entries = await projection.compute(rings);
});

const signingKeys = (): readonly string[] =>
  (rings.get('message-bus-signing-key') ?? []).map((version) => publicNkey('operator', keyOf(version)));
const accountJwt = (): string => /: (eyJ\S+)\n}\n$/.exec(text(entries, 'nats.conf'))?.[1] ?? '';

describe('operator.jwt', () => {
  test('is taken by the library of NATS, and says who is who', () => {
    const claims = decode<Operator>(text(entries, 'operator.jwt'));
    const operator = publicNkey('operator', keyOf(rings.get('message-bus-operator')?.[0]));
    const [, trusted, active, published] = signingKeys();
    expect(claims).toMatchObject({
      name: 'palette',
      sub: operator,
      iss: operator,
      iat: Date.parse(MADE.operator) / 1000,
      nats: {
        type: 'operator',
        version: 2,
        signing_keys: [trusted, active, published],
        system_account: publicNkey('account', keyOf(rings.get('message-bus-system-account')?.[0])),
      },
    });
    expect(claims).not.toHaveProperty('exp');
  });
});

describe('the system account', () => {
  test('is taken by the library of NATS, was issued by the active signing key, and has no limits', () => {
    const claims = decode<Account>(accountJwt());
    const { type, limits } = claims.nats as Account & { readonly type: string };
    expect(type).toBe('account');
    expect(claims).toMatchObject({
      sub: publicNkey('account', keyOf(rings.get('message-bus-system-account')?.[0])),
      iss: signingKeys()[2],
      iat: Date.parse(MADE.account) / 1000,
    });
    expect(new Set(Object.values(limits ?? {}))).toEqual(new Set([-1, true]));
  });
});

describe('both tokens', () => {
  test('have a jti that is the hash of their claims', () => {
    for (const token of [text(entries, 'operator.jwt'), accountJwt()]) {
      const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
      const { jti, ...claims } = JSON.parse(payload);
      const digest = createHash('sha512-256').update(JSON.stringify(claims)).digest();
      expect(jti).toBe(slowBase32(digest).toUpperCase());
    }
  });

  test('are the same bytes each time', async () => {
    const again = await projection.compute(rings);
    expect(text(again, 'operator.jwt')).toBe(text(entries, 'operator.jwt'));
    expect(text(again, 'nats.conf')).toBe(text(entries, 'nats.conf'));
  });

  test('change where a signing key is added', async () => {
    const fewer = new Map([
      ...rings,
      ['message-bus-signing-key', (rings.get('message-bus-signing-key') ?? []).slice(0, 3)],
    ]);
    const other = await projection.compute(fewer as Rings);
    expect(text(other, 'operator.jwt')).not.toBe(text(entries, 'operator.jwt'));
  });
});

describe('nats.conf', () => {
  test('has only what a server needs to know whom to believe', () => {
    const conf = text(entries, 'nats.conf');
    const settings = conf.split('\n').flatMap((line) => /^ *([\w]+) ?[:{]/.exec(line)?.[1] ?? []);
    const account = publicNkey('account', keyOf(rings.get('message-bus-system-account')?.[0]));
    expect(settings).toEqual(['operator', 'system_account', 'resolver', 'resolver_preload', account]);
    expect(conf).toContain(`operator: ${text(entries, 'operator.jwt')}\n`);
    expect(conf).not.toMatch(/^\s*(listen|tls)\b|S[OA][A-Z2-7]{56}/m);
  });
});

describe('looking into it', () => {
  test('finds the keys that it names', async () => {
    const held = await projection.inspect(entries);
    const named = [
      ['message-bus-operator', 0],
      ['message-bus-signing-key', 1],
      ['message-bus-signing-key', 2],
      ['message-bus-signing-key', 3],
      ['message-bus-signing-key', 2],
      ['message-bus-system-account', 0],
    ] as const;
    expect(held.map(({ kind, kid }) => [kind, kid])).toEqual(
      named.map(([kind, at]) => [kind, kidOfKey(keyOf(rings.get(kind)?.[at]))]),
    );
  });

  const { privateKey: stranger } = generateKeyPairSync('ed25519');

  /** A token with these claims that its issuer signed; what is in it, the library would not write. */
  function token(claims: object): string {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const iss = publicNkey('operator', stranger);
    const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode({ iss, sub: iss, ...claims })}`;
    const signature = nkeySigner('operator', stranger).sign(Buffer.from(signed));
    return `${signed}.${Buffer.from(signature).toString('base64url')}`;
  }

  test.each<readonly [string, object]>([
    ['no signing keys', { nats: {} }],
    ['signing keys that are a number', { nats: { signing_keys: 5 } }],
    ['signing keys that are a text', { nats: { signing_keys: 'O' } }],
    ['signing keys that are an object', { nats: { signing_keys: { length: 1 } } }],
    ['a signing key that is null', { nats: { signing_keys: [null] } }],
    ['a signing key that is a list', { nats: { signing_keys: [[]] } }],
    ['a signing key without a key', { nats: { signing_keys: [{}] } }],
    ['a signing key that is no nkey', { nats: { signing_keys: ['O'] } }],
    ['no subject', { sub: null, nats: {} }],
    ['a subject that is a number', { sub: 7, nats: {} }],
  ])('that somebody signed with %s finds damage, or what is there, and nothing else', async (_, claims) => {
    const forged = token(claims);
    const conf = `operator: ${forged}\nsystem_account: A\nresolver_preload: { A: ${accountJwt()} }\n`;
    const found = await Promise.resolve()
      .then(() => projection.inspect({ 'operator.jwt': Buffer.from(forged), 'nats.conf': Buffer.from(conf) }))
      .catch((error: unknown) => error);
    if (!Array.isArray(found)) expect(found).toBeInstanceOf(DamagedError);
  });

  test('whose signature is wrong finds damage', () => {
    const jwt = text(entries, 'operator.jwt');
    const [header = '', payload = '', signature = ''] = jwt.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const altered = Buffer.from(JSON.stringify({ ...claims, name: 'other' })).toString('base64url');
    for (const forged of [`${header}.${altered}.${signature}`, `${header}.${payload}.`, `${header}.${payload}`]) {
      const conf = text(entries, 'nats.conf').replace(jwt, forged);
      const changed = { 'operator.jwt': Buffer.from(forged), 'nats.conf': Buffer.from(conf) };
      expect(() => projection.inspect(changed)).toThrow(DamagedError);
    }
  });

  test('where both files differ finds damage', () => {
    const other = { ...entries, 'operator.jwt': Buffer.from(token({ nats: {} })) };
    expect(() => projection.inspect(other)).toThrow('nats.conf contradicts operator.jwt');
  });
});
