// Covers: src/certificate/import/reading/

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { readFiles } from '../../../src/certificate/import/read.ts';
import type { InputFile } from '../../../src/certificate/import/types.ts';
import { processorTime } from '../../support/processor-time.ts';
import { Inputs, KINDS, PASSPHRASE } from './inputs.ts';

const inputs = new Inputs().makePairs();
afterAll(() => inputs.remove());

const read = async (file: InputFile, passphrase?: string) => {
  const reading = await readFiles([file], passphrase);
  return {
    certificates: reading.certificates.map(({ x509 }) => x509.toString()),
    keys: reading.keys.map(({ key }) => key.export({ type: 'pkcs8', format: 'pem' })),
    repairs: reading.repairs.map(({ code }) => code),
    findings: reading.findings.map(({ code, subject }) => `${code} ${subject}`),
    locked: reading.locked,
  };
};

const NOTHING = { certificates: [], keys: [], repairs: [], findings: [], locked: [] };
const pairOf = (kind: string, chain = [inputs.text('ca.pem')]) => ({
  ...NOTHING,
  certificates: [inputs.text(`${kind}.pem`), ...chain],
  keys: [inputs.text(`${kind}.key`)],
  repairs: ['CONVERTED_PKCS12'],
});
const keyOf = (kind: string, repairs: readonly string[]) => ({
  ...NOTHING,
  keys: [inputs.text(`${kind}.key`)],
  repairs,
});

describe('PKCS#7', () => {
  const chain = (options: string): void => {
    inputs.openssl(`crl2pkcs7 ${options} -certfile rsa.pem -certfile ca.pem -out chain.p7b`);
  };
  const whole = { ...NOTHING, repairs: ['CONVERTED_PKCS7'] };

  test.each([['PEM'], ['DER']])('%s', async (form) => {
    chain(`-nocrl -outform ${form}`);
    expect(await read(inputs.file('chain.p7b'))).toEqual({
      ...whole,
      certificates: [inputs.text('rsa.pem'), inputs.text('ca.pem')],
    });
  });

  test('with a revocation list in it', async () => {
    inputs.write('index.txt', '');
    inputs.write('ca.cnf', '[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=9\n');
    inputs.openssl('ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -out crl.pem');
    chain('-in crl.pem');
    expect(await read(inputs.file('chain.p7b'))).toMatchObject({
      ...whole,
      certificates: [{}, {}].map(() => expect.any(String)),
    });
  });

  test('a signature in BER of indefinite length', async () => {
    inputs.write('text', 'text');
    inputs.openssl('cms -sign -nodetach -stream -in text -signer rsa.pem -inkey rsa.key -outform DER -out signed.p7m');
    expect(inputs.bytes('signed.p7m').subarray(0, 2).toString('hex')).toBe('3080');
    expect(await read(inputs.file('signed.p7m'))).toEqual({ ...whole, certificates: [inputs.text('rsa.pem')] });
  });

  test('without a certificate, or encrypted, is refused', async () => {
    inputs.openssl('crl2pkcs7 -nocrl -out none.p7b');
    inputs.write('text', 'text');
    inputs.openssl('cms -encrypt -in text -outform DER -out secret.p7m rsa.pem');
    for (const name of ['none.p7b', 'secret.p7m']) {
      expect(await read(inputs.file(name))).toEqual({ ...NOTHING, findings: [`NOT_A_CERTIFICATE ${name}`] });
    }
  });
});

describe('PKCS#12', () => {
  const WAYS: readonly (readonly [string, string])[] = [
    ['as openssl 3 makes it: AES-256, SHA-256', ''],
    ['as openssl -legacy makes it: RC2-40, 3DES, SHA-1', '-legacy'],
    ['with RC2-128', '-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-RC2-128'],
    ['with 3DES and a SHA-512 MAC', '-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha512'],
    ['with AES-128 and a SHA-384 MAC', '-certpbe AES-128-CBC -keypbe AES-128-CBC -macalg sha384'],
    ['with AES-192 and a SHA-224 MAC', '-certpbe AES-192-CBC -keypbe AES-192-CBC -macalg sha224'],
    ['with a MAC of one round', '-nomaciter'],
    ['without a MAC', '-nomac'],
    ['with nothing encrypted but the key', '-certpbe NONE'],
  ];

  test.each(WAYS.flatMap(([title, options]) => KINDS.map((kind) => [title, kind, options] as const)))(
    '%s, %s key',
    async (_, kind, options) => {
      const file = inputs.pkcs12('pair.p12', kind, options);
      expect(await read(file, PASSPHRASE)).toEqual(pairOf(kind));
      expect(await read(file, 'other')).toEqual({ ...NOTHING, findings: ['WRONG_PASSPHRASE pair.p12'] });
      expect(await read(file)).toEqual({ ...NOTHING, locked: ['pair.p12'] });
    },
  );

  test('is read as base64, and as a PEM block', async () => {
    const base64 = Buffer.from(inputs.pkcs12('pair.p12', 'ec').bytes).toString('base64');
    expect(await read({ name: 'f', bytes: Buffer.from(base64) }, PASSPHRASE)).toEqual({
      ...pairOf('ec'),
      repairs: ['BASE64_WRAPPED', 'CONVERTED_PKCS12'],
    });
    const pem = Buffer.from(`-----BEGIN PKCS12-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END PKCS12-----\n`);
    expect(await read({ name: 'f', bytes: pem }, PASSPHRASE)).toEqual(pairOf('ec'));
  });

  test.each([['-certpbe NONE -keypbe NONE -nomac'], ['-certpbe NONE -keypbe NONE -nomac -legacy']])(
    'that is not protected at all opens with any passphrase and with none: %s',
    async (options) => {
      const file = inputs.pkcs12('open.p12', 'rsa', options);
      for (const passphrase of [undefined, '', 'unneeded']) expect(await read(file, passphrase)).toEqual(pairOf('rsa'));
    },
  );

  test.each([
    ['', ''],
    ['-legacy', ''],
  ])('with an empty passphrase opens with any and with none: %s', async (options, empty) => {
    const file = inputs.pkcs12('empty.p12', 'ec', options, empty);
    for (const passphrase of [undefined, '', 'unneeded']) expect(await read(file, passphrase)).toEqual(pairOf('ec'));
  });

  test.each([
    ['züri€ \u{1F511}', ''],
    ['züri€', '-legacy'],
  ])('a passphrase beyond ASCII: %s %s', async (passphrase, options) => {
    expect(await read(inputs.pkcs12('u.p12', 'rsa', options, passphrase), passphrase)).toEqual(pairOf('rsa'));
  });

  test('a passphrase whose UTF-8 was taken for characters, as old OpenSSL did', async () => {
    const spelled = Buffer.from('zürich', 'utf8').toString('latin1');
    expect(await read(inputs.pkcs12('old.p12', 'rsa', '-legacy', spelled), 'zürich')).toEqual(pairOf('rsa'));
  });

  test('in BER: lengths left open, and the content in pieces', async () => {
    const der = Buffer.from(inputs.pkcs12('pair.p12', 'ec').bytes);
    const type = Buffer.from('06092a864886f70d010701', 'hex');
    // 30 82 …, 02 01 03, 30 82 …, the type, a0 82 …, 04 82 and the length of the content.
    const start = der.indexOf(type) + type.length + 8;
    const end = start + der.readUInt16BE(start - 2);
    const piece = (bytes: Buffer): Buffer => {
      const head = Buffer.from('04820000', 'hex');
      head.writeUInt16BE(bytes.length, 2);
      return Buffer.concat([head, bytes]);
    };
    const ber = Buffer.concat([
      Buffer.from('30800201033080', 'hex'),
      type,
      Buffer.from('a0802480', 'hex'),
      piece(der.subarray(start, start + 300)),
      piece(der.subarray(start + 300, end)),
      Buffer.alloc(6),
      der.subarray(end),
      Buffer.alloc(2),
    ]);
    expect(await read({ name: 'f', bytes: ber }, PASSPHRASE)).toEqual(pairOf('ec'));
  });

  test('certificates alone', async () => {
    inputs.openssl('pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out ca.p12');
    expect(await read(inputs.file('ca.p12'), PASSPHRASE)).toEqual({
      ...NOTHING,
      certificates: [inputs.text('ca.pem')],
      repairs: ['CONVERTED_PKCS12'],
    });
  });

  test('with the MAC altered is told from a wrong passphrase', async () => {
    const bytes = Buffer.from(inputs.pkcs12('mac.p12', 'rsa').bytes);
    // The last fields are the digest, the salt (8 bytes) and the count: 04 08 … 02 02 08 00.
    const inDigest = bytes.length - 16;
    bytes.writeUInt8(bytes.readUInt8(inDigest) ^ 1, inDigest);
    const file = { name: 'mac.p12', bytes };
    expect(await read(file, PASSPHRASE)).toEqual({ ...NOTHING, findings: ['PFX_MAC_INVALID mac.p12'] });
    expect(await read(file, 'other')).toEqual({ ...NOTHING, findings: ['WRONG_PASSPHRASE mac.p12'] });
    expect(await read(file)).toEqual({ ...NOTHING, locked: ['mac.p12'] });
  });

  test.each([
    ['with RC4', '-legacy -certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-RC4-128'],
    ['with Camellia', '-certpbe CAMELLIA-256-CBC -keypbe CAMELLIA-256-CBC'],
  ])('%s is unsupported, not locked', async (_, options) => {
    const file = inputs.pkcs12('rc4.p12', 'rsa', `${options} -nomac`);
    for (const passphrase of [undefined, PASSPHRASE]) {
      expect(await read(file, passphrase)).toEqual({ ...NOTHING, findings: ['UNSUPPORTED_CIPHER rc4.p12'] });
    }
  });

  test('more rounds than anybody needs are refused before they are done', async () => {
    const bytes = Buffer.from(inputs.pkcs12('iter.p12', 'rsa', '-iter 65537').bytes);
    const count = Buffer.from('0203010001', 'hex');
    expect(bytes.includes(count)).toBe(true);
    for (let at = bytes.indexOf(count); at >= 0; at = bytes.indexOf(count)) bytes.write('02037fffff', at, 'hex');
    const used = processorTime();
    for (const passphrase of [undefined, PASSPHRASE]) {
      expect((await read({ name: 'f', bytes }, passphrase)).findings).toEqual(['KDF_TOO_EXPENSIVE f']);
    }
    expect(used()).toBeLessThan(2000);
  });

  test('a large file with RC2 is decrypted in time', async () => {
    inputs.write('many.pem', inputs.text('ca.pem').repeat(99));
    inputs.openssl(
      'pkcs12 -export -legacy -inkey rsa.key -in rsa.pem -certfile many.pem -passout pass:secret -out many.p12',
    );
    const file = inputs.file('many.p12');
    expect(file.bytes.length).toBeGreaterThan(80_000);
    const used = processorTime();
    expect((await read(file, PASSPHRASE)).certificates).toHaveLength(100);
    expect(used()).toBeLessThan(4000);
  });

  test('cut off anywhere is damaged', async () => {
    const { bytes } = inputs.pkcs12('cut.p12', 'ec');
    for (const length of [10, 100, bytes.length - 1]) {
      const file = { name: 'f', bytes: bytes.subarray(0, length) };
      expect(await read(file, PASSPHRASE)).toEqual({ ...NOTHING, findings: ['CONTAINER_DAMAGED f'] });
    }
  });
});

describe('PBMAC1, by the examples of RFC 9579, appendix A', () => {
  const vector = (name: string): InputFile => {
    const text = readFileSync(new URL(`vectors/rfc9579-${name}.txt`, import.meta.url), 'latin1');
    return { name, bytes: Buffer.from(text, 'base64') };
  };

  test.each(['a1', 'a2', 'a3'])('%s opens', async (name) => {
    const { certificates, keys, findings } = await read(vector(name), '1234');
    expect([certificates.length, keys.length, findings]).toEqual([1, 1, []]);
    expect(await read(vector(name), '12345')).toEqual({ ...NOTHING, findings: [`WRONG_PASSPHRASE ${name}`] });
    expect(await read(vector(name))).toEqual({ ...NOTHING, locked: [name] });
  });

  test.each([
    ['a4', 'a wrong count'],
    ['a5', 'a wrong salt'],
    ['a6', 'no length of the key'],
  ])('%s is refused: %s', async (name) => {
    expect(await read(vector(name), '1234')).toEqual({ ...NOTHING, findings: [`PFX_MAC_INVALID ${name}`] });
  });
});

const has = (program: string, ...args: readonly string[]): boolean => {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(!has('keytool', '-help'))('keystores of Java', () => {
  const keystore = (type: string, name: string): InputFile => {
    inputs.pkcs12('for-java.p12', 'rsa');
    const from = '-srckeystore for-java.p12 -srcstoretype PKCS12 -srcstorepass secret';
    const to = `-destkeystore ${name} -deststoretype ${type} -deststorepass secret`;
    inputs.run('keytool', '-importkeystore', ...from.split(' '), ...to.split(' '));
    return inputs.file(name);
  };

  test('PKCS#12 by keytool', async () => {
    const file = keystore('PKCS12', 'java.p12');
    expect(await read(file, PASSPHRASE)).toEqual(pairOf('rsa'));
    expect(await read(file, 'other')).toEqual({ ...NOTHING, findings: ['WRONG_PASSPHRASE java.p12'] });
  });

  test.each(['JKS', 'JCEKS'])('%s is refused', async (type) => {
    const name = `java.${type}`;
    expect(await read(keystore(type, name), PASSPHRASE)).toEqual({
      ...NOTHING,
      findings: [`NOT_A_CERTIFICATE ${name}`],
    });
  });
});

describe('PKCS#12 by certtool, with 600,000 rounds', () => {
  const made = (...options: readonly string[]): InputFile => {
    const pair = '--load-privkey rsa.key --load-certificate rsa.pem --p12-name x --outder --outfile gnu.p12';
    inputs.run('certtool', '--to-p12', ...pair.split(' '), ...options);
    return inputs.file('gnu.p12');
  };

  test.each(['aes-128', '3des', 'rc2-40'])('%s', async (cipher) => {
    expect(await read(made('--password', PASSPHRASE, '--pkcs-cipher', cipher), PASSPHRASE)).toEqual(pairOf('rsa', []));
  });

  test.each(['--empty-password', '--null-password'])('%s', async (option) => {
    expect(await read(made(option))).toEqual(pairOf('rsa', []));
  });
});

describe('private keys', () => {
  test('SEC1 behind its parameters, PKCS#1 and PKCS#8', async () => {
    inputs.openssl('ecparam -name prime256v1 -out params.pem');
    inputs.openssl('pkey -traditional -in ec.key -out ec1.key');
    inputs.openssl('pkey -traditional -in rsa.key -out rsa1.key');
    const withParameters = Buffer.from(inputs.text('params.pem') + inputs.text('ec1.key'));
    expect(await read({ name: 'f', bytes: withParameters })).toEqual(keyOf('ec', ['CONVERTED_KEY']));
    expect(await read(inputs.file('rsa1.key'))).toEqual(keyOf('rsa', ['CONVERTED_KEY']));
    expect(await read(inputs.file('ed.key'), 'unneeded')).toEqual(keyOf('ed', []));
  });

  const PKCS8: readonly (readonly [string, string])[] = [
    ['AES-256', ''],
    ['AES-128 and HMAC with SHA-512', '-v2 aes128 -v2prf hmacWithSHA512'],
    ['3DES and HMAC with SHA-1', '-v2 des3 -v2prf hmacWithSHA1'],
    ['scrypt', '-scrypt'],
    ['3DES of PKCS#12', '-v1 PBE-SHA1-3DES'],
    ['RC2-40 of PKCS#12', '-v1 PBE-SHA1-RC2-40'],
  ];
  test.each(PKCS8.flatMap(([title, options]) => KINDS.map((kind) => [title, kind, options] as const)))(
    'PKCS#8, encrypted with %s: %s',
    async (_, kind, options) => {
      const file = inputs.pkcs8('enc.key', kind, options);
      expect(await read(file, PASSPHRASE)).toEqual(keyOf(kind, ['DECRYPTED_KEY']));
      expect(await read(file, 'other')).toEqual({ ...NOTHING, findings: ['WRONG_PASSPHRASE enc.key, key 1'] });
      expect(await read(file)).toEqual({ ...NOTHING, locked: ['enc.key, key 1'] });
    },
  );

  test('PKCS#8, encrypted, as DER', async () => {
    expect(await read(inputs.pkcs8('enc.der', 'ec', '-outform DER'), PASSPHRASE)).toEqual(
      keyOf('ec', ['CONVERTED_DER', 'DECRYPTED_KEY']),
    );
  });

  test.each([
    ['rsa', '-aes256'],
    ['rsa', '-des3'],
    ['rsa', '-camellia128'],
    ['ec', '-aes128'],
  ])('%s with PEM headers that say how it is encrypted: %s', async (kind, cipher) => {
    inputs.openssl(
      `${kind} ${kind === 'rsa' ? '-traditional ' : ''}-in ${kind}.key ${cipher} -passout pass:secret -out dek.key`,
    );
    expect(inputs.text('dek.key')).toContain('DEK-Info');
    const file = inputs.file('dek.key');
    expect(await read(file, PASSPHRASE)).toMatchObject({ keys: [inputs.text(`${kind}.key`)], findings: [] });
    expect(await read(file, 'other')).toEqual({ ...NOTHING, findings: ['WRONG_PASSPHRASE dek.key, key 1'] });
    expect(await read(file)).toEqual({ ...NOTHING, locked: ['dek.key, key 1'] });
    const inOneLine = { name: 'f', bytes: Buffer.from(inputs.text('dek.key').replaceAll('\n', ' ')) };
    expect(await read(inOneLine, PASSPHRASE)).toMatchObject({ keys: [inputs.text(`${kind}.key`)], findings: [] });
  });

  test.each([
    ['PBE with MD5 and DES', 'pkcs8 -topk8 -v1 PBE-MD5-DES'],
    ['PBE with SHA-1 and RC4', 'pkcs8 -topk8 -v1 PBE-SHA1-RC4-128'],
    ['PEM headers with DES', 'rsa -traditional -des'],
  ])('%s: the message says how to convert it', async (_, command) => {
    inputs.openssl(`${command} -provider legacy -provider default -in rsa.key -passout pass:secret -out old.key`);
    for (const passphrase of [undefined, PASSPHRASE]) {
      const { findings, keys, locked } = await readFiles([inputs.file('old.key')], passphrase);
      expect([keys, locked]).toEqual([[], []]);
      expect(findings).toMatchObject([
        { code: 'UNSUPPORTED_CIPHER', remedy: expect.stringContaining('`openssl pkey ') },
      ]);
    }
  });

  test.each<[string, string, () => InputFile]>([
    ['key', 'pkey', () => inputs.pkcs8('old', 'rsa', '-v1 PBE-MD5-DES')],
    ['PKCS#12 file', 'pkcs12', () => inputs.pkcs12('old', 'rsa', '-legacy -keypbe PBE-SHA1-RC4-128')],
  ])('the command that the message names converts a %s', async (_, command, make) => {
    const { findings } = await readFiles([make()], PASSPHRASE);
    const line = findings[0]?.remedy.split('`').find((part) => part.startsWith(`openssl ${command} `)) ?? '';
    const [program = '', ...flags] = line.replace('FILE', 'old').split(' ');
    inputs.run(program, ...flags, '-passin', 'pass:secret', '-passout', 'pass:secret');
    expect(await read(inputs.file('new.pem'), PASSPHRASE)).toMatchObject({
      keys: [inputs.text('rsa.key')],
      findings: [],
    });
  });

  test('scrypt that takes too long is refused before it is done', async () => {
    const bytes = Buffer.from(inputs.pkcs8('s.der', 'ec', '-scrypt -outform DER').bytes);
    const parameters = bytes.indexOf('02024000020108020101', 0, 'hex');
    expect(parameters).toBeGreaterThan(0);
    bytes.write('0202400002010802017f', parameters, 'hex');
    for (const passphrase of [undefined, PASSPHRASE]) {
      expect((await read({ name: 'f', bytes }, passphrase)).findings).toEqual(['KDF_TOO_EXPENSIVE f']);
    }
  });

  test.each([
    ['a cost that is no power of two', 16383, 8, 'CONTAINER_DAMAGED'],
    ['a cost too high for the block', 131_072, 1, 'CONTAINER_DAMAGED'],
    ['a cost of one', 1, 8, 'CONTAINER_DAMAGED'],
    ['a block of nothing', 16_384, 0, 'CONTAINER_DAMAGED'],
    ['a block that takes too much memory', 32_768, 64, 'KDF_TOO_EXPENSIVE'],
    ['usual parameters, but another key', 16_384, 8, 'WRONG_PASSPHRASE'],
  ])('scrypt with %s', async (_, cost, block, code) => {
    inputs.write(
      'scrypt.cnf',
      `asn1=SEQUENCE:key
[key]
algorithm=SEQUENCE:pbes2
data=FORMAT:HEX,OCTETSTRING:${'00'.repeat(32)}
[pbes2]
oid=OID:PBES2
parameters=SEQUENCE:parts
[parts]
derivation=SEQUENCE:scrypt
cipher=SEQUENCE:aes
[scrypt]
oid=OID:id-scrypt
parameters=SEQUENCE:costs
[costs]
salt=FORMAT:HEX,OCTETSTRING:0001020304050607
n=INTEGER:${cost}
r=INTEGER:${block}
p=INTEGER:1
[aes]
oid=OID:aes-256-cbc
iv=FORMAT:HEX,OCTETSTRING:${'00'.repeat(16)}
`,
    );
    inputs.openssl('asn1parse -genconf scrypt.cnf -noout -out scrypt.der');
    const { findings } = await readFiles([inputs.file('scrypt.der')], PASSPHRASE);
    expect(findings).toMatchObject([{ code }]);
  });

  test('many keys that are each affordable are not so together', async () => {
    const one = Buffer.from(inputs.pkcs8('one.key', 'ed', '-iter 2800000').bytes);
    const file = { name: 'f', bytes: Buffer.concat([one, one]) };
    const { keys, findings } = await read(file, PASSPHRASE);
    expect([keys.length, findings]).toEqual([1, ['KDF_TOO_EXPENSIVE f']]);
  });

  test('each file has its own allowance of rounds', async () => {
    const { bytes } = inputs.pkcs8('one.key', 'ed', '-iter 2800000');
    const files = ['f', 'g'].map((name) => ({ name, bytes }));
    expect((await readFiles(files, PASSPHRASE)).keys).toHaveLength(2);
  });

  test('of several keys each is opened by the one passphrase, or named', async () => {
    const text = inputs.text('ed.key') + Buffer.from(inputs.pkcs8('a.key', 'ec').bytes).toString();
    const { keys, locked } = await readFiles([{ name: 'keys.pem', bytes: Buffer.from(text) }], undefined);
    expect(keys.map(({ source }) => source)).toEqual(['keys.pem, key 1']);
    expect(locked).toEqual(['keys.pem, key 2']);
  });
});
