// Covers: src/certificate/import/lint/, src/cli/check-host.ts, src/cli/import-cert/command.ts
// Covers: src/cli/import-cert/examined.ts, src/cli/import-cert/input.ts, src/cli/import-cert/render.ts
// Covers: src/cli/import-cert/report.ts, src/cli/import-cert/run.ts, src/front-door/examine.ts

/** Every row of the table of cases, by the real program on a folder; every certificate is made by openssl. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  caExtensions,
  type KeyName,
  type Made,
  make,
  makeIntermediate,
  makeLeaf,
  makeRoot,
  privateKey,
  type RotationIntent,
  serverExtensions,
} from '../../support/openssl-pki.ts';
import { copyOf, fingerprintOf, run } from '../../support/program.ts';
import {
  documentOf,
  errorsIn,
  FQDN,
  fingerprintIn,
  INGRESS,
  OTHER_KEY,
  Pki,
  pairFor,
  pkcs8,
  repairsIn,
  SAN,
  storedPair,
  WITH_DOMAIN,
  warningsIn,
} from './import-bed.ts';
import { type Finding, install, readObject, writeObject } from './store.ts';
import { AS_NOBODY, haveTools, mayBeRunByOthers } from './tools.ts';
import { startWarm } from './warm.ts';

const DAY = 86_400_000;
const NOW = Date.now();
const between = (from: number, to: number) => [new Date(NOW + from * DAY), new Date(NOW + to * DAY)] as const;

describe.skipIf(!haveTools('openssl')).concurrent('import-cert', () => {
  const warm = startWarm(2);
  const pki = new Pki();
  const { root, intermediate, leaf } = pki;
  let store = '';
  let before: ReturnType<typeof fingerprintOf>;

  beforeAll(async () => {
    store = await install(WITH_DOMAIN);
    before = fingerprintOf(store, { times: true });
  });

  const importing = (flags: readonly string[], folder: string) =>
    warm.run(['import-cert', '--dir', folder, '-o', 'json', ...flags]);

  /** It is refused with these errors, and not a byte of the store is another. */
  async function refused(flags: readonly string[], codes: readonly string[], exit = 4): Promise<readonly Finding[]> {
    const outcome = await importing(flags, store);
    expect([outcome.code, fingerprintOf(store, { times: true })], outcome.stderr).toEqual([exit, before]);
    const document = documentOf(outcome);
    expect([document.kind, document.accepted, document.stored]).toEqual(['ImportResult', false, false]);
    expect([...errorsIn(document)].sort()).toEqual([...codes].sort());
    for (const { message, remedy } of document.findings) expect([message, remedy]).not.toContain('');
    expect(outcome.stderr).toMatch(/^palette-keys: error: /);
    expect(outcome.stderr).toMatch(/^palette-keys: hint: .*Nothing was written\.$/m);
    return document.findings;
  }

  interface Taken {
    readonly repairs?: readonly string[];
    readonly warnings?: readonly string[];
    /** What the Secret must hold. */
    readonly stored?: readonly Made[];
  }

  /** It is taken, and the Secret holds the canonical chain with its key. */
  async function taken(flags: readonly string[], { repairs = [], warnings = [], stored }: Taken = {}): Promise<void> {
    const folder = copyOf(store);
    const outcome = await importing(flags, folder);
    expect(outcome.code, outcome.stderr).toBe(0);
    const document = documentOf(outcome);
    expect([document.accepted, document.stored, document.object]).toEqual([true, true, INGRESS]);
    expect([repairsIn(document), warningsIn(document)]).toEqual([[...repairs].sort(), warnings]);
    expect(storedPair(folder)).toEqual(pairFor(...(stored ?? [leaf, intermediate])));
  }

  const chainText = leaf.pem + intermediate.pem;
  const withChain = (content: string | Uint8Array) => ['--cert', pki.file(content), '--key', pki.key, '--ca', pki.ca];
  const withKey = (content: string | Uint8Array) => ['--cert', pki.chain, '--key', pki.file(content), '--ca', pki.ca];
  const utf16 = (bom: string, swap: boolean) => {
    const bytes = Buffer.from(bom + chainText, 'utf16le');
    return swap ? bytes.swap16() : bytes;
  };
  const oneLine = (text: string) => text.replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '');

  describe('repairs what is mechanical, and says so', () => {
    const TEXTS: readonly (readonly [string, string | Uint8Array, string])[] = [
      ['CRLF', chainText.replaceAll('\n', '\r\n'), 'LINE_ENDS'],
      ['CR only', chainText.replaceAll('\n', '\r'), 'LINE_ENDS'],
      ['a byte order mark', `\uFEFF${chainText}`, 'BYTE_ORDER_MARK'],
      ['UTF-16 of Windows', utf16('\uFEFF', false), 'UTF16'],
      ['UTF-16 of the other order', utf16('\uFEFF', true), 'UTF16'],
      ['UTF-16 without a mark', utf16('', false), 'UTF16'],
      ['indented', chainText.replaceAll(/^/gm, '    ').trimEnd(), 'INDENTED'],
      ['line ends written as \\n', chainText.replaceAll('\n', '\\n'), 'ESCAPED_NEWLINES'],
      ['base64 in one line', oneLine(chainText), 'ONE_LINE'],
      ['base64 of PEM', Buffer.from(chainText).toString('base64'), 'BASE64_WRAPPED'],
      [
        'base64 of PEM, wrapped',
        Buffer.from(chainText).toString('base64').replaceAll(/.{64}/g, '$&\n'),
        'BASE64_WRAPPED',
      ],
      ['END and BEGIN in one line', chainText.replaceAll('----\n-----B', '---------B'), 'GLUED_BLOCKS'],
      ['headed X509 CERTIFICATE', chainText.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE'), 'TRUSTED_HEADER'],
      ['text around the blocks', `subject=/CN=x\n${chainText}\nbye\n`, 'SURROUNDING_TEXT'],
    ];

    it.each(TEXTS)('%s', async (_, content, code) => {
      await taken(withChain(content), { repairs: [code] });
    });

    it('headed TRUSTED CERTIFICATE by openssl', async () => {
      const trusted = execFileSync('openssl', ['x509', '-in', leaf.file, '-addtrust', 'serverAuth', '-trustout']);
      await taken(withChain(trusted + intermediate.pem), { repairs: ['TRUSTED_HEADER'] });
    });

    it('wrong order, duplicates, strays, the root included', async () => {
      const stray = makeRoot({ subject: '/CN=Stray', keyName: OTHER_KEY });
      await taken(withChain([root, intermediate, stray, leaf, leaf].map(({ pem }) => pem).join('')), {
        repairs: ['DUPLICATE_DROPPED', 'ROOT_DROPPED', 'STRAY_DROPPED', 'WRONG_ORDER'],
      });
    });

    it('an intermediate that --chain or --ca brings', async () => {
      await taken(['--cert', leaf.file, '--chain', intermediate.file, '--key', pki.key, '--ca', pki.ca]);
      const bundle = pki.file(intermediate.pem + root.pem);
      await taken(['--cert', leaf.file, '--key', pki.key, '--ca', bundle], { repairs: ['ISSUER_ADDED'] });
    });

    it('a key that fits another certificate of the file makes that one the leaf', async () => {
      const other = pki.server({ keyName: OTHER_KEY });
      await taken(withChain(other.pem + chainText), { repairs: ['STRAY_DROPPED'] });
    });

    it('of cross-signed roots the shortest path that does not expire; the other is warned of', async () => {
      const old = makeRoot({ subject: '/CN=Old Root', keyName: 'p256-7', days: 40 });
      const cross = make({ subject: '/CN=Root CA', keyName: 'p256-1', issuer: old, extensions: caExtensions() });
      const flags = ['--cert', pki.file(chainText + cross.pem), '--key', pki.key, '--ca', pki.file(old.pem + root.pem)];
      await taken(flags, { repairs: ['STRAY_DROPPED'], warnings: ['OTHER_PATH_EXPIRES'] });
    });
  });

  describe('takes what real enterprises have, and warns where it helps', () => {
    const chainOf = (
      leafWish: Partial<RotationIntent>,
      middle: Partial<RotationIntent> = {},
      top: Partial<RotationIntent> = {},
    ) => {
      const anchor = makeRoot({ subject: '/CN=Private Root', ...top });
      const issuing = makeIntermediate(anchor, middle);
      const end = makeLeaf(issuing, { extensions: serverExtensions(SAN), ...leafWish });
      return { anchor, chain: [end, issuing] };
    };
    const lines = (...replaced: string[]) => ({ extensions: serverExtensions(SAN, ...replaced) });
    const rsa = { keyName: 'rsa2048-1' } as const;
    const pss = ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_mgf1_md:sha256'];
    const ROWS: readonly (readonly [string, () => ReturnType<typeof chainOf>, readonly string[]])[] = [
      ['a good certificate', () => chainOf({}), []],
      ['an RSA key', () => chainOf({ keyName: 'rsa2048-3' }), []],
      ['a P-384 key', () => chainOf({ keyName: 'p384-3' }), []],
      ['no EKU', () => chainOf(lines('extendedKeyUsage=')), ['NO_EKU']],
      [
        'no key identifiers',
        () => chainOf(lines('subjectKeyIdentifier=', 'authorityKeyIdentifier=none')),
        ['PROFILE_DEVIATION'],
      ],
      [
        'basicConstraints that are not critical',
        () => chainOf({}, { extensions: caExtensions('basicConstraints=CA:true') }),
        ['PROFILE_DEVIATION'],
      ],
      [
        'name constraints that are not critical',
        () => chainOf({}, { extensions: caExtensions('nameConstraints=permitted;DNS:example.org') }),
        ['PROFILE_DEVIATION'],
      ],
      [
        'a root of version 1',
        () => chainOf({}, { extensions: caExtensions('authorityKeyIdentifier=none') }, { extensions: [] }),
        ['PROFILE_DEVIATION'],
      ],
      ['a root signed with SHA-1', () => chainOf({}, {}, { options: ['-sha1'] }), []],
      ['a common name that the SAN does not have', () => chainOf({ subject: '/CN=Front Door' }), []],
      ['900 days below a private root', () => chainOf({ days: 900 }), ['LONG_VALIDITY']],
      ['a PSS signature with SHA-256', () => chainOf({}, { ...rsa, options: [] }, {}), []],
      ['a PSS signature on the leaf', () => chainOf({ options: pss }, rsa), []],
      ['less than 30 days left', () => chainOf({ days: 20 }), ['EXPIRES_SOON']],
      ['past two thirds of its life', () => chainOf({ validity: between(-200, 50) }), ['EXPIRES_SOON']],
      [
        'odd names that the FQDN does not need',
        () => chainOf({ extensions: serverExtensions(`${SAN},DNS:a_b.example.org,URI:urn:x,email:a@b.example`) }),
        [],
      ],
    ];

    it.each(ROWS)('%s', async (_, made, warnings) => {
      const { anchor, chain } = made();
      const files = [
        '--cert',
        pki.file(chain.map(({ pem }) => pem).join('')),
        '--key',
        pki.file(pkcs8(chain[0] as Made)),
      ];
      const outcome = await importing([...files, '--ca', anchor.file, '--verify-only', '--fqdn', FQDN], store);
      expect(outcome.code, outcome.stderr).toBe(0);
      const document = documentOf(outcome);
      expect([document.accepted, document.stored, document.object]).toEqual([true, false, undefined]);
      expect([repairsIn(document), warningsIn(document)]).toEqual([[], warnings]);
      expect(document.chain?.map(({ fingerprint }) => fingerprint)).toEqual([...chain, anchor].map(fingerprintIn));
    });

    it('five levels', async () => {
      const authorities = [root];
      for (const n of [1, 2, 3])
        authorities.unshift(
          makeIntermediate(authorities[0] ?? root, { subject: `/CN=CA ${n}`, keyName: `p256-${20 + n}` }),
        );
      const chain = [
        makeLeaf(authorities[0] ?? root, { extensions: serverExtensions(SAN) }),
        ...authorities.slice(0, -1),
      ];
      await taken(pki.flags(chain[0], chain.slice(1)), { stored: chain });
    });

    it('names that get lost: of the previous address, of tenants, of the certificate before', async () => {
      const folder = copyOf(store);
      expect((await importing(pki.flags(pki.server({ san: `${SAN},DNS:old.example.com` })), folder)).code).toBe(0);
      const flags = [
        ...pki.flags(pki.server({ san: `DNS:${FQDN}` })),
        '--previous-fqdn',
        'before.example.org',
        '--yes',
      ];
      const outcome = await importing(flags, folder);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(warningsIn(documentOf(outcome))).toEqual(['PREVIOUS_FQDN_MISSING', 'TENANT_NAMES_MISSING', 'NAMES_LOST']);
    });

    it('an IP address as FQDN, where the SAN has it as an address', async () => {
      const fqdn = ['--fqdn', '192.0.2.1'];
      const good = pki.server({ san: `IP:192.0.2.1,${SAN}` });
      await taken([...pki.flags(good), ...fqdn], { stored: [good, intermediate] });
      await refused([...pki.flags(pki.server({ san: `DNS:192.0.2.1,${SAN}` })), ...fqdn], ['SAN_MISMATCH']);
    });
  });

  describe('refuses what is neither a certificate nor a key, and names what it is', () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const FOREIGN: readonly (readonly [string, () => string | Uint8Array, string])[] = [
      [
        'an OpenSSH private key',
        () => {
          const file = path.join(pki.folder, 'ssh');
          execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
          return execFileSync('cat', [file]);
        },
        'an OpenSSH private key',
      ],
      ['a public key', () => openssl('pkey', '-in', pki.key, '-pubout'), 'a public key'],
      ['a CSR', () => openssl('req', '-new', '-key', pki.key, '-subj', '/CN=x'), 'a certificate signing request'],
      [
        'a CRL',
        () => {
          const config = pki.file(
            `[ca]\ndefault_ca=a\n[a]\ndatabase=${pki.file('')}\ndefault_md=sha256\ndefault_crl_days=9\n`,
          );
          return openssl('ca', '-gencrl', '-config', config, '-cert', root.file, '-keyfile', pki.file(pkcs8(root)));
        },
        'a certificate revocation list',
      ],
      ['a page to log in at', () => '<!DOCTYPE html><html><body>Log in</body></html>', 'a web page (HTML)'],
    ];

    it.each(FOREIGN.filter(([name]) => !name.includes('SSH') || haveTools('ssh-keygen')))(
      '%s',
      async (_, make_, named) => {
        const findings = await refused(withChain(make_()), ['NOT_A_CERTIFICATE']);
        expect(findings[0]?.message).toContain(named);
      },
    );

    it('an empty file', () => refused(withChain(''), ['EMPTY_FILE']).then(() => undefined));

    it('swapped files', async () => {
      const findings = await refused(['--cert', pki.key, '--key', pki.chain, '--ca', pki.ca], ['FILES_SWAPPED']);
      expect(findings[0]?.message).toContain('is a certificate');
      // One file for both is not swapped.
      const both = pki.file(pkcs8(leaf) + chainText);
      await taken(['--cert', both, '--key', both, '--ca', pki.ca]);
    });

    it('a folder', async () => {
      const folder = path.join(pki.folder, 'folder');
      mkdirSync(folder);
      for (const flags of [
        ['--cert', folder, '--key', pki.key],
        [...withChain(chainText), '--ca', folder],
      ]) {
        const findings = await refused(flags, ['FILE_UNREADABLE']);
        expect(findings[0]).toMatchObject({ subject: folder, message: 'It is a folder, not a file.' });
      }
    });

    it('a file that may not be read', {
      skip: process.getuid?.() !== 0 || !haveTools('setpriv') || !mayBeRunByOthers(),
    }, async () => {
      execFileSync('chmod', ['711', path.dirname(pki.folder), pki.folder]);
      const flags = ['import-cert', '--verify-only', '--fqdn', FQDN, '--cert', pki.key, '-o', 'json'];
      const through = ['setpriv', ...AS_NOBODY];
      const outcome = await run(flags, { through, cwd: '/', env: { HOME: '/', TMPDIR: '/' } });
      expect([outcome.code, errorsIn(documentOf(outcome))], outcome.stderr).toEqual([4, ['FILE_UNREADABLE']]);
    });

    it('a file that is not there is wrong usage', async () => {
      const outcome = await importing(['--cert', path.join(pki.folder, 'nowhere'), '--key', pki.key], store);
      expect([outcome.code, JSON.parse(outcome.stdout)]).toMatchObject([2, { kind: 'Error', code: 'USAGE' }]);
    });
  });

  describe('refuses what cannot work, and says why', () => {
    const spki = (name: KeyName) =>
      `SHA256:${createHash('sha256')
        .update(
          execFileSync('openssl', ['pkey', '-pubout', '-outform', 'DER'], { input: pkcs8({ key: privateKey(name) }) }),
        )
        .digest('hex')}`;
    const messageOf = (findings: readonly Finding[], code: string) =>
      findings.find((finding) => finding.code === code)?.message ?? '';

    it('a key that fits no certificate, with both fingerprints', async () => {
      const findings = await refused(withKey(pkcs8({ key: privateKey(OTHER_KEY) })), ['CERT_KEY_MISMATCH']);
      const message = messageOf(findings, 'CERT_KEY_MISMATCH');
      expect(message).toContain(spki(OTHER_KEY));
      expect(message).toContain(spki('p256-3'));
    });

    it('no key at all', () => refused(['--cert', pki.chain, '--ca', pki.ca], ['KEY_MISSING']).then(() => undefined));

    it('a missing intermediate, with its issuer, key identifier and where it can be had', async () => {
      const lone = pki.server({ lines: ['authorityInfoAccess=caIssuers;URI:http://pki.example/ca.crt'] });
      const message = messageOf(await refused(pki.flags(lone, []), ['MISSING_INTERMEDIATE']), 'MISSING_INTERMEDIATE');
      const text = execFileSync('openssl', [
        'x509',
        '-in',
        intermediate.file,
        '-noout',
        '-ext',
        'subjectKeyIdentifier',
      ]);
      const identifier = text.toString().split('\n')[1]?.trim().replaceAll(':', '').toLowerCase() ?? '-';
      expect(message).toContain('CN=Issuing CA');
      expect(message).toContain(identifier);
      expect(message).toContain('http://pki.example/ca.crt');
    });

    it('a private root inside the bundle, until --trust-root has its fingerprint', async () => {
      const flags = ['--cert', pki.file(chainText + root.pem), '--key', pki.key];
      const findings = await refused(flags, ['UNTRUSTED_ROOT']);
      const pin = /SHA256:[0-9a-f]{64}/.exec(findings[0]?.remedy ?? '')?.[0] ?? '';
      expect(pin).toBe(`SHA256:${createHash('sha256').update(root.x509.raw).digest('hex')}`);
      await taken([...flags, '--trust-root', pin], { repairs: ['ROOT_DROPPED'] });
      await refused([...withChain(chainText), '--trust-root', pin.replace(/.{4}$/, 'beef')], ['TRUST_ROOT_ABSENT']);
    });

    it('a chain that fits by name alone', () => {
      const renewed = makeIntermediate(root, { keyName: 'p256-8' });
      return refused(pki.flags(leaf, [renewed]), ['ISSUER_UNFIT']).then(() => undefined);
    });

    it('a self-signed certificate, until it is allowed', async () => {
      const own = make({ subject: '/CN=own', keyName: 'p256-3', extensions: serverExtensions(SAN) });
      const flags = ['--cert', own.file, '--key', pki.key];
      expect(messageOf(await refused(flags, ['SELF_SIGNED_LEAF']), 'SELF_SIGNED_LEAF')).toMatch(/browser/i);
      await taken([...flags, '--allow', 'SELF_SIGNED_LEAF'], { warnings: ['SELF_SIGNED_LEAF'], stored: [own] });
    });

    const dated = (end: Partial<RotationIntent>, middle: Partial<RotationIntent>, top: Partial<RotationIntent>) => {
      const anchor = makeRoot({ subject: '/CN=Dated Root', keyName: 'p256-5', ...top });
      const issuing = makeIntermediate(anchor, { keyName: 'p256-6', ...middle });
      const last = makeLeaf(issuing, { extensions: serverExtensions(SAN), ...end });
      return ['--cert', pki.file(last.pem + issuing.pem), '--key', pki.key, '--ca', anchor.file];
    };
    const past = { validity: between(-30, -2) };
    const future = { validity: between(2, 60) };
    it.each([
      ['the certificate', () => dated(past, {}, {}), 'CERT_EXPIRED', 'The certificate'],
      ['the intermediate', () => dated({}, past, {}), 'CERT_EXPIRED', 'The intermediate'],
      ['the root', () => dated({}, {}, past), 'CERT_EXPIRED', 'The trusted CA'],
      ['the certificate', () => dated(future, {}, {}), 'CERT_NOT_YET_VALID', 'The certificate'],
      ['the intermediate', () => dated({}, future, {}), 'CERT_NOT_YET_VALID', 'The intermediate'],
      ['the root', () => dated({}, {}, future), 'CERT_NOT_YET_VALID', 'The trusted CA'],
    ])('dates: %s is named', async (_, flags, code, named) => {
      const findings = await refused(flags(), [code]);
      expect(messageOf(findings, code)).toMatch(new RegExp(`^${named}`));
      if (code === 'CERT_NOT_YET_VALID') expect(messageOf(findings, code)).toContain('the clock shows');
    });

    const NAMES: readonly (readonly [string, string | undefined, string])[] = [
      ['another name', 'DNS:other.example.org,DNS:more.example.org', 'other.example.org, more.example.org'],
      ['a wildcard for the apex', `DNS:*.${FQDN}`, `does not cover ${FQDN} itself`],
      ['a wildcard over two labels', 'DNS:*.org', 'covers one label only'],
      ['a partial wildcard', 'DNS:pal*.example.org', 'only as the whole first label'],
      ['an address alone', 'IP:192.0.2.1', '192.0.2.1'],
      ['a common name alone', undefined, 'common name'],
    ];
    it.each(NAMES)('a name that is not covered: %s', async (_, san, said) => {
      const extensions = serverExtensions(san);
      const end = makeLeaf(intermediate, { extensions });
      expect(messageOf(await refused(pki.flags(end), ['SAN_MISMATCH']), 'SAN_MISMATCH')).toContain(said);
    });

    const keys = (keyName: KeyName) => () => pki.flags(pki.server({ keyName }));
    const lines =
      (...replaced: string[]) =>
      () =>
        pki.flags(pki.server({ lines: replaced }));
    const options =
      (...more: string[]) =>
      () =>
        pki.flags(pki.server({ options: more }));
    const below =
      (middle: Partial<RotationIntent>, end: Partial<RotationIntent> = {}) =>
      () => {
        const issuing = makeIntermediate(root, middle);
        return pki.flags(makeLeaf(issuing, { extensions: serverExtensions(SAN), ...end }), [issuing]);
      };
    const ROWS: readonly (readonly [string, () => readonly string[], readonly string[]])[] = [
      ['RSA of 1024 bits', keys('rsa1024-3'), ['WEAK_KEY']],
      ['an RSASSA-PSS public key', keys('rsapss-3'), ['WEAK_KEY']],
      ['DSA', keys('dsa-3'), ['WEAK_KEY']],
      ['secp256k1', keys('secp256k1-3'), ['WEAK_KEY']],
      ['Ed448', keys('ed448-3'), ['WEAK_KEY']],
      ['SHA-1 on the certificate', options('-sha1'), ['WEAK_SIGNATURE']],
      ['SHA-1 on an intermediate', below({ options: ['-sha1'] }), ['WEAK_SIGNATURE']],
      ['MD5', below({ keyName: 'rsa2048-1' }, { options: ['-md5'] }), ['WEAK_SIGNATURE']],
      ['a negative serial', () => pki.flags(pki.server({ serial: '-5' })), ['NEGATIVE_SERIAL']],
      ['an EKU without serverAuth', lines('extendedKeyUsage=clientAuth'), ['EKU_WITHOUT_SERVER_AUTH']],
      ['a key usage without digitalSignature', lines('keyUsage=critical,keyEncipherment'), ['NO_DIGITAL_SIGNATURE']],
      ['keyCertSign without CA', lines('keyUsage=critical,digitalSignature,keyCertSign'), ['KEY_CERT_SIGN_WITHOUT_CA']],
      [
        'a CA as leaf',
        () =>
          pki.flags(pki.server({ lines: ['basicConstraints=critical,CA:true', 'keyUsage=critical,digitalSignature'] })),
        ['CA_AS_LEAF'],
      ],
      [
        'name constraints that are violated',
        below({ extensions: caExtensions('nameConstraints=critical,permitted;DNS:example.com') }),
        ['NAME_CONSTRAINTS_VIOLATED'],
      ],
      [
        'a wildcard that may stand for an excluded name',
        below({ extensions: caExtensions(`nameConstraints=critical,excluded;DNS:secret.${FQDN}`) }),
        ['NAME_CONSTRAINTS_VIOLATED'],
      ],
      ['an unknown critical extension', lines('1.2.3.4=critical,ASN1:NULL'), ['UNKNOWN_CRITICAL_EXTENSION']],
    ];
    it.each(ROWS)('%s', async (_, flags, codes) => {
      await refused(flags(), codes);
    });

    it.each([
      ['P-521', keys('p521-3'), 'P521_KEY'],
      ['Ed25519', keys('ed25519-3'), 'ED25519_KEY'],
      ['must-staple', lines('tlsfeature=status_request'), 'MUST_STAPLE'],
    ])('%s, until it is allowed', async (_, flags, code) => {
      const given = flags();
      await refused(given, [code]);
      const folder = copyOf(store);
      const outcome = await importing([...given, '--allow', code], folder);
      expect([outcome.code, warningsIn(documentOf(outcome))], outcome.stderr).toEqual([0, [code]]);
      expect(storedPair(folder).fits).toBe(true);
    });

    it.each(['WEAK_KEY', 'NO_SUCH_CODE', 'NO_EKU', 'weak_key'])('--allow %s is wrong usage', async (code) => {
      const outcome = await importing([...pki.flags(), '--allow', code], store);
      expect([outcome.code, JSON.parse(outcome.stdout)]).toMatchObject([2, { kind: 'Error', code: 'USAGE' }]);
      expect(fingerprintOf(store, { times: true })).toEqual(before);
    });

    it('several leaves or keys, where nobody is there to ask', async () => {
      const renewed = pki.server({ days: 200 });
      await refused(withChain(renewed.pem + chainText), ['SEVERAL_LEAVES']);
      await refused(withKey(pkcs8(leaf) + pkcs8({ key: privateKey(OTHER_KEY) })), ['SEVERAL_KEYS']);
    });

    it('what is too large, too many or too deep', async () => {
      const names = (count: number, tail: string) =>
        Array.from({ length: count }, (_, n) => `DNS:n${n}.${tail}`).join();
      const crowded = pki.server({ san: `${SAN},${names(999, 'example.org')}` });
      await refused(pki.flags(crowded), ['TOO_MANY_NAMES']);
      const large = pki.server({ san: `${SAN},${names(990, `${'label-of-some-length.'.repeat(3)}example.org`)}` });
      await refused(pki.flags(large), ['PAIR_TOO_LARGE']);
      await refused(withChain(leaf.pem + intermediate.pem.repeat(100)), ['TOO_MANY_CERTIFICATES']);
      const authorities = [root];
      for (let n = 1; n < 10; n += 1)
        authorities.unshift(
          makeIntermediate(authorities[0] ?? root, { subject: `/CN=D${n}`, keyName: `p256-${20 + n}` }),
        );
      const deep = makeLeaf(authorities[0] ?? root, { extensions: serverExtensions(SAN) });
      await refused(pki.flags(deep, authorities.slice(0, -1)), ['CHAIN_TOO_DEEP']);
    });

    it('all faults at once', async () => {
      const bad = makeLeaf(intermediate, {
        keyName: 'rsa1024-3',
        serial: '-5',
        extensions: serverExtensions('DNS:other.example.org', 'extendedKeyUsage=clientAuth'),
      });
      const codes = ['CERT_KEY_MISMATCH', 'EKU_WITHOUT_SERVER_AUTH', 'MISSING_INTERMEDIATE'];
      await refused(['--cert', bad.file, '--key', pki.key], [...codes, 'NEGATIVE_SERIAL', 'SAN_MISMATCH', 'WEAK_KEY']);
    });
  });

  it('a Secret that cert-manager keeps is refused with 5, unless that is allowed', async () => {
    const folder = copyOf(store);
    expect((await importing(pki.flags(), folder)).code).toBe(0);
    const object = readObject(folder, INGRESS);
    const annotations = { ...object.metadata.annotations, 'cert-manager.io/certificate-name': 'front-door' };
    writeObject(folder, INGRESS, { ...object, metadata: { ...object.metadata, annotations } });
    const kept = fingerprintOf(folder, { times: true });
    const flags = [...pki.flags(pki.server({ days: 200 })), '--yes'];
    const outcome = await importing(flags, folder);
    expect([outcome.code, errorsIn(documentOf(outcome))], outcome.stderr).toEqual([5, ['CERT_MANAGER_OWNED']]);
    expect(fingerprintOf(folder, { times: true })).toEqual(kept);
    expect((await importing([...flags, '--allow', 'CERT_MANAGER_OWNED'], folder)).code).toBe(0);
  });
});
