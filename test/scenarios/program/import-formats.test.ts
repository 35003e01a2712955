/** Every form in which certificates and keys come, made by other people's programs, imported by the real program. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PASSPHRASE } from '../../certificate/import/inputs.ts';
import { copyOf, fileWith, fingerprintOf, run } from '../../support/program.ts';
import { documentOf, errorsIn, FQDN, Pki, pairFor, pkcs8, repairsIn, storedPair, WITH_DOMAIN } from './import-bed.ts';
import { install } from './store.ts';
import { haveTools } from './tools.ts';
import { startWarm } from './warm.ts';

describe.skipIf(!haveTools('openssl')).concurrent('import-cert of', () => {
  const warm = startWarm(2);
  const pki = new Pki();
  const { intermediate } = pki;
  const leaf = pki.server({ keyName: 'rsa2048-3' });
  const curve = pki.leaf;
  const key = pki.write('rsa.key', pkcs8(leaf));
  const secret = fileWith(`${PASSPHRASE}\n`, 'passphrase');
  const LEGACY = ['-provider', 'legacy', '-provider', 'default'];
  let store = '';
  let before: ReturnType<typeof fingerprintOf>;

  beforeAll(async () => {
    store = await install(WITH_DOMAIN);
    before = fingerprintOf(store, { times: true });
  });

  const importing = (flags: readonly string[], folder: string) =>
    warm.run(['import-cert', '--dir', folder, '-o', 'json', '--ca', pki.ca, ...flags]);

  async function taken(flags: readonly string[], repairs: readonly string[], stored = [leaf, intermediate]) {
    const folder = copyOf(store);
    const outcome = await importing(flags, folder);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(repairsIn(documentOf(outcome))).toEqual([...repairs].sort());
    expect(storedPair(folder)).toEqual(pairFor(...stored));
  }

  async function refused(flags: readonly string[], code: string) {
    const outcome = await importing(flags, store);
    expect([outcome.code, errorsIn(documentOf(outcome))], outcome.stderr).toEqual([4, [code]]);
    expect(fingerprintOf(store, { times: true })).toEqual(before);
    return documentOf(outcome).findings;
  }

  let names = 0;
  /** Runs a tool that writes a file; returns the file. */
  function made(tool: string, line: string, ...more: readonly string[]): string {
    names += 1;
    const out = path.join(pki.folder, `made-${names}`);
    const words = [...line.split(' '), ...more].map((word) => (word === 'OUT' ? out : word));
    execFileSync(tool, words, { cwd: pki.folder, stdio: ['ignore', 'ignore', 'pipe'] });
    return out;
  }
  const openssl = (line: string, ...more: readonly string[]) => made('openssl', line, ...more);
  const pfx = (options: string, passphrase = PASSPHRASE) =>
    openssl(
      `pkcs12 -export -inkey rsa.key -out OUT${options === '' ? '' : ` ${options}`}`,
      ...['-in', leaf.file, '-certfile', intermediate.file, '-passout', `pass:${passphrase}`],
    );
  const opened = (file: string) => ['--pfx', file, '--passphrase-file', secret];
  const chainFiles = ['--cert', leaf.file, '--chain', intermediate.file];

  describe('PKCS#12', () => {
    it.each([
      ['of openssl 3', ''],
      ['of openssl 3 -legacy: RC2-40 and 3DES', '-legacy'],
      ['with 3DES and a SHA-512 MAC', '-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha512'],
      ['with AES-128 and a SHA-1 MAC', '-certpbe AES-128-CBC -keypbe AES-128-CBC -macalg sha1'],
      ['without a MAC', '-nomac'],
    ])('%s', async (_, options) => {
      await taken(opened(pfx(options)), ['CONVERTED_PKCS12']);
    });

    it('of keytool', { skip: !haveTools('keytool') }, async () => {
      const from = ['-srckeystore', pfx(''), '-srcstoretype', 'PKCS12', '-srcstorepass', PASSPHRASE];
      const to = ['-destkeystore', 'OUT', '-deststoretype', 'PKCS12', '-deststorepass', PASSPHRASE];
      await taken(opened(made('keytool', '-importkeystore', ...from, ...to)), ['CONVERTED_PKCS12']);
    });

    it.each(['aes-128', 'rc2-40'])('of certtool, %s', { skip: !haveTools('certtool') }, async (cipher) => {
      const chain = pki.file([leaf, intermediate, pki.root].map(({ pem }) => pem).join(''));
      const line = `--to-p12 --load-privkey rsa.key --p12-name x --outder --outfile OUT --pkcs-cipher ${cipher}`;
      const file = made('certtool', line, '--load-certificate', chain, '--password', PASSPHRASE);
      await taken(opened(file), ['CONVERTED_PKCS12', 'ROOT_DROPPED']);
    });

    it('whose MAC does not fit is told from a wrong passphrase', async () => {
      const file = pfx('');
      const bytes = readFileSync(file);
      // The last fields are the digest, the salt (8 bytes) and the count: 04 08 … 02 02 08 00.
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 16) ^ 1, bytes.length - 16);
      await refused(opened(pki.file(bytes)), 'PFX_MAC_INVALID');
      const wrong = ['--pfx', file, '--passphrase-file', fileWith('wrong\n', 'wrong')];
      const [finding] = await refused(wrong, 'WRONG_PASSPHRASE');
      expect(finding?.subject).toBe(file);
    });

    it.each(['a4', 'a5', 'a6'])('with PBMAC1, example %s of RFC 9579: its MAC is invalid', async (name) => {
      const vector = new URL(`../../certificate/import/vectors/rfc9579-${name}.txt`, import.meta.url);
      const file = pki.file(Buffer.from(readFileSync(vector, 'latin1'), 'base64'));
      await refused(['--pfx', file, '--passphrase-file', fileWith('1234\n', 'pass')], 'PFX_MAC_INVALID');
    });

    it('with a cipher that is not supported says how to convert it', async () => {
      const file = pfx('-legacy -certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-RC4-128');
      const [finding] = await refused(opened(file), 'UNSUPPORTED_CIPHER');
      expect(finding?.remedy).toContain('`openssl pkcs12 ');
    });
  });

  describe('PKCS#7 and DER', () => {
    it.each(['PEM', 'DER'])('PKCS#7 as %s', async (form) => {
      const files = ['-certfile', intermediate.file, '-certfile', leaf.file];
      const bundle = openssl(`crl2pkcs7 -nocrl -outform ${form} -out OUT`, ...files);
      await taken(['--cert', bundle, '--key', key], ['CONVERTED_PKCS7', 'WRONG_ORDER']);
    });

    it('certificate, chain and key as DER', async () => {
      const der = (file: string) => openssl('x509 -outform DER -out OUT', '-in', file);
      const flags = ['--cert', der(leaf.file), '--chain', der(intermediate.file)];
      await taken(
        [...flags, '--key', openssl('pkey -in rsa.key -outform DER -out OUT')],
        ['CONVERTED_DER', 'CONVERTED_KEY'],
      );
    });
  });

  describe('private keys', () => {
    const pass = ['-passout', `pass:${PASSPHRASE}`];
    const RSA: readonly (readonly [string, string, readonly string[]])[] = [
      ['PKCS#1', 'rsa -in rsa.key -traditional -out OUT', ['CONVERTED_KEY']],
      ['PKCS#1, encrypted', 'rsa -in rsa.key -traditional -aes256 -out OUT', ['CONVERTED_KEY', 'DECRYPTED_KEY']],
      ['PKCS#8', 'pkcs8 -topk8 -nocrypt -in rsa.key -out OUT', []],
      ['PKCS#8, encrypted', 'pkcs8 -topk8 -in rsa.key -out OUT', ['DECRYPTED_KEY']],
      ['PKCS#8 with scrypt', 'pkcs8 -topk8 -scrypt -in rsa.key -out OUT', ['DECRYPTED_KEY']],
      ['PKCS#8 as DER', 'pkcs8 -topk8 -in rsa.key -outform DER -out OUT', ['CONVERTED_DER', 'DECRYPTED_KEY']],
    ];
    it.each(RSA)('%s', async (_, line, repairs) => {
      const file = openssl(line, ...(line.includes('nocrypt') ? [] : pass));
      // A passphrase that is not needed is ignored.
      await taken([...chainFiles, '--key', file, '--passphrase-file', secret], repairs);
    });

    it.each([
      ['SEC1', 'ec -in leaf.key -out OUT', ['CONVERTED_KEY']],
      ['SEC1, encrypted', 'ec -in leaf.key -aes128 -out OUT', ['CONVERTED_KEY', 'DECRYPTED_KEY']],
    ])('%s', async (_, line, repairs) => {
      const flags = ['--cert', pki.chain, '--key', openssl(line, ...pass), '--passphrase-file', secret];
      await taken(flags, repairs, [curve, intermediate]);
    });

    it('a wrong passphrase, and a cipher that is not supported, are told apart', async () => {
      const flags = (line: string) => [...chainFiles, '--key', openssl(line, ...pass), '--passphrase-file'];
      await refused([...flags('pkcs8 -topk8 -in rsa.key -out OUT'), fileWith('wrong', 'wrong')], 'WRONG_PASSPHRASE');
      const old = flags(`pkcs8 -topk8 -v1 PBE-MD5-DES ${LEGACY.join(' ')} -in rsa.key -out OUT`);
      const [finding] = await refused([...old, secret], 'UNSUPPORTED_CIPHER');
      expect(finding?.remedy).toContain('`openssl pkey ');
    });

    it('without a passphrase, where nobody is there to ask: exit code 2 names the flag', async () => {
      const file = openssl('pkcs8 -topk8 -in rsa.key -out OUT', ...pass);
      for (const flags of [
        [...chainFiles, '--key', file],
        ['--pfx', pfx('')],
      ]) {
        const { code, stdout, stderr } = await importing(flags, store);
        expect([code, JSON.parse(stdout)]).toMatchObject([2, { kind: 'Error', code: 'USAGE' }]);
        expect(stderr).toContain('--passphrase-file');
      }
      expect(fingerprintOf(store, { times: true })).toEqual(before);
    });

    it.each([
      ['without a line end', PASSPHRASE],
      ['with the line end of Windows', `${PASSPHRASE}\r\n`],
    ])('a passphrase file %s', async (_, text) => {
      const file = openssl('pkcs8 -topk8 -in rsa.key -out OUT', ...pass);
      await taken([...chainFiles, '--key', file, '--passphrase-file', fileWith(text, 'p')], ['DECRYPTED_KEY']);
    });
  });

  describe('standard input', () => {
    const verify = ['import-cert', '--verify-only', '--fqdn', FQDN, '--ca', pki.ca, '-o', 'json'];

    it.each([
      ['all in one', ['--cert', '-'], () => leaf.pem + intermediate.pem + pkcs8(leaf)],
      ['the key alone', [...chainFiles, '--key', '-'], () => pkcs8(leaf)],
    ])('%s', async (_, flags, stdin) => {
      const outcome = await run([...verify, ...flags], { stdin: stdin() });
      expect([outcome.code, documentOf(outcome).accepted], outcome.stderr).toEqual([0, true]);
    });

    it('cannot be two files', async () => {
      const outcome = await run([...verify, '--cert', '-', '--key', '-'], { stdin: leaf.pem });
      expect([outcome.code, JSON.parse(outcome.stdout)]).toMatchObject([2, { kind: 'Error', code: 'USAGE' }]);
    });

    it('that is empty is an empty file', async () => {
      const outcome = await run([...verify, '--cert', '-'], { stdin: '' });
      expect([outcome.code, errorsIn(documentOf(outcome))]).toEqual([4, ['EMPTY_FILE']]);
    });
  });
});
