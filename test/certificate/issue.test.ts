// Covers: src/certificate/ip-address.ts, src/certificate/parts.ts

import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Extension } from '@peculiar/x509';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CaRequest, issueCertificate, type LeafRequest, readIssuer } from '../../src/certificate/issue.ts';
import { DAY, START } from '../support/clock.ts';
import { other } from './other-x509.ts';

const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const caKey = rsa();
const leafKey = rsa();
const now = new Date('2027-01-01T12:34:56.789Z');
const SERIAL = Uint8Array.from({ length: 16 }, (_, i) => i);

function ca(change: Partial<CaRequest> = {}): string {
  return issueCertificate({
    use: 'ca',
    subject: { commonName: 'Internal CA v1', organization: 'palette-keys', organizationalUnit: 'some-installation' },
    subjectKey: caKey,
    serial: SERIAL,
    now,
    validitySeconds: 3650 * DAY,
    ...change,
  });
}

function leaf(change: Partial<LeafRequest> = {}, issuer = ca(), issuerKey = caKey): string {
  return issueCertificate({
    use: 'leaf',
    subject: { commonName: 'auth', organization: 'palette-keys', organizationalUnit: 'some-installation' },
    subjectKey: leafKey,
    serial: SERIAL,
    now,
    validitySeconds: 365 * DAY,
    dnsNames: ['auth', 'auth.hubble-system', '*.example.org'],
    ipAddresses: ['127.0.0.1', '2001:db8::1'],
    issuer: readIssuer(Buffer.from(issuer), issuerKey),
    ...change,
  });
}

/** Every extension, as another implementation reads it: OID → critical, in the order of the certificate. */
function extensions(pem: string): readonly (readonly [string, boolean])[] {
  return new other.X509Certificate(pem).extensions.map(({ type, critical }) => [type, critical] as const);
}

function extension<T extends Extension>(pem: string, type: new (raw: ArrayBuffer) => T): T {
  const found = new other.X509Certificate(pem).extensions.find((candidate) => candidate instanceof type);
  if (found === undefined) throw new Error(`no ${type.name}`);
  return found as T;
}

/** RFC 5280, section 4.2.1.2 (1): SHA-1 of the bits of the public key. */
function keyIdentifier(key: KeyObject): string {
  const pkcs1 = createPublicKey(key).export({ type: 'pkcs1', format: 'der' });
  return createHash('sha1').update(pkcs1).digest('hex');
}

const verified = (pem: string, signer: string): Promise<boolean> =>
  new other.X509Certificate(pem).verify({
    publicKey: new other.X509Certificate(signer).publicKey,
    signatureOnly: true,
  });

describe('a CA', () => {
  const pem = ca();

  test('has exactly the extensions of one, those critical that have to be', () => {
    expect(extensions(pem)).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.14', false],
    ]);
    expect(extension(pem, other.BasicConstraintsExtension)).toMatchObject({ ca: true, pathLength: 0 });
    const { keyCertSign, cRLSign } = other.KeyUsageFlags;
    expect(extension(pem, other.KeyUsagesExtension).usages).toBe(keyCertSign | cRLSign);
    expect(extension(pem, other.SubjectKeyIdentifierExtension).keyId).toBe(keyIdentifier(caKey));
  });

  test('is version 3, names itself as issuer, and signed itself with SHA-256', async () => {
    const read = new other.X509Certificate(pem);
    expect(read.subject).toBe(read.issuer);
    expect(read.signatureAlgorithm).toMatchObject({ name: 'RSASSA-PKCS1-v1_5', hash: { name: 'SHA-256' } });
    expect(await verified(pem, pem)).toBe(true);
    expect(version(pem)).toBe(2);
  });

  test('is called as asked', () => {
    const named = ca({
      subject: { commonName: 'CA v2', organization: 'o', organizationalUnit: 'u', serialNumber: '00ff' },
    });
    expect(new other.X509Certificate(named).subject).toBe('O=o, OU=u, CN=CA v2, 2.5.4.5=00ff');
  });

  test('has its name in UTF-8 strings, and a serial number in a printable one', () => {
    const named = ca({
      subject: { commonName: 'CA', organization: 'Ö', organizationalUnit: 'u', serialNumber: '00ff' },
    });
    const name = new other.X509Certificate(named).subjectName;
    expect(name.getField('O')).toEqual(['Ö']);
    const tags = [
      ...Buffer.from(name.toArrayBuffer())
        .toString('hex')
        .matchAll(/06035504(..)(..)/g),
    ];
    expect(tags.map(([, attribute, tag]) => [attribute, tag])).toEqual([
      ['0a', '0c'],
      ['0b', '0c'],
      ['03', '0c'],
      ['05', '13'],
    ]);
  });
});

/** The version field of the TBSCertificate; v3 is 2 (RFC 5280, section 4.1.2.1). */
function version(pem: string): number | undefined {
  const der = new X509Certificate(pem).raw.toString('hex');
  const found = /^3082....3082....a0030201(..)/.exec(der)?.[1];
  return found === undefined ? undefined : Number.parseInt(found, 16);
}

describe('a leaf', () => {
  const issuer = ca();
  const pem = leaf({}, issuer);

  test('has exactly the extensions of one, those critical that have to be', () => {
    expect(extensions(pem)).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.37', false],
      ['2.5.29.17', false],
      ['2.5.29.14', false],
      ['2.5.29.35', false],
    ]);
    expect(extension(pem, other.BasicConstraintsExtension)).toMatchObject({ ca: false, pathLength: undefined });
    const { digitalSignature, keyEncipherment } = other.KeyUsageFlags;
    expect(extension(pem, other.KeyUsagesExtension).usages).toBe(digitalSignature | keyEncipherment);
    const { serverAuth, clientAuth } = other.ExtendedKeyUsage;
    expect(extension(pem, other.ExtendedKeyUsageExtension).usages).toEqual([serverAuth, clientAuth]);
  });

  test('names its own key and that of its issuer', () => {
    expect(extension(pem, other.SubjectKeyIdentifierExtension).keyId).toBe(keyIdentifier(leafKey));
    expect(extension(pem, other.AuthorityKeyIdentifierExtension).keyId).toBe(
      extension(issuer, other.SubjectKeyIdentifierExtension).keyId,
    );
    expect(extension(pem, other.AuthorityKeyIdentifierExtension).certId).toBeUndefined();
  });

  test('has the names and addresses that were asked for, in that order', () => {
    const { items } = extension(pem, other.SubjectAlternativeNameExtension).names;
    expect(items.map(({ type, value }) => [type, value])).toEqual([
      ['dns', 'auth'],
      ['dns', 'auth.hubble-system'],
      ['dns', '*.example.org'],
      ['ip', '127.0.0.1'],
      ['ip', expect.stringMatching(/^2001:0*db8:(:|0+:)+0*1$/)],
    ]);
  });

  test('is signed by its issuer, whose name it repeats byte for byte', async () => {
    expect(await verified(pem, issuer)).toBe(true);
    const [child, parent] = [new other.X509Certificate(pem), new other.X509Certificate(issuer)];
    expect(Buffer.from(child.issuerName.toArrayBuffer())).toEqual(Buffer.from(parent.subjectName.toArrayBuffer()));
    expect(new X509Certificate(pem).checkIssued(new X509Certificate(issuer))).toBe(true);
    expect(version(pem)).toBe(2);
  });

  test('repeats a name with letters of all kinds and a serial number byte for byte', () => {
    const named = ca({
      subject: { commonName: 'Zür\u{1F511}', organization: 'o', organizationalUnit: 'u', serialNumber: '0a' },
    });
    const child = new other.X509Certificate(leaf({}, named));
    const parent = new other.X509Certificate(named);
    expect(Buffer.from(child.issuerName.toArrayBuffer())).toEqual(Buffer.from(parent.subjectName.toArrayBuffer()));
  });

  test('is not signed with a key that is not the key of the issuer', () => {
    expect(() => leaf({}, issuer, rsa())).toThrow('the issuer key is not the key of the issuer certificate');
  });

  test('may have any IP address that a spec may have', () => {
    const unusual = fc.constantFrom(
      '::',
      '::1',
      '::ffff:192.0.2.1',
      '64:ff9b::192.0.2.33',
      'FE80::A',
      '0:0:0:0:0:0:0:1',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), unusual), { minLength: 1, maxLength: 5 }), (ipAddresses) => {
        const made = new X509Certificate(leaf({ ipAddresses }, issuer));
        for (const address of ipAddresses) expect(made.checkIP(address), address).toBeDefined();
      }),
      { numRuns: 40 },
    );
  });
});

describe('the life of a certificate', () => {
  const life = (pem: string): readonly string[] => {
    const { notBefore, notAfter } = new other.X509Certificate(pem);
    return [notBefore.toISOString(), notAfter.toISOString()];
  };

  test('begins five minutes before it is made, and lasts as long as asked from then', () => {
    expect(life(ca())).toEqual(['2027-01-01T12:29:56.000Z', '2036-12-29T12:34:56.000Z']);
    expect(life(leaf())).toEqual(['2027-01-01T12:29:56.000Z', '2028-01-01T12:34:56.000Z']);
  });

  test('of a leaf ends when its CA does, at the latest', () => {
    const short = ca({ validitySeconds: 100 * DAY });
    expect(life(leaf({}, short))[1]).toBe(life(short)[1]);
    expect(life(leaf({ validitySeconds: 100 * DAY }, short))[1]).toBe(life(short)[1]);
    expect(life(leaf({ validitySeconds: 100 * DAY - 1 }, short))[1]).toBe('2027-04-11T12:34:55.000Z');
  });

  /** Tags of notBefore and notAfter: 17 is UTCTime, 18 GeneralizedTime (RFC 5280, section 4.1.2.5). */
  const tags = (pem: string): readonly (string | undefined)[] => {
    const der = new X509Certificate(pem).raw.toString('latin1');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are DER tags and lengths
    const found = /0[\x1e\x20\x22](\x17\x0d|\x18\x0f)\d{10,12}\d\dZ(\x17\x0d|\x18\x0f)\d{10,12}\d\dZ/.exec(der);
    return [found?.[1], found?.[2]].map((tag) => tag?.charCodeAt(0).toString(16));
  };

  test.each([
    ['up to 2049 is written in UTCTime', START, 365, ['17', '17']],
    ['beyond 2049 is written in GeneralizedTime', '2049-12-01T00:00:00Z', 365, ['17', '18']],
    ['that begins after 2049 too', '2050-01-01T00:05:00Z', 365, ['18', '18']],
    ['that begins in the last second of 2049 is written in both', '2050-01-01T00:04:59Z', 365, ['17', '18']],
    ['of the longest CA that a spec may ask for', START, 36_500, ['17', '18']],
  ])('%s', (_, start, days, expected) => {
    const pem = ca({ now: new Date(start), validitySeconds: days * DAY });
    expect(tags(pem)).toEqual(expected);
    expect(life(pem)[1]).toBe(new Date(new Date(start).getTime() + days * DAY * 1000).toISOString());
  });
});

describe('the serial number', () => {
  test('is positive and at most 20 bytes long, whatever the random bytes are', async () => {
    const issuer = ca();
    const edge = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff);
    const serials = fc.oneof(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.array(edge, { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(serials, async (serial) => {
        const before = Uint8Array.from(serial);
        const pem = leaf({ serial }, issuer);
        const { serialNumber } = new other.X509Certificate(pem);
        expect(serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
        expect(serialNumber.slice(2)).toBe(Buffer.from(serial).toString('hex').slice(2));
        expect(await verified(pem, issuer)).toBe(true);
        expect(serial).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});

const openssl = (() => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' });
  } catch {
    return undefined;
  }
})();

test.skipIf(openssl === undefined)('OpenSSL takes the chain when it is at its strictest', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-'));
  try {
    const issuer = ca();
    writeFileSync(path.join(folder, 'ca.crt'), issuer);
    writeFileSync(path.join(folder, 'leaf.crt'), leaf({}, issuer));
    const at = ['-attime', String(now.getTime() / 1000 + 60).replace(/\..*/, '')];
    const strict = ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', path.join(folder, 'ca.crt'), ...at];
    for (const file of ['ca.crt', 'leaf.crt']) {
      const said = execFileSync('openssl', [...strict, path.join(folder, file)], { encoding: 'utf8' });
      expect(said).toMatch(/: OK\n$/);
    }
    const purpose = ['-purpose', 'sslserver', '-verify_hostname', 'foo.example.org', '-verify_ip', '2001:db8::1'];
    const said = execFileSync('openssl', [...strict, ...purpose, path.join(folder, 'leaf.crt')], { encoding: 'utf8' });
    expect(said).toMatch(/: OK\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
