import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { IMPORT_FINDINGS } from '../../src/certificate/import/finding.ts';
import { readFiles } from '../../src/certificate/import/read.ts';
import { Inputs, PASSPHRASE } from '../certificate/import/inputs.ts';

/** 500 inputs; in the soak 50,000. */
const numRuns = process.env['SOAK'] === '1' ? 50_000 : 500;
const LIMIT_MS = 2000;
const LIMIT_MEMORY_KB = 300 * 1024;

const inputs = new Inputs().makePairs();
afterAll(() => inputs.remove());

/** Whole inputs of every kind, from which damaged ones are made. */
function makeWhole(): readonly Buffer[] {
  const names = ['rsa.pem', 'rsa.key', 'ed.key', 'ec.csr'];
  const make = (name: string, command: string): void => {
    inputs.openssl(`${command} -out ${name}`);
    names.push(name);
  };
  make('cert.der', 'x509 -in ec.pem -outform DER');
  make('rsa.der', 'pkey -traditional -in rsa.key -outform DER');
  make('ec.der', 'pkey -traditional -in ec.key -outform DER');
  make('ed.der', 'pkey -in ed.key -outform DER');
  make('chain.p7b', 'crl2pkcs7 -nocrl -certfile ec.pem -certfile ca.pem');
  make('chain.p7c', 'crl2pkcs7 -nocrl -certfile ec.pem -certfile ca.pem -outform DER');
  make('ber.p7m', 'cms -sign -nodetach -stream -in ec.pem -signer ec.pem -inkey ec.key -outform DER');
  make('dek.key', 'ec -in ec.key -aes128 -passout pass:secret');
  const made = [
    inputs.pkcs8('p8.key', 'ec', '-iter 1'),
    inputs.pkcs8('p8.der', 'rsa', '-outform DER'),
    inputs.pkcs8('scrypt.der', 'ec', '-scrypt -scrypt_N 2 -outform DER'),
    inputs.pkcs12('aes.p12', 'ec', '-iter 1'),
    inputs.pkcs12('real.p12', 'ed'),
    inputs.pkcs12('old.p12', 'ec', '-legacy -iter 1'),
    inputs.pkcs12('nomac.p12', 'ec', '-nomac -iter 1'),
    inputs.pkcs12('open.p12', 'ec', '-certpbe NONE -keypbe NONE -nomac'),
  ];
  const bundle = Buffer.concat([inputs.bytes('ec.pem'), inputs.bytes('ca.pem'), inputs.bytes('ec.key')]);
  return [bundle, ...names.map((name) => inputs.bytes(name)), ...made.map(({ bytes }) => Buffer.from(bytes))];
}

const whole = makeWhole();
const anyWhole = fc.constantFrom(...whole);

/** Bytes that mean something in DER and PEM, and any others. */
const telling = fc.constantFrom(
  0x00,
  0x02,
  0x03,
  0x04,
  0x05,
  0x06,
  0x24,
  0x30,
  0x31,
  0x7f,
  0x80,
  0x81,
  0x84,
  0xa0,
  0xff,
  0x2d,
);
const anyBytes = fc
  .array(fc.oneof(telling, fc.nat(255)), { minLength: 1, maxLength: 8 })
  .map((list) => Buffer.from(list));
const place = fc.double({ min: 0, max: 1, noNaN: true });

type Change = (bytes: Buffer) => Buffer;

const at = (bytes: Buffer, share: number): number => Math.floor(share * bytes.length);
const splice = (bytes: Buffer, start: number, end: number, middle: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, start), middle, bytes.subarray(end)]);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, anyBytes).map(([share, put]) => (bytes: Buffer) => {
    const start = at(bytes, share);
    return splice(bytes, start, start + put.length, put);
  }),
  fc.tuple(place, anyBytes).map(
    ([share, put]) =>
      (bytes: Buffer) =>
        splice(bytes, at(bytes, share), at(bytes, share), put),
  ),
  fc.tuple(place, fc.nat(40)).map(([share, length]) => (bytes: Buffer) => {
    const start = at(bytes, share);
    return splice(bytes, start, start + length, Buffer.alloc(0));
  }),
  place.map((share) => (bytes: Buffer) => bytes.subarray(0, at(bytes, share))),
  place.map((share) => (bytes: Buffer) => bytes.subarray(at(bytes, share))),
  fc.tuple(place, place, anyWhole).map(
    ([here, there, other]) =>
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, at(bytes, here)), other.subarray(at(other, there))]),
  ),
  fc.constant((bytes: Buffer) => Buffer.from(bytes.toString('base64'))),
  fc.constant((bytes: Buffer) => Buffer.from(bytes.toString('latin1'), 'utf16le')),
);

/** The header of a container is small beside what it holds, and is what a parser decides by: it is changed more often. */
const inHeader: fc.Arbitrary<Change> = fc.tuple(fc.nat(120), anyBytes).map(
  ([start, put]) =>
    (bytes: Buffer) =>
      splice(bytes, start, start + put.length, put),
);

const damaged = fc
  .tuple(anyWhole, fc.array(fc.oneof(change, inHeader), { minLength: 1, maxLength: 4 }))
  .map(([bytes, changes]) => changes.reduce((before, next) => next(before), bytes));
const inPem = fc
  .tuple(damaged, fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'PKCS7', 'PKCS12'))
  .map(([bytes, label]) =>
    Buffer.from(
      `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`,
    ),
  );

it('damaged input of every kind is read or refused in time, and never throws', async () => {
  const before = process.resourceUsage().maxRSS;
  const passphrase = fc.constantFrom(undefined, PASSPHRASE, 'other');
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, inPem), passphrase, async (bytes, given) => {
      const copy = Buffer.from(bytes);
      const begin = performance.now();
      const { certificates, keys, locked, findings, repairs } = await readFiles([{ name: 'f', bytes }], given);
      expect(performance.now() - begin).toBeLessThan(LIMIT_MS);
      expect(certificates.length + keys.length + locked.length + findings.length).toBeGreaterThan(0);
      for (const { code, remedy } of findings) {
        expect(IMPORT_FINDINGS).toHaveProperty(code);
        expect(remedy).not.toBe('');
      }
      expect(new Set(repairs.map(({ code }) => code)).size).toBe(repairs.length);
      expect(copy.equals(bytes)).toBe(true);
    }),
    { numRuns },
  );
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(LIMIT_MEMORY_KB);
});
