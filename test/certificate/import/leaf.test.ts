// Covers: src/certificate/import/algorithms.ts, src/certificate/import/extensions.ts, src/certificate/import/facts.ts
// Covers: src/certificate/import/host-name.ts, src/certificate/import/leaf.ts

import { describe, expect, test } from 'vitest';
import type { ImportRequest } from '../../../src/certificate/import/types.ts';
import { haveTools } from '../../scenarios/program/tools.ts';
import {
  caExtensions,
  type Made,
  make,
  makeLeaf,
  makeRoot,
  type RotationIntent,
  serverExtensions,
} from '../../support/openssl-pki.ts';
import { decide, errorsOf, warningsOf } from './request.ts';

const NAME = 'DNS:palette.example.org';

/** [what the certificate is, how it differs from a good one, errors, warnings] */
type Row = readonly [string, Partial<RotationIntent>, readonly string[], (readonly string[])?];

const san = (value: string | undefined): Partial<RotationIntent> => ({ extensions: serverExtensions(value) });
const withLine = (...lines: string[]): Partial<RotationIntent> => ({ extensions: serverExtensions(NAME, ...lines) });

/** palette.example.org, and an address of five bytes, or the name ü in UTF-8. */
const FIVE_BYTES = '301c821370616c657474652e6578616d706c652e6f726787050102030405';
const NOT_ASCII = '3019821370616c657474652e6578616d706c652e6f72678202c3bc';

const ROWS: readonly Row[] = [
  ['a good certificate is taken without a word', {}, []],
  ['an RSA-2048 key is taken', { keyName: 'rsa2048-3' }, []],
  ['a P-384 key is taken', { keyName: 'p384-3' }, []],
  ['a wildcard covers one label', san('DNS:*.example.org'), []],
  ['names that the FQDN does not need may be odd', san(`${NAME},DNS:a_b.example.org,DNS:*.*.org,URI:urn:x`), []],
  ['a common name that the SAN does not have is taken', { subject: '/CN=something else' }, []],
  ['another name is a mismatch', san('DNS:other.example.org'), ['SAN_MISMATCH']],
  ['a common name alone covers nothing', san(undefined), ['SAN_MISMATCH']],
  ['an IP address alone covers no name', san('IP:192.0.2.1'), ['SAN_MISMATCH']],
  ['a partial wildcard covers nothing', san('DNS:pal*.example.org'), ['SAN_MISMATCH']],
  ['a wildcard does not cover the apex', san('DNS:*.palette.example.org'), ['SAN_MISMATCH']],
  ['a wildcard does not cover two labels', san('DNS:*.org'), ['SAN_MISMATCH']],
  ['RSA of 1024 bits is weak', { keyName: 'rsa1024-3' }, ['WEAK_KEY']],
  ['an RSASSA-PSS public key is weak', { keyName: 'rsapss-3' }, ['WEAK_KEY']],
  ['DSA is weak', { keyName: 'dsa-3' }, ['WEAK_KEY']],
  ['secp256k1 is weak', { keyName: 'secp256k1-3' }, ['WEAK_KEY']],
  ['Ed448 is weak', { keyName: 'ed448-3' }, ['WEAK_KEY']],
  ['a curve that is spelt out is weak', { keyName: 'explicit-3' }, ['WEAK_KEY']],
  ['a compressed point is weak, Go does not read it', { keyName: 'compressed-3' }, ['WEAK_KEY']],
  ['P-521 has to be allowed', { keyName: 'p521-3' }, ['P521_KEY']],
  ['Ed25519 has to be allowed', { keyName: 'ed25519-3' }, ['ED25519_KEY']],
  ['must-staple has to be allowed', withLine('tlsfeature=status_request'), ['MUST_STAPLE']],
  ['a SHA-1 signature is weak', { options: ['-sha1'] }, ['WEAK_SIGNATURE']],
  ['a negative serial number is refused', { serial: '-5' }, ['NEGATIVE_SERIAL']],
  ['an EKU needs serverAuth', withLine('extendedKeyUsage=clientAuth'), ['EKU_WITHOUT_SERVER_AUTH']],
  ['a key usage needs digitalSignature', withLine('keyUsage=critical,keyEncipherment'), ['NO_DIGITAL_SIGNATURE']],
  ['keyCertSign is for CAs', withLine('keyUsage=critical,digitalSignature,keyCertSign'), ['KEY_CERT_SIGN_WITHOUT_CA']],
  [
    'a CA is no server',
    { extensions: caExtensions(`subjectAltName=${NAME}`, 'extendedKeyUsage=serverAuth') },
    ['CA_AS_LEAF', 'NO_DIGITAL_SIGNATURE'],
  ],
  [
    'a critical extension that nobody knows is refused',
    withLine('1.2.3.4=critical,ASN1:NULL'),
    ['UNKNOWN_CRITICAL_EXTENSION'],
  ],
  [
    'name constraints in a leaf have to be allowed',
    withLine('nameConstraints=permitted;DNS:example.org'),
    ['PROFILE_VIOLATION'],
  ],
  [
    'an address of five bytes in the SAN is damage',
    withLine(`subjectAltName=DER:${FIVE_BYTES}`),
    ['EXTENSION_DAMAGED'],
  ],
  ['a name in the SAN that is not ASCII is damage', withLine(`subjectAltName=DER:${NOT_ASCII}`), ['EXTENSION_DAMAGED']],
  ['an extension that is no DER is damaged', withLine('1.3.6.1.5.5.7.1.1=DER:ff01'), ['EXTENSION_DAMAGED']],
  ['a certificate without EKU is taken with a warning', withLine('extendedKeyUsage='), [], ['NO_EKU']],
  ['more than 825 days below a private root are taken with a warning', { days: 900 }, [], ['LONG_VALIDITY']],
  ['less than 30 days left are a warning', { days: 20 }, [], ['EXPIRES_SOON']],
  [
    'missing key identifiers are taken with a warning',
    withLine('subjectKeyIdentifier=', 'authorityKeyIdentifier=none'),
    [],
    ['PROFILE_DEVIATION'],
  ],
];

describe.skipIf(!haveTools('openssl'))('a leaf from a private root', () => {
  const root = makeRoot();
  const rsaRoot = makeRoot({ keyName: 'rsa2048-1', subject: '/CN=RSA Root' });

  test.each(ROWS.map(([title, ...row]) => ({ title, row })))(
    '$title',
    async ({ row: [wish, errors, warnings = []] }) => {
      const decision = await decide([makeLeaf(root, wish)], [root]);
      expect([errorsOf(decision), warningsOf(decision)]).toEqual([
        errors,
        errors.length > 0 ? expect.anything() : warnings,
      ]);
      expect(decision.pair === undefined).toBe(errors.length > 0);
    },
  );

  test('an MD5 signature is weak', async () => {
    expect(errorsOf(await decide([makeLeaf(rsaRoot, { options: ['-md5'] })], [rsaRoot]))).toEqual(['WEAK_SIGNATURE']);
  });

  test('a PSS signature with SHA-2 is taken, with SHA-1 it is weak', async () => {
    const pss = (digest: string): Made =>
      makeLeaf(rsaRoot, {
        options: [`-${digest}`, '-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_mgf1_md:${digest}`],
      });
    expect(errorsOf(await decide([pss('sha256')], [rsaRoot]))).toEqual([]);
    expect(errorsOf(await decide([pss('sha1')], [rsaRoot]))).toEqual(['WEAK_SIGNATURE']);
  });

  test.each(['P521_KEY', 'ED25519_KEY', 'MUST_STAPLE'])(
    '%s is a warning once it is allowed, and proved',
    async (code) => {
      const wish = ROWS.find(([, , [error]]) => error === code)?.[1] ?? {};
      const decision = await decide([makeLeaf(root, wish)], [root], { allow: [code] });
      expect([errorsOf(decision), warningsOf(decision)]).toEqual([[], [code]]);
      expect(decision.pair).toBeDefined();
    },
  );

  test('what cannot be allowed stays an error', async () => {
    const leaf = makeLeaf(root, { keyName: 'rsa1024-3' });
    expect(errorsOf(await decide([leaf], [root], { allow: ['WEAK_KEY'] }))).toEqual(['WEAK_KEY']);
  });

  test('all faults are reported at once', async () => {
    const leaf = makeLeaf(root, { serial: '-5', keyName: 'rsa1024-3', ...withLine('extendedKeyUsage=clientAuth') });
    const decision = await decide([leaf], [], { fqdn: ['other.example.org'], keys: [] });
    expect(errorsOf(decision).toSorted()).toEqual([
      'EKU_WITHOUT_SERVER_AUTH',
      'KEY_MISSING',
      'MISSING_INTERMEDIATE',
      'NEGATIVE_SERIAL',
      'SAN_MISMATCH',
      'WEAK_KEY',
    ]);
  });

  test('a self-signed certificate has to be allowed, and is proved then', async () => {
    const leaf = make({ subject: '/CN=x', keyName: 'p256-3', extensions: serverExtensions(NAME) });
    expect(errorsOf(await decide([leaf], []))).toEqual(['SELF_SIGNED_LEAF']);
    expect(errorsOf(await decide([leaf], [leaf]))).toEqual(['SELF_SIGNED_LEAF']);
    const allowed = await decide([leaf], [], { allow: ['SELF_SIGNED_LEAF'] });
    expect([errorsOf(allowed), warningsOf(allowed)]).toEqual([[], ['SELF_SIGNED_LEAF']]);
    expect(Buffer.from(allowed.pair?.certificate ?? []).toString()).toBe(leaf.pem);
  });

  const more = (san: string, wish: Partial<ImportRequest>) =>
    decide([makeLeaf(root, { extensions: serverExtensions(san) })], [root], wish);

  test('an IP address as FQDN needs an entry of that type', async () => {
    expect(errorsOf(await more('IP:192.0.2.1,IP:2001:db8::1', { fqdn: ['192.0.2.1', '2001:DB8:0::1'] }))).toEqual([]);
    expect(errorsOf(await more('DNS:192.0.2.1', { fqdn: ['192.0.2.1'] }))).toEqual(['SAN_MISMATCH']);
  });

  test('an international name is compared in ASCII, a final dot does not count', async () => {
    expect(errorsOf(await more('DNS:xn--bcher-kva.example', { fqdn: ['Bücher.example.'] }))).toEqual([]);
  });

  test('a name with an underscore is covered by nothing', async () => {
    expect(errorsOf(await more('DNS:a_b.example.org', { fqdn: ['a_b.example.org'] }))).toEqual(['SAN_MISMATCH']);
  });

  test('names that get lost are warned of', async () => {
    const replaced = makeLeaf(root, {
      extensions: serverExtensions(`${NAME},DNS:*.example.org,DNS:old.example.com`),
    }).x509;
    const wish = { previousFqdn: ['before.example.org'], rootDomain: 'example.org', replaced };
    const decision = await more(NAME, wish);
    expect(errorsOf(decision)).toEqual([]);
    expect(warningsOf(decision)).toEqual(['PREVIOUS_FQDN_MISSING', 'TENANT_NAMES_MISSING', 'NAMES_LOST']);
    expect(decision.findings.at(-1)?.message).toMatch(/covers 2 names .*: \*\.example\.org, old\.example\.com\.$/);
    expect(warningsOf(await more('DNS:*.example.org,DNS:old.example.com', wish))).toEqual([]);
  });

  test('what is missing in the SAN is explained', async () => {
    const messageFor = async (san: string): Promise<string> =>
      (await more(san, {})).findings.map(({ message }) => message).join();
    expect(await messageFor('DNS:*.palette.example.org')).toContain('does not cover palette.example.org itself');
    expect(await messageFor('DNS:*.org')).toContain('covers one label only');
    expect(await messageFor('DNS:p*.example.org')).toContain('only as the whole first label');
    expect(await messageFor('IP:192.0.2.1')).toContain('It names 192.0.2.1.');
  });

  test('nothing that steers a terminal comes out of a certificate', async () => {
    const extensions = serverExtensions('otherName:1.2.3;UTF8:\u001b[31m,URI:urn:\u001b[31m');
    const decision = await decide([makeLeaf(root, { subject: '/CN=a\u001b[31m\u202eb', extensions })], []);
    expect(decision.leaf?.subject).toMatch(/^CN=a.*b$/);
    expect(JSON.stringify(decision)).not.toMatch(/\\u00[01]|[\u0080-\u009f\u202e]/);
  });

  test('thousands of names are refused', async () => {
    const names = Array.from({ length: 1001 }, (_, i) => `DNS:n${i}.example.org`);
    expect(errorsOf(await more(names.join(), {}))).toEqual(['TOO_MANY_NAMES']);
    expect(errorsOf(await more([NAME, ...names.slice(2)].join(), {}))).toEqual([]);
  });

  test('over 60 KB are refused', async () => {
    const long = Array.from({ length: 999 }, (_, i) => `DNS:n${i}.${'label-of-some-length.'.repeat(3)}example.org`);
    expect(errorsOf(await more([NAME, ...long].join(), {}))).toEqual(['PAIR_TOO_LARGE']);
  });
});
