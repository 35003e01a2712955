import { createHash, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { issueCertificate, readIssuer } from '../../src/certificate/issue.ts';
import { isIssuedBy, matchesKey, readBundle, readSingle } from '../../src/certificate/read.ts';
import { DamagedError } from '../../src/errors.ts';
import { kidOfKey } from '../reconcile/checker.ts';
import { DAY, START } from '../support/clock.ts';

const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const [caKey, otherKey, leafKey] = [rsa(), rsa(), rsa()];
const base = { now: new Date(START), serial: new Uint8Array(16) };
const subject = { commonName: 'CA', organization: 'o', organizationalUnit: 'u' };

const ca = (subjectKey: KeyObject, commonName = 'CA'): string =>
  issueCertificate({ ...base, use: 'ca', subject: { ...subject, commonName }, subjectKey, validitySeconds: 10 * DAY });
const CA = ca(caKey);
const LEAF = issueCertificate({
  ...base,
  use: 'leaf',
  subject: { ...subject, commonName: 'auth' },
  subjectKey: leafKey,
  validitySeconds: DAY,
  dnsNames: ['auth', '*.example.org'],
  ipAddresses: ['127.0.0.1', '::1'],
  issuer: readIssuer(Buffer.from(CA), caKey),
});
const bytes = (pem: string): Uint8Array => Buffer.from(pem);

test('a certificate is read with all that is asked for', () => {
  const read = readSingle(bytes(LEAF));
  expect(read).toMatchObject({
    pem: LEAF,
    kid: kidOfKey(leafKey),
    fingerprint: `SHA256:${createHash('sha256').update(new X509Certificate(LEAF).raw).digest('hex')}`,
    notBefore: new Date('2026-12-31T23:55:00Z'),
    notAfter: new Date('2027-01-02T00:00:00Z'),
    dnsNames: ['auth', '*.example.org'],
    ipAddresses: ['127.0.0.1', '0:0:0:0:0:0:0:1'],
  });
});

test('a certificate without names has none', () => {
  expect(readSingle(bytes(CA))).toMatchObject({ dnsNames: [], ipAddresses: [] });
});

test('a bundle is read in its order', () => {
  const bundle = readBundle(bytes(CA + LEAF + CA));
  expect(bundle.map(({ pem }) => pem)).toEqual([CA, LEAF, CA]);
});

describe('who issued what', () => {
  test('is told by signature and name', () => {
    const [authority, leaf] = [readSingle(bytes(CA)), readSingle(bytes(LEAF))];
    expect(isIssuedBy(leaf, authority)).toBe(true);
    expect(isIssuedBy(authority, authority)).toBe(true);
    expect(isIssuedBy(authority, leaf)).toBe(false);
  });

  test('is not told by the name alone, nor by the key alone', () => {
    const leaf = readSingle(bytes(LEAF));
    expect(isIssuedBy(leaf, readSingle(bytes(ca(otherKey))))).toBe(false);
    expect(isIssuedBy(leaf, readSingle(bytes(ca(caKey, 'another name'))))).toBe(false);
  });

  test('is another question than whose key it is: a certificate matches its own key alone', () => {
    expect(matchesKey(readSingle(bytes(LEAF)), leafKey)).toBe(true);
    expect(matchesKey(readSingle(bytes(LEAF)), caKey)).toBe(false);
  });
});

describe('what is no certificate', () => {
  test.each([
    ['nothing', ''],
    ['a text before it', `subject=auth\n${LEAF}`],
    ['a text after it', `${LEAF}x`],
    ['a line between two', `${LEAF}\n${CA}`],
    ['Windows line ends', LEAF.replaceAll('\n', '\r\n')],
    ['no line end', LEAF.trimEnd()],
    ['another label', LEAF.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['a private key', leafKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----\n'],
  ])('%s is damaged', (_, text) => {
    expect(() => readSingle(bytes(text))).toThrow(DamagedError);
  });

  test('two certificates are not one', () => {
    expect(() => readSingle(bytes(LEAF + CA))).toThrow('not exactly one PEM certificate');
  });

  test('a certificate that is changed in any way is read, or damaged, and nothing else', () => {
    const change = fc.record({ at: fc.nat({ max: LEAF.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean(), (changes, cut) => {
        const changed = Uint8Array.from(bytes(LEAF + CA));
        for (const { at, byte } of changes) changed[at] = byte;
        try {
          const read = readBundle(cut ? changed.subarray(0, changes[0]?.at) : changed);
          for (const certificate of read) {
            isIssuedBy(certificate, readSingle(bytes(CA)));
            matchesKey(certificate, leafKey);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
