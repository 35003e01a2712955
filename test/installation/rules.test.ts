// Covers: src/installation/mongodb-uri.ts, src/installation/rules.ts, src/installation/scalars.ts
// Covers: src/installation/unique-rules.ts

import { describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import { authDatabaseOf } from '../../src/installation/mongodb-uri.ts';
import { validateSpec } from '../../src/installation/parse/validate.ts';
import { parsed } from './parsed.ts';

const HEAD = 'apiVersion: palette-keys/v1\nkind: Installation\n';

function complaints(text: string): string[] {
  try {
    parsed(HEAD + text, 'f');
    return [];
  } catch (error) {
    if (!(error instanceof PaletteKeysError)) throw error;
    return error.details.map(({ message }) => message.replace(/^f:/, ''));
  }
}

const LABEL = /: must be an RFC 1123 label/;
const LONG = 'a'.repeat(63);

describe('a field', () => {
  test.each<[string, string]>([
    ['a namespace of 63 characters', `namespace: ${LONG}`],
    ['a namespace that begins with a digit and sorts late enough', 'namespace: 1a'],
    ['a namespace that sorts just after the file of namespaces', 'namespace: 00-o'],
    ['no prefix', 'namePrefix: ""'],
    ['a prefix without a hyphen', 'namePrefix: p'],
    ['a domain of one label', 'rootDomain: localhost'],
    ['an A-label', 'rootDomain: xn--mnchen-3ya.example'],
    ['a trust domain of one label', 'clusterCA: { trustDomain: acme }'],
    ['a wildcard in the first label', 'grpc: { dnsNames: ["*.example.com"] }'],
    [
      'IPv6 that ends in IPv4',
      'serviceCertificates: { services: [{ name: a, ipAddresses: ["::ffff:192.0.2.1", "2001:DB8::"] }] }',
    ],
    ['the shortest renewAt', 'serviceCertificates: { renewAt: 0.1 }'],
    ['the longest renewAt', 'serviceCertificates: { renewAt: 0.95 }'],
    ['no services', 'serviceCertificates: { services: [] }'],
    ['every algorithm', 'jwt: { algorithm: EdDSA }'],
    ['50 members', 'mongodb: { members: 50 }'],
    ['100 years', 'rotation: { databaseBackupRetention: 36500d }'],
    ['a connection string', 'mongodb: { uri: "mongodb://a:27017,b.c,[::1]:27018/db?replicaSet=rs0&tls=true" }'],
    ['a connection string by SRV', 'mongodb: { uri: "mongodb+srv://cluster0.example.net/?authSource=$external" }'],
    ['a census', 'hashSalt: { census: { collection: app.users, kidField: login.saltKid } }'],
    ['a consumer of a ConfigMap', 'consumers: [{ workload: CronJob/a/b, object: palette-jwks }]'],
    ['a consumer of the FQDN certificate', 'consumers: [{ workload: DaemonSet/a/b, object: default-ssl-certificate }]'],
  ])('may hold %s', (_, text) => {
    expect(complaints(text)).toStrictEqual([]);
  });

  test.each<[string, string, string | RegExp]>([
    ['an upper-case namespace', 'namespace: Hubble', LABEL],
    ['a namespace with a dot', 'namespace: a.b', LABEL],
    ['a namespace of 64 characters', `namespace: a${LONG}`, LABEL],
    ['an empty namespace', 'namespace: ""', LABEL],
    ['a namespace with a line break', 'namespace: "a\\n"', LABEL],
    [
      'a namespace that sorts before the file of namespaces',
      'namespace: "00-namespaces"',
      /: must not sort before "00-nam/,
    ],
    ['a ledger that does', 'ledgerNamespace: 0-a', /: must not sort before "00-nam/],
    ['an ingress that does', 'ingress: { namespace: 00-a }', /: must not sort before "00-nam/],
    ['a prefix that begins with a hyphen', 'namePrefix: -a', /: must be at most 63 lower-case/],
    ['a prefix with a dot', 'namePrefix: a.', /: must be at most 63 lower-case/],
    ['a prefix of 64 characters', `namePrefix: a${LONG}`, /: must be at most 63 lower-case/],
    ['a domain that ends in a dot', 'clusterDomain: cluster.local.', /: must be a DNS name without a final dot/],
    ['a domain in capitals', 'rootDomain: Example.com', /: must be a DNS name in lower case/],
    ['a wildcard as domain', 'rootDomain: "*.example.com"', /: must be a DNS name: labels of letters/],
    ['an address as domain', 'rootDomain: 192.0.2.1', /: must be a DNS name, not an IP address/],
    ['a domain with an underscore', 'rootDomain: a_b.c', /: must be a DNS name: labels/],
    ['a domain with a space', 'rootDomain: "a b"', /: must be a DNS name: labels/],
    ['an IDN', 'rootDomain: bücher.example', /: must be given as A-labels: "xn--bcher-kva\.example"/],
    [
      'a domain of 254 characters',
      `rootDomain: ${`${'a'.repeat(62)}.`.repeat(4)}aa`,
      /: must have at most 253 characters/,
    ],
    ['a label of 64 characters', `rootDomain: a${LONG}.b`, /: must be a DNS name: labels/],
    ['two wildcards', 'messageBus: { dnsNames: ["*.*.a"] }', /: must be a DNS name: labels/],
    ['a wildcard alone', 'messageBus: { dnsNames: ["*"] }', /: must be a DNS name: labels/],
    ['101 names', `messageBus: { dnsNames: [${'a, '.repeat(101)}] }`, /dnsNames: has 101 entries; at most 100/],
    [
      'an IP address with a zone',
      'serviceCertificates: { services: [{ name: a, ipAddresses: ["fe80::1%0"] }] }',
      /an IPv4 or IPv6/,
    ],
    [
      'an IP address with a zero before',
      'serviceCertificates: { services: [{ name: a, ipAddresses: [192.0.2.01] }] }',
      /an IPv4 or IPv6/,
    ],
    ['a network', 'serviceCertificates: { services: [{ name: a, ipAddresses: [10.0.0.0/8] }] }', /an IPv4 or IPv6/],
    ['a duration of zero', 'jwt: { clockSkew: 0s }', /: must be a duration/],
    ['a duration with a fraction', 'jwt: { clockSkew: 1.5h }', /: must be a duration/],
    [
      'a duration without a unit',
      'jwt: { clockSkew: 300 }',
      '3:19: jwt.clockSkew: must be a duration: a positive whole number and s, m, h or d, as in 24h',
    ],
    ['a duration over 100 years', 'rotation: { syncPeriod: 876001h }', /: must be at most 36500d/],
    [
      'an unknown algorithm',
      'jwt: { algorithm: none }',
      /: must be one of RS256, PS256, ES256, ES384, EdDSA, HS256, HS512$/,
    ],
    ['a list of algorithms', 'jwt: { algorithm: [RS256] }', /: must be one of/],
    ['96 bits', 'tenantKeys: { bits: 96 }', '3:21: tenantKeys.bits: must be one of 64, 128, 192, 256'],
    ['a short RSA key', 'internalCA: { keySize: 1024 }', '3:24: internalCA.keySize: must be one of 2048, 3072, 4096'],
    ['a renewAt that is too small', 'serviceCertificates: { renewAt: 0.09 }', /: must be between 0.1 and 0.95/],
    ['a renewAt that is too large', 'serviceCertificates: { renewAt: 0.96 }', /: must be between 0.1 and 0.95/],
    ['a renewAt that is no number', 'serviceCertificates: { renewAt: .nan }', /: must be a number, not this/],
    [
      'a renewAt in quotes',
      'serviceCertificates: { renewAt: "0.5" }',
      /: must be a number, not text: leave the quotes out/,
    ],
    ['no member', 'mongodb: { members: 0 }', /: must be a whole number from 1 to 50/],
    ['51 members', 'mongodb: { members: 51 }', /: must be a whole number from 1 to 50/],
    ['members without end', 'mongodb: { members: .inf }', /: must be a whole number from 1 to 50/],
    [
      'a MongoDB service of 61 characters',
      `mongodb: { service: ${'a'.repeat(61)} }`,
      /: must have at most 60 characters/,
    ],
    ['a database of MongoDB itself', 'mongodb: { database: local }', /: must not be one of MongoDB's own/],
    ['a database with a slash', 'mongodb: { database: a/b }', /: must be at most 63 letters/],
    ['a collection of MongoDB itself', 'mongodb: { collection: system.users }', /: must be at most 120 letters/],
    ['a user with an at sign', 'mongodb: { username: a@b }', /: must be at most 64 letters/],
    [
      'a census without a field',
      'hashSalt: { census: { collection: users } }',
      '3:21: hashSalt.census.kidField: is missing',
    ],
    ['text where a mapping belongs', 'jwt: ES256', '3:6: jwt: must be a mapping, not text'],
    ['a list where a mapping belongs', 'jwt: []', '3:6: jwt: must be a mapping, not a list'],
    ['a mapping where a list belongs', 'consumers: {}', '3:12: consumers: must be a list, not a mapping'],
    ['nothing where a list belongs', 'consumers:', '3:1: consumers: is empty; write [] for none, or leave the key out'],
    [
      'true where text belongs',
      'namespace: true',
      '3:12: namespace: must be text, not true or false: put it in quotes',
    ],
    [
      'a service without a name',
      'serviceCertificates: { services: [{ namespace: a }] }',
      /services\[0\]\.name: is missing/,
    ],
    [
      'a consumer that is a Pod',
      'consumers: [{ workload: Pod/a/b, object: palette-jwks }]',
      /: must be <Deployment\|Sta/,
    ],
  ])('cannot hold %s', (_, text, expected) => {
    expect(complaints(text)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });
});

describe('the connection string', () => {
  test.each([
    ['another scheme', 'http://h/', /must begin with mongodb:\/\/ or mongodb\+srv:\/\//],
    ['user and password', 'mongodb://user:CANARY@h/db', /must not hold credentials/],
    ['a user alone', 'mongodb://CANARY@h/db', /must not hold credentials/],
    ['an escaped at sign', 'mongodb://user:CANARY%40h/db', /must not hold credentials/],
    ['a password with a slash', 'mongodb://user:CAN/ARY@h/db', /must not hold credentials/],
    ['the password of a key file', 'mongodb://h/?tlsCertificateKeyFilePassword=CANARY', /must not hold credentials/],
    ['a session token', 'mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:CANARY', /must not hold credentials/],
    ['no host', 'mongodb:///db', /must list hosts/],
    ['an empty host', 'mongodb://a,,b/db', /must list hosts/],
    ['user and password without a host', 'mongodb://user:CANARY', /must list hosts/],
    ['a port of 0', 'mongodb://h:0/', /must have ports between/],
    ['a port of 65536', 'mongodb://h:65536/', /must have ports between/],
    ['a port by SRV', 'mongodb+srv://h:27017/', /must have one host and no port/],
    ['two hosts by SRV', 'mongodb+srv://a,b/', /must have one host and no port/],
    ['TLS turned off', 'mongodb://h/?TLS=False', /must not turn off what protects the connection: tls$/],
    ['TLS turned off by its old name', 'mongodb://h/?ssl=false', /turn off .*: ssl$/],
    ['certificates that nobody checks', 'mongodb+srv://h/?tlsInsecure=true', /turn off .*: tlsinsecure$/],
    [
      'some of it that nobody checks',
      'mongodb://h/?tlsAllowInvalidHostnames=true&tlsAllowInvalidCertificates=true',
      /turn off .*: tlsallowinvalidhostnames, tlsallowinvalidcertificates$/,
    ],
    ['a space', 'mongodb://h/a b', /must not hold spaces/],
    ['5000 characters', `mongodb://${'h'.repeat(5000)}/`, /must have at most 4096 characters/],
  ])('cannot have %s, and is not quoted', (_, uri, expected) => {
    const found = complaints(`mongodb: { uri: ${JSON.stringify(uri)} }`);
    expect(found).toEqual([expect.stringMatching(expected)]);
    expect(found.join()).not.toMatch(/CANARY|ARY@/);
  });
});

describe('several fields together are wrong', () => {
  test.each<[string, string, (string | RegExp)[]]>([
    [
      'where the ledger is in the namespace of the platform',
      'ledgerNamespace: hubble-system',
      [
        '3:18: ledgerNamespace: must be apart from namespace, hubble-system: no workload mounts from where the ledger is',
      ],
    ],
    [
      'where the platform is in the namespace of the ledger',
      'namespace: palette-keys-system',
      [/^3:12: ledgerNamespace: must be apart from namespace/],
    ],
    [
      'where a service is in it',
      'serviceCertificates: { services: [{ name: a }, { name: b, namespace: palette-keys-system }] }',
      [/^3:70: serviceCertificates.services\[1\].namespace: must be apart from ledgerNamespace, palette-keys-system/],
    ],
    [
      'where a service of the default is in it',
      'ledgerNamespace: ui-system',
      [/^3:18: serviceCertificates.services\[18\].namespace: must be apart from ledgerNamespace, ui-system/],
    ],
    ['where the ingress is in it', 'ledgerNamespace: ingress-nginx', [/^3:18: ingress.namespace: must be apart from/]],
    [
      'where a consumer is in it',
      'consumers: [{ workload: Job/palette-keys-system/b, object: palette-jwks }]',
      [/^3:25: consumers\[0\].workload: must be apart from ledgerNamespace/],
    ],
    [
      'where a leaf lives as long as its CA',
      'internalCA: { validity: 8760h }',
      [
        '3:25: serviceCertificates.validity: must be shorter than internalCA.validity, 8760h: a certificate ends before its CA does',
      ],
    ],
    [
      'where a leaf lives longer',
      'internalCA: { validity: 10d }\nserviceCertificates: { validity: 11d }',
      [/^4:34: serviceCertificates.validity: must be shorter than internalCA.validity, 10d/],
    ],
    [
      'where a service is there twice',
      'serviceCertificates: { services: [{ name: a }, { name: b }, { name: a, namespace: hubble-system }] }',
      ['3:69: serviceCertificates.services[2].name: is there twice: services[0] is hubble-system/a too'],
    ],
    [
      'where two services have one Secret',
      'serviceCertificates: { services: [{ name: a, secretName: s }, { name: b, secretName: s }] }',
      [
        '3:86: serviceCertificates.services[1].secretName: collides: Secret hubble-system/s is that of service hubble-system/a',
      ],
    ],
    [
      'where a service has the Secret of another by default',
      'serviceCertificates: { services: [{ name: a }, { name: b, secretName: palette-a-tls }] }',
      [/^3:71: serviceCertificates.services\[1\].secretName: collides/],
    ],
    ...['mongodb', 'grpc', 'message-bus'].map((name): [string, string, RegExp[]] => [
      `where a service is called ${name}`,
      `serviceCertificates: { services: [{ name: ${name} }] }`,
      [
        new RegExp(
          `services\\[0\\]\\.secretName: collides: Secret hubble-system/palette-${name}-tls is that of the platform`,
        ),
      ],
    ]),
    [
      'where a service has the Secret of the root key',
      'namePrefix: p-\nserviceCertificates: { services: [{ name: a, secretName: p-root-key }] }',
      [/^4:58: serviceCertificates.services\[0\].secretName: collides: Secret hubble-system\/p-root-key/],
    ],
    [
      'where the FQDN certificate has the Secret of the root key',
      'ingress: { namespace: hubble-system, secretName: palette-root-key }',
      [/^3:50: ingress.secretName: collides/],
    ],
    [
      'where a service has the Secret of the FQDN certificate',
      'ingress: { namespace: hubble-system }\nserviceCertificates: { services: [{ name: a, secretName: default-ssl-certificate }] }',
      [/^4:58: serviceCertificates.services\[0\].secretName: collides: .* is that of ingress$/],
    ],
    [
      'where a name in a certificate is too long',
      `clusterDomain: ${`${LONG}.`.repeat(3)}${'a'.repeat(50)}`,
      [/^3:16: clusterDomain: makes "spectrocluster-jobs\.hubble-system\.svc\.a+/],
    ],
    [
      'where aliases make it too large for the record',
      `grpc: { dnsNames: &long [${`${LONG}.${LONG}.${LONG}, `.repeat(100)}] }\nserviceCertificates:\n  services:\n${Array.from({ length: 30 }, (__, i) => `    - { name: s${i}, dnsNames: *long }\n`).join('')}`,
      [/^1:1: the spec is too large for the installation's record: 6\d{5} bytes of at most 524288$/],
    ],
    [
      'where a consumer is there twice',
      'consumers: [{ workload: Job/a/b, object: palette-jwks }, { workload: Job/a/b, object: palette-jwks, reload: watch }]',
      ['3:58: consumers[1]: is there twice: consumers[0] has the same workload and object'],
    ],
    [
      'where a consumer names nothing that is made',
      'consumers: [{ workload: Job/a/b, object: palette-rootkey }]',
      ['3:42: consumers[0].object: names nothing that this installation makes; did you mean "palette-root-key"?'],
    ],
  ])('%s', (_, text, expected) => {
    expect(complaints(text)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });

  test.each([
    [
      'where one Secret name is in two namespaces',
      'serviceCertificates: { services: [{ name: a }, { name: a, namespace: b }] }',
    ],
    [
      'where a service is called mongodb in another namespace',
      'serviceCertificates: { services: [{ name: mongodb, namespace: b }] }',
    ],
    ['where a leaf lives a second less than its CA', 'internalCA: { validity: 31536001s }'],
  ])('they are right %s', (_, text) => {
    expect(complaints(text)).toStrictEqual([]);
  });

  test('rules that need an invalid value are left out, and all others are not', () => {
    const text =
      'namePrefix: _\ninternalCA: { validity: long }\nserviceCertificates: { services: [{ name: a }, { name: a }] }';
    expect(complaints(text)).toEqual([
      expect.stringMatching(/^3:13: namePrefix/),
      expect.stringMatching(/^4:25: internalCA.validity/),
      expect.stringMatching(/^5:56: serviceCertificates.services\[1\].name: is there twice/),
    ]);
  });
});

test.each([
  [null, 'admin'],
  ['mongodb://h', 'admin'],
  ['mongodb://h/', 'admin'],
  ['mongodb://a,b:1/d?w=1', 'd'],
  ['mongodb://a/my%2Dd', 'my-d'],
  ['mongodb://a/%zz', '%zz'],
  ['mongodb://a/d?AuthSource=my%20users', 'my users'],
  ['mongodb://a/d?authSource=$external', 'd'],
  ['mongodb://a/?authSource=%24external', 'admin'],
  ['mongodb+srv://a/d?authSource=x', 'x'],
  // A TXT record may say another one.
  ['mongodb+srv://a/d', undefined],
])('with %s users log in on %s', (uri, database) => {
  expect(authDatabaseOf(uri)).toBe(database);
});

test('a record in which services do without TLS can still be read', () => {
  const weak = { apiVersion: 'palette-keys/v1', kind: 'Installation', mongodb: { uri: 'mongodb://h/?tls=false' } };
  expect(validateSpec(weak, 'the record', true).mongodb.uri).toBe('mongodb://h/?tls=false');
  expect(() => validateSpec(weak, 'f')).toThrow(/f has/);
});
