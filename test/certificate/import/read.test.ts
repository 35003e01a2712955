// Covers: src/certificate/import/reading/der.ts, src/certificate/import/reading/draft.ts
// Covers: src/certificate/import/reading/fault.ts, src/certificate/import/reading/file.ts
// Covers: src/certificate/import/reading/foreign.ts, src/certificate/import/reading/key.ts
// Covers: src/certificate/import/reading/pem.ts, src/certificate/import/reading/text.ts

import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { readFiles } from '../../../src/certificate/import/read.ts';
import { processorTime } from '../../support/processor-time.ts';
import { Inputs } from './inputs.ts';

const inputs = new Inputs().makePairs();
afterAll(() => inputs.remove());

const leaf = inputs.text('rsa.pem');
const ca = inputs.text('ca.pem');
const key = inputs.text('rsa.key');
const body = (pem: string): string => pem.replace(/-----[^-]+-----|\n/g, '');

const read = async (content: string | Uint8Array, passphrase?: string) => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return await summary(await readFiles([{ name: 'f', bytes }], passphrase));
};

async function summary(reading: Awaited<ReturnType<typeof readFiles>>) {
  return {
    certificates: reading.certificates.map(({ x509 }) => x509.toString()),
    keys: reading.keys.map(({ key: found }) => found.export({ type: 'pkcs8', format: 'pem' })),
    repairs: reading.repairs.map(({ code }) => code),
    findings: reading.findings.map(({ code }) => code),
    locked: reading.locked,
  };
}

const WHOLE = { certificates: [leaf, ca], keys: [key], findings: [], locked: [] };
const all = `${leaf}${ca}${key}`;
const utf16 = Buffer.from(all, 'utf16le');

describe('text is put right, and each repair is named once', () => {
  const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');
  const wrapped = (text: string): string => (text.match(/.{1,76}/g) ?? []).join('\n');
  const marked = Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]);
  const bigEndian = Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]);
  const oneLine = all.replace(/(?<!-)\n(?!-)/g, '');

  test.each<[string, string | Uint8Array, readonly string[]]>([
    ['as it should be', all, []],
    ['with CRLF', all.replaceAll('\n', '\r\n'), ['LINE_ENDS']],
    ['with CR alone', all.replaceAll('\n', '\r'), ['LINE_ENDS']],
    ['with a byte order mark', `\uFEFF${all}`, ['BYTE_ORDER_MARK']],
    ['as Windows writes it', `\uFEFF${all.replaceAll('\n', '\r\n')}`, ['BYTE_ORDER_MARK', 'LINE_ENDS']],
    ['in UTF-16, little-endian', marked, ['UTF16']],
    ['in UTF-16, big-endian', bigEndian, ['UTF16']],
    ['in UTF-16 without a mark', utf16, ['UTF16']],
    ['in big-endian UTF-16 without a mark', Buffer.from(utf16).swap16(), ['UTF16']],
    ['indented', all.replace(/^/gm, '    ').trimEnd(), ['INDENTED']],
    ['with blanks at the ends of lines', all.replace(/$/gm, ' '), ['INDENTED']],
    ['with \\n for line ends', all.replaceAll('\n', '\\n'), ['ESCAPED_NEWLINES']],
    ['with \\r\\n for line ends', all.replaceAll('\n', '\\r\\n'), ['ESCAPED_NEWLINES']],
    ['with \\\\n for line ends', all.replaceAll('\n', '\\\\n'), ['ESCAPED_NEWLINES']],
    ['each block with its base64 in one line', oneLine, ['ONE_LINE']],
    ['everything in one line, with blanks', all.replaceAll('\n', ' '), ['ONE_LINE']],
    ['everything in one line, with nothing', all.replaceAll('\n', ''), ['ONE_LINE', 'GLUED_BLOCKS']],
    ['as base64', base64(all), ['BASE64_WRAPPED']],
    ['as wrapped base64', wrapped(base64(all)), ['BASE64_WRAPPED']],
    ['as base64 twice', base64(wrapped(base64(all))), ['BASE64_WRAPPED']],
    ['with END and BEGIN in one line', `${leaf.trim()}${ca.trim()}${key}`, ['GLUED_BLOCKS']],
    ['with text around the blocks', `subject=CN = a\n${leaf}\nissuer\n${ca}${key}bye`, ['SURROUNDING_TEXT']],
    ['with a backslash in the text around', `friendlyName: DOMAIN\\name\n${all}`, ['SURROUNDING_TEXT']],
    ['headed X509 CERTIFICATE', all.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE'), ['TRUSTED_HEADER']],
    ['with its request', `${all}${inputs.text('rsa.csr')}`, ['OTHER_BLOCKS']],
  ])('%s', async (_, content, repairs) => {
    const { repairs: made, ...rest } = await read(content);
    expect(rest).toEqual(WHOLE);
    expect([...made].sort()).toEqual([...repairs].sort());
  });

  test('a repair says which file it was', async () => {
    const bytes = Buffer.from(leaf.replaceAll('\n', '\r\n'));
    const { repairs } = await readFiles(
      [
        { name: 'a.pem', bytes },
        { name: 'b.pem', bytes },
      ],
      undefined,
    );
    expect(repairs.map(({ message }) => message)).toEqual([
      'a.pem: Line ends were not LF.',
      'b.pem: Line ends were not LF.',
    ]);
  });

  test('a TRUSTED CERTIFICATE loses what OpenSSL appended to it', async () => {
    inputs.openssl('x509 -in rsa.pem -trustout -addtrust serverAuth -setalias me -out trusted.pem');
    expect(inputs.text('trusted.pem')).toContain('TRUSTED CERTIFICATE');
    expect(await read(inputs.bytes('trusted.pem'))).toMatchObject({
      certificates: [leaf],
      repairs: ['TRUSTED_HEADER'],
      findings: [],
    });
  });

  test('missing padding is what Go refuses, and we do not', async () => {
    expect(await read(leaf.replace(/=+\n-----END/, '\n-----END'))).toMatchObject({
      certificates: [leaf],
      findings: [],
    });
  });

  test('the bag attributes of `openssl pkcs12` are text around blocks', async () => {
    inputs.pkcs12('bags.p12', 'rsa');
    inputs.openssl('pkcs12 -in bags.p12 -passin pass:secret -nodes -out bags.pem');
    expect(inputs.text('bags.pem')).toContain('Bag Attributes');
    expect(await read(inputs.bytes('bags.pem'))).toEqual({ ...WHOLE, repairs: ['SURROUNDING_TEXT'] });
  });
});

test('duplicates are kept, in order, with the place where each stood', async () => {
  const { certificates, keys } = await readFiles(
    [
      { name: 'a.pem', bytes: Buffer.from(`${leaf}${ca}${leaf}`) },
      { name: 'b.pem', bytes: Buffer.from(`${key}${ca}${key}`) },
    ],
    undefined,
  );
  expect(certificates.map(({ source }) => source)).toEqual([
    'a.pem, certificate 1',
    'a.pem, certificate 2',
    'a.pem, certificate 3',
    'b.pem, certificate 1',
  ]);
  expect(keys.map(({ source }) => source)).toEqual(['b.pem, key 1', 'b.pem, key 2']);
});

describe('DER', () => {
  const der = (pem: string): Buffer => Buffer.from(body(pem), 'base64');

  test.each<[string, () => Uint8Array | string, readonly string[]]>([
    ['a certificate', () => der(leaf), ['CONVERTED_DER']],
    [
      'a certificate with a line end behind it',
      () => Buffer.concat([der(leaf), Buffer.from('\r\n')]),
      ['CONVERTED_DER'],
    ],
    ['a certificate as base64', () => body(leaf), ['BASE64_WRAPPED', 'CONVERTED_DER']],
    [
      'a certificate as wrapped base64',
      () => leaf.replace(/-----[^-]+-----\n/g, ''),
      ['BASE64_WRAPPED', 'CONVERTED_DER'],
    ],
  ])('%s', async (_, content, repairs) => {
    expect(await read(content())).toEqual({ certificates: [leaf], keys: [], repairs, findings: [], locked: [] });
  });

  test('certificates that were appended to each other', async () => {
    expect(await read(Buffer.concat([der(leaf), der(ca)]))).toMatchObject({ certificates: [leaf, ca], findings: [] });
  });

  test('a certificate keeps the bytes that were signed', async () => {
    const { certificates } = await readFiles([{ name: 'f', bytes: der(leaf) }], undefined);
    expect(certificates[0]?.x509.raw).toEqual(new X509Certificate(leaf).raw);
  });

  test.each([
    ['rsa', 'pkcs8', []],
    ['rsa', 'pkcs1', ['CONVERTED_KEY']],
    ['ec', 'sec1', ['CONVERTED_KEY']],
    ['ec', 'pkcs8', []],
    ['ed', 'pkcs8', []],
  ])('a key: %s as %s', async (kind, form, repairs) => {
    const command = form === 'pkcs8' ? 'pkcs8 -topk8 -nocrypt' : 'pkey -traditional';
    inputs.openssl(`${command} -in ${kind}.key -outform DER -out key.der`);
    expect(await read(inputs.bytes('key.der'))).toEqual({
      certificates: [],
      keys: [inputs.text(`${kind}.key`)],
      repairs: ['CONVERTED_DER', ...repairs],
      findings: [],
      locked: [],
    });
  });
});

describe('what is neither certificate nor key is refused by name', () => {
  const refused = async (content: string | Uint8Array): Promise<string> => {
    const bytes = Buffer.from(content);
    const { certificates, keys, findings, locked } = await readFiles([{ name: 'f', bytes }], PASSED);
    expect([certificates, keys, locked]).toEqual([[], [], []]);
    expect(findings).toHaveLength(1);
    const [finding] = findings;
    expect(finding).toMatchObject({ severity: 'error', subject: 'f', remedy: expect.stringMatching(/\w{3}.*[.]$/) });
    return `${finding?.code} ${finding?.message}`;
  };
  const PASSED = 'a passphrase that nothing needs';

  test('a public key, PEM and DER', async () => {
    inputs.openssl('pkey -in rsa.key -pubout -out pub.pem');
    inputs.openssl('pkey -in ec.key -pubout -outform DER -out pub.der');
    inputs.openssl('rsa -in rsa.key -RSAPublicKey_out -out pub1.pem');
    inputs.openssl('rsa -in rsa.key -RSAPublicKey_out -outform DER -out pub1.der');
    for (const name of ['pub.pem', 'pub.der', 'pub1.pem', 'pub1.der']) {
      expect(await refused(inputs.bytes(name)), name).toBe('NOT_A_CERTIFICATE It is a public key.');
    }
  });

  test('a request, PEM and DER', async () => {
    inputs.openssl('req -in ec.csr -outform DER -out csr.der');
    for (const name of ['ec.csr', 'csr.der']) {
      expect(await refused(inputs.bytes(name)), name).toBe('NOT_A_CERTIFICATE It is a certificate signing request.');
    }
  });

  test('a revocation list, PEM and DER', async () => {
    inputs.write('index.txt', '');
    inputs.write('ca.cnf', '[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=9\n');
    inputs.openssl('ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -out crl.pem');
    inputs.openssl('crl -in crl.pem -outform DER -out crl.der');
    for (const name of ['crl.pem', 'crl.der']) {
      expect(await refused(inputs.bytes(name)), name).toBe('NOT_A_CERTIFICATE It is a certificate revocation list.');
    }
  });

  test.each<[string, string | Uint8Array, string]>([
    [
      'an OpenSSH key',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n',
      'an OpenSSH private key',
    ],
    ['an OpenSSH public key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host', 'a public key'],
    ['a web page', '<!DOCTYPE html><html><body>Please log in</body></html>', 'a web page (HTML)'],
    ['a JKS keystore', Buffer.from('feedfeed0000000200000001', 'hex'), 'a Java keystore (JKS or JCEKS)'],
    ['a JCEKS keystore', Buffer.from('cececece0000000200000001', 'hex'), 'a Java keystore (JKS or JCEKS)'],
    ['a ZIP archive', Buffer.from('504b030414000000', 'hex'), 'a ZIP archive'],
    ['a PGP block', '-----BEGIN PGP MESSAGE-----\n\nhQ==\n=abcd\n-----END PGP MESSAGE-----\n', 'a PGP key or message'],
    ['a binary PGP key', Buffer.from('99010d0463000000', 'hex'), 'a PGP key or message'],
    [
      'DH parameters',
      '-----BEGIN DH PARAMETERS-----\nMAYCAQUCAQI=\n-----END DH PARAMETERS-----\n',
      'key parameters without a key',
    ],
    ['text', 'hello', 'nothing that is known: neither PEM nor DER, PKCS#7 or PKCS#12'],
    [
      'binary rubbish',
      Buffer.from('00ff10203040', 'hex'),
      'nothing that is known: neither PEM nor DER, PKCS#7 or PKCS#12',
    ],
  ])('%s', async (_, content, what) => {
    expect(await refused(content)).toBe(`NOT_A_CERTIFICATE It is ${what}.`);
  });

  test.each([
    ['nothing', ''],
    ['blanks', ' \r\n\t\n'],
    ['zeros', '\0\0\0\0'],
  ])('a file of %s', async (_, content) => {
    expect(await refused(content)).toBe('EMPTY_FILE The file is empty.');
  });
});

describe('damage', () => {
  test.each<[string, string | Uint8Array, readonly string[]]>([
    ['a block without its end', leaf.slice(0, 500), ['PEM_DAMAGED']],
    ['a block without its beginning', leaf.slice(100), ['PEM_DAMAGED']],
    ['a block that ends as something else', leaf.replace('END CERTIFICATE', 'END PRIVATE KEY'), ['PEM_DAMAGED']],
    ['a block that is not base64', leaf.replace(/\n.{5}/, '\n*****'), ['PEM_DAMAGED']],
    ['a certificate of base64 that is none', leaf.replace(/\nMII/, '\nAAA'), ['CERT_UNPARSABLE']],
    ['a key that is none', key.replace(/\nMII/, '\nAAA'), ['KEY_UNPARSABLE']],
    ['DER that is cut off', Buffer.from(body(leaf), 'base64').subarray(0, 300), ['CONTAINER_DAMAGED']],
    ['PKCS#7 that is none', leaf.replaceAll('CERTIFICATE', 'PKCS7').replace(/\nMII/, '\nAAA'), ['CONTAINER_DAMAGED']],
  ])('%s', async (_, content, findings) => {
    expect(await read(content)).toMatchObject({ certificates: [], keys: [], findings });
  });

  test('a certificate that cannot be parsed is named by its place, and the others are read', async () => {
    const bad = leaf.replace(/\n.{64}\n/, '\n');
    const { certificates, findings } = await readFiles(
      [{ name: 'c.pem', bytes: Buffer.from(ca + bad + ca) }],
      undefined,
    );
    expect(certificates.map(({ source }) => source)).toEqual(['c.pem, certificate 1', 'c.pem, certificate 3']);
    expect(findings).toMatchObject([{ code: 'CERT_UNPARSABLE', subject: 'c.pem, certificate 2' }]);
  });

  test('the faults of all files are reported at once', async () => {
    const files = ['', '<html>', leaf.slice(0, 500), leaf].map((text, at) => ({
      name: `${at}`,
      bytes: Buffer.from(text),
    }));
    const { certificates, findings } = await readFiles(files, undefined);
    expect(findings.map(({ code, subject }) => `${subject} ${code}`)).toEqual([
      '0 EMPTY_FILE',
      '1 NOT_A_CERTIFICATE',
      '2 PEM_DAMAGED',
    ]);
    expect(certificates).toHaveLength(1);
  });
});

describe('work is bounded', () => {
  const quick = async (content: string | Uint8Array): Promise<readonly string[]> => {
    const used = processorTime();
    const { findings } = await read(content, 'p');
    expect(used()).toBeLessThan(4000);
    return findings;
  };

  test('a hundred certificates are read, one more is refused once', async () => {
    expect(await read(ca.repeat(100))).toMatchObject({ findings: [] });
    expect(await quick(ca.repeat(120))).toEqual(['TOO_MANY_CERTIFICATES']);
    expect(await quick(ca.repeat(500))).toEqual(['TOO_MANY_CERTIFICATES']);
  });

  test('more than 1 MB in all files together is refused', async () => {
    const bytes = Buffer.concat([Buffer.from(leaf), Buffer.alloc(400_000, '\n')]);
    const files = ['a', 'b', 'c'].map((name) => ({ name, bytes }));
    const { certificates, findings } = await readFiles(files, undefined);
    expect(findings.map(({ code, subject }) => `${subject} ${code}`)).toEqual(['c INPUT_TOO_LARGE']);
    expect(certificates).toHaveLength(2);
  });

  test.each<[string, string | Uint8Array]>([
    ['beginnings without ends', '-----BEGIN CERTIFICATE-----\n'.repeat(35_000)],
    ['beginnings without line ends', '-----BEGIN CERTIFICATE-----'.repeat(35_000)],
    ['empty blocks in one line', '-----BEGIN CERTIFICATE----------END CERTIFICATE-----'.repeat(19_000)],
    ['backslashes', `-----BEGIN CERTIFICATE-----${'\\'.repeat(990_000)}`],
    ['headers', `-----BEGIN CERTIFICATE-----\n${'a: b\n'.repeat(150_000)}-----END CERTIFICATE-----`],
    [
      'blanks in a header',
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,${' '.repeat(900_000)}-----END RSA PRIVATE KEY-----`,
    ],
    ['deep ASN.1 of no length', Buffer.alloc(999_999, Buffer.from('3080', 'hex'))],
    ['deep ASN.1', nested(200_000)],
    ['an ASN.1 length of 4 GB', Buffer.from('3084ffffffff0201', 'hex')],
    ['an ASN.1 length of 127 bytes', Buffer.concat([Buffer.from('30ff', 'hex'), Buffer.alloc(300, 0xff)])],
    [
      'many small elements',
      Buffer.concat([Buffer.from('30830f3e58', 'hex'), Buffer.alloc(999_000, Buffer.from('0500', 'hex'))]),
    ],
  ])('%s', async (_, content) => {
    expect(await quick(content)).not.toEqual([]);
  });

  /** SEQUENCE in SEQUENCE, each with its length. */
  function nested(depth: number): Buffer {
    const parts: Buffer[] = [];
    for (let length = depth * 5; length >= 5; length -= 5) {
      const head = Buffer.from([0x30, 0x83, 0, 0, 0]);
      head.writeUIntBE(length - 5, 2, 3);
      parts.push(head);
    }
    return Buffer.concat(parts).subarray(0, 999_999);
  }
});
