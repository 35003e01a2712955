// Covers: src/installation/defaults.ts, src/installation/parse/validate.ts

import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { PaletteKeysError } from '../../src/errors.ts';
import { DEFAULTS, defaultSpec } from '../../src/installation/defaults.ts';
import { diffSpecs } from '../../src/installation/diff.ts';
import { wholeSpec } from '../../src/installation/given.ts';
import { parseSpec } from '../../src/installation/parse/parse.ts';
import { validateSpec } from '../../src/installation/parse/validate.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';

const HEAD = { apiVersion: 'palette-keys/v1', kind: 'Installation' };

/** A recorded spec of which no field has its default; what 0.1.0 had by default among them. */
const OTHERS: Record<string, unknown> = {
  namespace: 'platform',
  ledgerNamespace: 'ledger',
  namePrefix: 'acme-',
  clusterDomain: 'corp.local',
  rootDomain: 'palette.example.com',
  jwt: { algorithm: 'EdDSA', longestTokenLife: '12h', jwksCache: '5m', clockSkew: '1m' },
  tenantKeys: { bits: 256 },
  hashSalt: { census: { collection: 'users', kidField: 'saltKid' } },
  internalCA: { keySize: 2048, validity: '7300d' },
  serviceCertificates: {
    keySize: 3072,
    validity: '90d',
    renewAt: 0.5,
    services: [{ name: 'auth', dnsNames: ['a.example.com'] }],
  },
  mongodb: {
    ...{ service: 'db', members: 1, username: 'app', database: 'appdb', collection: 'keys', replicaSet: 'rs0' },
    uri: 'mongodb://db.example.com/',
  },
  grpc: { service: 'edge', dnsNames: ['grpc.example.com'] },
  messageBus: { service: 'bus', dnsNames: ['bus.example.com'] },
  clusterCA: { keySize: 2048, validity: '1000d', trustDomain: 'corp' },
  ingress: { namespace: 'edge', secretName: 'front' },
  consumers: [{ workload: 'Deployment/platform/auth', object: 'acme-root-key', reads: 'keyring', reload: 'watch' }],
  rotation: { minInterval: '1h', syncPeriod: '1m', databaseBackupRetention: '7d' },
};
const recorded = validateSpec({ ...HEAD, ...OTHERS }, 'the record', true);

const given = (parts: object) => parseSpec(stringify({ ...HEAD, ...parts }), 'f');

/** Every field that a file can leave out: `jwt.algorithm`; a list is one field. */
const FIELDS = given({}).leftOut;

const valueAt = (spec: object, field: string): unknown =>
  field.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], spec);

/** A file with that one field. */
const only = (field: string, value: unknown): object =>
  field.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;

test('every field of the spec is among those that can be left out, and the record of these tests differs in each', () => {
  const { apiVersion: _, kind: __, ...rest } = DEFAULTS;
  expect(Object.keys(OTHERS)).toEqual(Object.keys(rest));
  expect([...new Set(FIELDS.map((field) => field.split('.')[0]))]).toEqual(Object.keys(rest));
  for (const field of FIELDS)
    expect([field, valueAt(recorded, field)]).not.toEqual([field, valueAt(defaultSpec(), field)]);
});

test('a file that leaves everything out changes nothing of an installation', () => {
  expect(given({}).against(recorded)).toStrictEqual(recorded);
});

test('a file that leaves everything out gives a new installation the defaults of the build', () => {
  expect(given({}).against(undefined)).toStrictEqual(defaultSpec());
});

test.each(FIELDS)('a file with %s alone changes that field alone', (field) => {
  const value = valueAt(DEFAULTS, field);
  // The recorded consumer names a Secret with the recorded prefix; a leaf must end before its CA.
  const spec = field === 'namePrefix' ? { ...recorded, consumers: [] } : recorded;
  const file = given(only(field, value));
  expect(file.leftOut).toEqual(FIELDS.filter((other) => other !== field));
  const changed = file.against(spec);
  expect(FIELDS.filter((other) => !isDeepStrictEqual(valueAt(changed, other), valueAt(spec, other)))).toEqual([field]);
});

test.each(FIELDS)('a file that gives %s as it is recorded changes nothing', (field) => {
  const file = given(only(field, valueAt(recorded, field)));
  expect(diffSpecs(recorded, file.against(recorded))).toEqual([]);
});

test('what is completed once is complete: the record that it makes changes no more', () => {
  for (const file of [given({ messageBus: {} }), given({ messageBus: null }), given({ jwt: { algorithm: 'ES384' } })]) {
    const spec = file.against(recorded);
    expect(file.against(spec)).toStrictEqual(spec);
  }
});

test('a whole spec is taken as it is, whatever is recorded', () => {
  expect(wholeSpec(recorded).against(defaultSpec())).toBe(recorded);
});

describe('a list is one value', () => {
  test('that replaces the list of the record, with the derived fields of its items', () => {
    const { services } = given({ serviceCertificates: { services: [{ name: 'auth' }] } }).against(
      recorded,
    ).serviceCertificates;
    expect(services).toStrictEqual([
      { name: 'auth', namespace: 'platform', dnsNames: [], ipAddresses: [], secretName: 'acme-auth-tls' },
    ]);
  });
});

describe('the message bus', () => {
  const off: InstallationSpec = { ...recorded, messageBus: null };
  test.each([
    ['left out, stays on', {}, recorded, recorded.messageBus],
    ['left out, stays off', {}, off, null],
    ['null, is turned off', { messageBus: null }, recorded, null],
    ['{}, is turned on with its defaults', { messageBus: {} }, off, { service: 'nats', dnsNames: [] }],
    ['{} where it is on, keeps its fields', { messageBus: {} }, recorded, recorded.messageBus],
    ['with a name, gets the other default', { messageBus: { service: 'b' } }, off, { service: 'b', dnsNames: [] }],
    ['left out of a new installation, is off', {}, undefined, null],
    ['{} in a new installation, is on', { messageBus: {} }, undefined, { service: 'nats', dnsNames: [] }],
  ] as const)('%s', (_, parts, base, expected) => {
    expect(given(parts).against(base).messageBus).toStrictEqual(expected);
  });
});

describe('rules', () => {
  const complaintsOf = (run: () => unknown): string[] => {
    try {
      run();
      return [];
    } catch (error) {
      if (!(error instanceof PaletteKeysError)) throw error;
      return error.details.map(({ message }) => message);
    }
  };

  test('are checked against what is recorded, not against a default', () => {
    const file = given({ serviceCertificates: { validity: '4000d' } });
    expect(complaintsOf(() => file.against(recorded))).toEqual([]);
    expect(complaintsOf(() => file.against(undefined))).toEqual([
      'f:4:13: serviceCertificates.validity: must be shorter than internalCA.validity, 3650d: a certificate ends before its CA does',
    ]);
  });

  test('are checked without a record where the file alone breaks them', () => {
    const services = [
      { name: 'auth', namespace: 'a' },
      { name: 'auth', namespace: 'a' },
    ];
    expect(complaintsOf(() => given({ serviceCertificates: { services } }))).toEqual([
      expect.stringContaining('services[1].name: is there twice'),
    ]);
  });

  test('that are newer than the record say nothing of a recorded value that the file leaves out', () => {
    const weak = { ...recorded, mongodb: { ...recorded.mongodb, uri: 'mongodb://h/?tls=false' } };
    expect(given({}).against(weak)).toStrictEqual(weak);
    expect(complaintsOf(() => given({ mongodb: { uri: 'mongodb://h/?tls=false' } }))).toHaveLength(1);
  });
});

test('fields of a newer build that the record holds stay, in mappings and in items of lists', () => {
  const newer = {
    ...recorded,
    later: 1,
    jwt: { ...recorded.jwt, later: 2 },
    serviceCertificates: {
      ...recorded.serviceCertificates,
      services: recorded.serviceCertificates.services.map((service) => ({ ...service, later: 3 })),
    },
    consumers: recorded.consumers.map((consumer) => ({ ...consumer, later: 4 })),
  };
  expect(given({}).against(newer)).toStrictEqual(newer);
  expect(given({ jwt: { algorithm: 'EdDSA' } }).against(newer)).toStrictEqual(newer);
});
