// Covers: src/installation/parse/

import { describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import { defaultSpec } from '../../../src/installation/defaults.ts';
import { validateSpec } from '../../../src/installation/parse/validate.ts';
import { processorTime } from '../../support/processor-time.ts';
import { parsed } from '../parsed.ts';

const HEAD = 'apiVersion: palette-keys/v1\nkind: Installation\n';

/** What parsing complains about, `<file>:` left out; empty if it does not. */
function complaints(text: string): string[] {
  return detailsOf(() => parsed(text, 'f')).map(({ message }) => message.replace(/^f:/, ''));
}

function detailsOf(run: () => unknown): PaletteKeysError['details'] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof PaletteKeysError)) throw error;
    expect(error.code).toBe('SPEC_INVALID');
    return error.details;
  }
}

describe('a file that is right', () => {
  test('with nothing but its head is the default', () => {
    expect(parsed(HEAD, 'f')).toStrictEqual(defaultSpec());
  });

  test('is completed inside nested mappings, services and consumers', () => {
    const spec = parsed(
      `${HEAD}namespace: platform
namePrefix: p-
jwt: { algorithm: RS256 }
serviceCertificates: { services: [{ name: a }, { name: b, namespace: c, secretName: d, ipAddresses: ['::1'] }] }
consumers: [{ workload: Deployment/platform/a, object: p-root-key }]
`,
      'f',
    );
    expect(spec.jwt).toStrictEqual({ algorithm: 'RS256', longestTokenLife: '24h', jwksCache: '10m', clockSkew: '5m' });
    expect(spec.serviceCertificates.validity).toBe('365d');
    expect(spec.serviceCertificates.services).toStrictEqual([
      { name: 'a', namespace: 'platform', dnsNames: [], ipAddresses: [], secretName: 'p-a-tls' },
      { name: 'b', namespace: 'c', dnsNames: [], ipAddresses: ['::1'], secretName: 'd' },
    ]);
    expect(spec.consumers).toStrictEqual([
      { workload: 'Deployment/platform/a', object: 'p-root-key', reads: 'single', reload: 'restart' },
    ]);
  });

  test.each([
    ['begins with a byte order mark', `\uFEFF${HEAD}`],
    ['has Windows line ends', HEAD.replaceAll('\n', '\r\n')],
    ['is JSON', '{"apiVersion": "palette-keys/v1", "kind": "Installation"}'],
    ['has a document start and comments', `# a\n---\n${HEAD}# b\n`],
    ['asks for YAML 1.1', `%YAML 1.1\n---\n${HEAD}`],
    ['says again what is the default', `${HEAD}jwt: {}\nconsumers: []\nhashSalt: { census: null }\n`],
  ])('may be one that %s', (_, text) => {
    expect(parsed(text, 'f')).toStrictEqual(defaultSpec());
  });

  test('may share values by aliases', () => {
    const spec = parsed(`${HEAD}jwt: { jwksCache: &long 2d, longestTokenLife: *long }\n`, 'f');
    expect(spec.jwt.longestTokenLife).toBe('2d');
  });

  test('takes yes and on as text, whatever YAML version it asks for', () => {
    const services = 'serviceCertificates: { services: [{ name: yes }, { name: on }] }\n';
    const spec = parsed(`%YAML 1.1\n---\n${HEAD}${services}`, 'f');
    expect(spec.serviceCertificates.services.map(({ name }) => name)).toStrictEqual(['yes', 'on']);
  });

  test('gives an object that shares nothing with that of the next call', () => {
    expect(defaultSpec().jwt).not.toBe(defaultSpec().jwt);
    expect(defaultSpec().grpc.dnsNames).not.toBe(defaultSpec().grpc.dnsNames);
  });
});

describe('a file that is no YAML for a spec is refused, with the place', () => {
  test.each([
    ['the file is empty', '', ['1:1: the file is empty']],
    ['it holds comments alone', '# a\n', ['1:1: the file is empty']],
    ['it is a list', '- a\n', ['1:1: the file must hold a mapping: lines of the form "key: value"']],
    ['it is a text', '\n hello', ['2:2: the file must hold a mapping: lines of the form "key: value"']],
    [
      'it holds a control character',
      'a: b\nc: \0',
      ['2:4: the file holds a control character: it must be text in UTF-8'],
    ],
    ['it is over 1 MiB', '#'.repeat(1_048_577), ['1:1: the file has more than 1 MiB (1048576 bytes)']],
    ['it is over 1 MiB in UTF-8', '#'.repeat(600_000) + 'é'.repeat(300_000), [expect.stringContaining('1 MiB')]],
    ['a tab indents', `${HEAD}jwt:\n\talgorithm: ES256`, [expect.stringMatching(/^4:1: not valid YAML: tabs/)]],
    ['a bracket is open', `${HEAD}grpc: {`, [expect.stringMatching(/^3:8: not valid YAML: .*must be.*end with a \}/)]],
    [
      'a quote is open',
      `${HEAD}namespace: "a`,
      [expect.stringMatching(/^3:14: not valid YAML: Missing closing "quote/)],
    ],
    ['a second document follows', `${HEAD}---\na: b`, [expect.stringMatching(/^3:1: .*more than one document/)]],
    ['a key is there twice', `${HEAD}jwt: {}\njwt: {}`, ['4:1: jwt: is there twice']],
    [
      'a nested key is there twice',
      `${HEAD}jwt: { algorithm: ES256, algorithm: RS256 }`,
      ['3:26: jwt.algorithm: is there twice'],
    ],
    ['it has a tag', `${HEAD}namespace: !!js/function x`, ['3:26: namespace: has a tag, which is not supported']],
    [
      'it has a known tag',
      `${HEAD}apiVersion2: !!binary aGk=`,
      [
        '3:1: apiVersion2: unknown key; did you mean "apiVersion"?',
        '3:23: apiVersion2: has a tag, which is not supported',
      ],
    ],
    [
      'it has a tag that could not be resolved',
      `${HEAD}namespace: !!timestamp x`,
      [expect.stringMatching(/has a tag/)],
    ],
    [
      'it has an escape sequence that is none, and something else',
      `${HEAD}rootDomain: "\\q"\njwt: 3`,
      [
        expect.stringMatching(/^3:13: rootDomain: must be a DNS name/),
        expect.stringMatching(/^3:14: not valid YAML: this is not an escape sequence/),
        '4:6: jwt: must be a mapping, not a number',
      ],
    ],
    [
      'an alias names nothing',
      `${HEAD}namespace: *x`,
      ['3:12: namespace: is an alias of nothing that is complete before it'],
    ],
    [
      'an alias is inside its anchor',
      `${HEAD}jwt: &x { algorithm: *x }`,
      ['3:22: jwt.algorithm: is an alias of nothing that is complete before it'],
    ],
    ['a key is a list', `${HEAD}[a]: b`, ['3:1: the spec has a key that is not plain text']],
    ['a key is a number', `${HEAD}jwt: { 1: b }`, ['3:8: jwt: has a key that is not plain text']],
    [
      'it is nested too deeply',
      `${HEAD}a: ${'['.repeat(99)}${']'.repeat(99)}`,
      [expect.stringMatching(/^3:1: a: unknown key/), '3:68: a[0][0][0][0][0][0][0]: is nested too deeply'],
    ],
  ])('where %s', (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });

  test('lists the first 20 errors of syntax and counts the others', () => {
    const found = complaints(HEAD + 'a: [}\n'.repeat(60));
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toMatch(/^\d+:\d+: not valid YAML in \d+ more places$/);
  });
});

test('thirty places that are wrong are thirty complaints, in the order of the file, and none quotes a secret', () => {
  const text = `apiVersion: palette-keys/v2
kind: Installation
ledgerNamespce: elsewhere
clusterDomain: Cluster.Local.
rootDomain: münchen.example
jwt: { algorithm: es256, longestTokenLife: 24, clock_skew: 5m }
tenantKeys: { bits: "64" }
internalCA:
serviceCertificates:
  renewAt: 2
  validity: 3650d
  services:
    - name: auth
      dnsNames: ["*.a.b", "a.*.b", 10.0.0.1]
      ipAddresses: [192.0.2.1, "fe80::1%eth0"]
    - { name: auth, secretName: palette-root-key }
    - { name: grpc }
    - { name: ui, namespace: "00" }
    - just text
mongodb: { members: 3.5, uri: "mongodb://u:CANARY@h/db", database: admin, replicaSet: 1 }
algorithm: x
consumers:
  - { workload: Deployment/palette-keys-system/x, object: palette-root-key, reads: keyrings }
  - { workload: Pod/a/b }
rotation: { syncPeriod: 0m, minInterval: 36501d }
qwertzuiop: 1
clusterCA: { keySize: 3072, keySize: 4096 }
`;
  expect(complaints(text)).toEqual([
    '1:13: apiVersion: must be "palette-keys/v1"',
    '3:1: ledgerNamespce: unknown key; did you mean "ledgerNamespace"?',
    '4:16: clusterDomain: must be a DNS name without a final dot',
    '5:13: rootDomain: must be given as A-labels: "xn--mnchen-3ya.example"',
    '6:19: jwt.algorithm: must be one of RS256, PS256, ES256, ES384, EdDSA, HS256, HS512; did you mean "ES256"?',
    '6:44: jwt.longestTokenLife: must be a duration: a positive whole number and s, m, h or d, as in 24h',
    '6:48: jwt.clock_skew: unknown key; did you mean "clockSkew"?',
    '7:21: tenantKeys.bits: must be one of 64, 128, 192, 256, without quotes',
    '8:1: internalCA: is empty; give it a value, or leave the key out',
    '10:12: serviceCertificates.renewAt: must be between 0.1 and 0.95',
    '14:27: serviceCertificates.services[0].dnsNames[1]: must be a DNS name: labels of letters, digits and "-", joined by dots',
    '14:36: serviceCertificates.services[0].dnsNames[2]: must be a DNS name, not an IP address',
    '15:32: serviceCertificates.services[0].ipAddresses[1]: must be an IPv4 or IPv6 address',
    '16:15: serviceCertificates.services[1].name: is there twice: services[0] is hubble-system/auth too',
    '16:33: serviceCertificates.services[1].secretName: collides: Secret hubble-system/palette-root-key is that of the platform',
    '17:15: serviceCertificates.services[2].secretName: collides: Secret hubble-system/palette-grpc-tls is that of the platform',
    '18:30: serviceCertificates.services[3].namespace: must not sort before "00-namespaces.yaml", which the directory store needs first',
    '19:7: serviceCertificates.services[4]: must be a mapping, not text',
    '20:21: mongodb.members: must be a whole number from 1 to 50',
    '20:31: mongodb.uri: must not hold credentials: they are put in',
    "20:68: mongodb.database: must not be one of MongoDB's own",
    '20:87: mongodb.replicaSet: must be text, not a number: put it in quotes',
    '21:1: algorithm: unknown key; did you mean "jwt.algorithm"?',
    '23:17: consumers[0].workload: must be apart from ledgerNamespace, palette-keys-system: no workload mounts from where the ledger is',
    '23:84: consumers[0].reads: must be one of keyring, single; did you mean "keyring"?',
    '24:5: consumers[1].object: is missing',
    '24:17: consumers[1].workload: must be <Deployment|StatefulSet|DaemonSet|CronJob|Job>/<namespace>/<name>',
    '25:25: rotation.syncPeriod: must be a duration: a positive whole number and s, m, h or d, as in 24h',
    '25:42: rotation.minInterval: must be at most 36500d',
    expect.stringMatching(/^26:1: qwertzuiop: unknown key; known here: apiVersion, kind, .*, rotation$/),
    '27:29: clusterCA.keySize: is there twice',
  ]);
  expect(complaints(text).join()).not.toContain('CANARY');
});

test('a byte order mark is no column', () => {
  expect(complaints(`\uFEFFfoo: 1\n${HEAD}`)).toEqual([expect.stringMatching(/^1:1: foo: unknown key/)]);
  expect(complaints(`\uFEFFgrpc: 1\n${HEAD}`)).toStrictEqual(['1:7: grpc: must be a mapping, not a number']);
});

test('the head that is missing is said to be, with what to write', () => {
  expect(complaints('jwt: {}\n')).toStrictEqual([
    '1:1: apiVersion: is missing: write "palette-keys/v1"',
    '1:1: kind: is missing: write "Installation"',
  ]);
  expect(complaints('apiVersion: palette-keys/v1\nkind:\n')).toStrictEqual([
    '2:1: kind: is empty: write "Installation"',
  ]);
});

test('keys that JavaScript objects are born with are unknown ones like any other', () => {
  expect(complaints(`${HEAD}__proto__: { a: 1 }\nconstructor: 1\njwt: { toString: 1, __proto__: 2 }\n`)).toEqual([
    expect.stringMatching(/^3:1: __proto__: unknown key/),
    expect.stringMatching(/^4:1: constructor: unknown key/),
    expect.stringMatching(/^5:8: jwt.toString: unknown key/),
    expect.stringMatching(/^5:21: jwt.__proto__: unknown key/),
  ]);
});

test('an unknown key that is long or holds control characters is shortened and quoted', () => {
  const [found] = complaints(`${HEAD}"${'x'.repeat(99)}\\e[31m": 1\n`);
  expect(found).toMatch(/^3:1: "x{64}…": unknown key; known here/);
});

test.each([
  ['YAML flow', (i: number) => `    { name: svc${i} },\n`, '[', ']'],
  ['YAML block', (i: number) => `    - name: svc${i}\n`, '', ''],
])('10,000 services in %s are one complaint, in little time', (_, line, open, close) => {
  const text = `${HEAD}serviceCertificates:\n  services: ${open}\n${Array.from({ length: 10_000 }, (__, i) => line(i)).join('')}    ${close}\n`;
  let details: PaletteKeysError['details'] = [];
  // Processor time, and the best of three: other tests run meanwhile.
  const times = [1, 2, 3].map(() => {
    const used = processorTime();
    details = detailsOf(() => parsed(text, 'f'));
    return used();
  });
  expect(Math.min(...times)).toBeLessThan(2000);
  expect(details).toEqual([
    {
      message: expect.stringMatching(
        /^f:\d:\d+: serviceCertificates.services: has 10000 entries; at most 1000 are possible$/,
      ),
      remedy: expect.stringContaining('Split it into several installations'),
    },
  ]);
});

test('more than 1000 complaints are counted, not listed', () => {
  const services = Array.from({ length: 1000 }, () => '{ name: A, dnsNames: [B] }').join(', ');
  const details = detailsOf(() => parsed(`${HEAD}serviceCertificates: { services: [${services}] }`, 'f'));
  expect(details).toHaveLength(1001);
  expect(details.at(-1)?.message).toBe('f: and 1000 more');
});

test('a key that is there 200,000 times is a list of mistakes too', () => {
  const details = detailsOf(() => parsed(HEAD + 'a:\n'.repeat(200_000), 'f'));
  expect(details.at(-1)?.message).toBe('f: and 199000 more');
});

describe('a spec out of the record', () => {
  test('is checked without positions', () => {
    const before = defaultSpec();
    const details = detailsOf(() => validateSpec({ ...before, namespace: 'A', foo: 1 }, 'the record'));
    expect(details.map(({ message }) => message)).toStrictEqual([
      expect.stringMatching(/^the record: namespace: must be an RFC 1123 label/),
      expect.stringMatching(/^the record: foo: unknown key/),
    ]);
  });

  test('is completed where an older version wrote less', () => {
    const { rotation, ...older } = defaultSpec();
    expect(rotation).toBeDefined();
    expect(validateSpec(older, 'the record')).toStrictEqual(defaultSpec());
  });

  test.each([[null], [undefined], ['text'], [[]], [7]])('is no %j', (value) => {
    expect(detailsOf(() => validateSpec(value, 'the record'))).toStrictEqual([
      { message: 'the record: the spec must be a mapping' },
    ]);
  });
});
