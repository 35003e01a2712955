// Covers: src/certificate/import/decide.ts, src/certificate/import/lint/profile.ts, src/certificate/import/path/
// Covers: src/certificate/import/read-input.ts, src/certificate/import/repairs.ts

import { createHash, createPrivateKey } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { ImportDecision } from '../../../../src/certificate/import/types.ts';
import { haveTools } from '../../../scenarios/program/tools.ts';
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
} from '../../../support/openssl-pki.ts';
import { processorTime } from '../../../support/processor-time.ts';
import { daysFromNow, decide, errorsOf, warningsOf } from '../request.ts';

const repairsOf = ({ repairs }: ImportDecision): readonly string[] => repairs.map(({ code }) => code);
const storedBy = ({ pair }: ImportDecision): string => Buffer.from(pair?.certificate ?? []).toString();

describe.skipIf(!haveTools('openssl'))('a chain', () => {
  const root = makeRoot();
  const issuing = makeIntermediate(root);
  const leaf = makeLeaf(issuing);
  const stray = makeRoot({ subject: '/CN=Stray', keyName: 'p256-9' });

  test('a complete one is stored as it is, the leaf first, without the root, the key as PKCS#8', async () => {
    const decision = await decide([leaf, issuing], [root]);
    expect([decision.findings, decision.repairs]).toEqual([[], []]);
    expect(decision.chain.map(({ subject }) => subject)).toEqual([
      'CN=palette.example.org',
      'CN=Issuing CA',
      'CN=Root CA',
    ]);
    expect(decision.leaf).toMatchObject({ sans: ['palette.example.org'], keyType: 'P-256', issuer: 'CN=Issuing CA' });
    expect(storedBy(decision)).toBe(leaf.pem + issuing.pem);
    expect(Buffer.from(decision.pair?.key ?? []).toString()).toBe(leaf.key.export({ type: 'pkcs8', format: 'pem' }));
  });

  test('wrong order, duplicates, strays and the root are repaired and said', async () => {
    const all = [root, issuing, stray, leaf, issuing];
    const decision = await decide(all, [root], { keys: [{ key: leaf.key, source: 'key.pem' }] });
    expect(decision.findings).toEqual([]);
    expect(repairsOf(decision)).toEqual(['DUPLICATE_DROPPED', 'WRONG_ORDER', 'STRAY_DROPPED', 'ROOT_DROPPED']);
    expect(storedBy(decision)).toBe(leaf.pem + issuing.pem);
  });

  test('an intermediate that only --ca has is added', async () => {
    const decision = await decide([leaf], [issuing, root]);
    expect([decision.findings, repairsOf(decision)]).toEqual([[], ['ISSUER_ADDED']]);
    expect(storedBy(decision)).toBe(leaf.pem + issuing.pem);
  });

  test('an intermediate may be the anchor, and is sent all the same', async () => {
    const decision = await decide([leaf, issuing], [issuing]);
    expect([decision.findings, storedBy(decision)]).toEqual([[], leaf.pem + issuing.pem]);
  });

  test('a missing intermediate is named, with its key identifier and where it could be had', async () => {
    const extensions = serverExtensions(
      'DNS:palette.example.org',
      'authorityInfoAccess=caIssuers;URI:http://pki.example/ca.crt',
    );
    const decision = await decide([makeLeaf(issuing, { extensions })], [root]);
    expect(errorsOf(decision)).toEqual(['MISSING_INTERMEDIATE']);
    const identifier = createHash('sha1').update(publicPoint(issuing)).digest('hex');
    expect(decision.findings[0]?.message).toContain('issued by CN=Issuing CA');
    expect(decision.findings[0]?.message).toContain(identifier);
    expect(decision.findings[0]?.message).toContain('http://pki.example/ca.crt');
    expect([decision.chain, decision.pair]).toEqual([[], undefined]);
  });

  test('a private root in the input is not trusted until its fingerprint is given', async () => {
    const decision = await decide([leaf, issuing, root], []);
    expect(errorsOf(decision)).toEqual(['UNTRUSTED_ROOT']);
    const pin = /SHA256:[0-9a-f]{64}/.exec(decision.findings[0]?.remedy ?? '')?.[0] ?? '';
    expect(pin).toBe(`SHA256:${root.x509.fingerprint256.replaceAll(':', '').toLowerCase()}`);
    const pinned = await decide([leaf, issuing, root], [], { pinned: [pin] });
    expect([errorsOf(pinned), repairsOf(pinned)]).toEqual([[], ['ROOT_DROPPED']]);
    expect(errorsOf(await decide([leaf, issuing, root], [], { pinned: [root.x509.fingerprint256] }))).toEqual([]);
  });

  test('a fingerprint that nothing in the input has is an error', async () => {
    const pinned = [`SHA256:${'0'.repeat(64)}`];
    expect(errorsOf(await decide([leaf, issuing], [root], { pinned }))).toEqual(['TRUST_ROOT_ABSENT']);
  });

  test('a public root is found among many, and holds the certificate to the limits of browsers', async () => {
    const roots = [...rootCertificates, root.pem];
    const decision = await decide([makeLeaf(issuing, { days: 400 }), issuing], [], { roots });
    expect([errorsOf(decision), warningsOf(decision)]).toEqual([[], ['LONG_VALIDITY']]);
  });

  test.each([
    ['2027-03-14', 200, []],
    ['2027-03-14', 201, ['LONG_VALIDITY']],
    ['2027-03-15', 100, []],
    ['2027-03-15', 101, ['LONG_VALIDITY']],
    ['2029-03-15', 47, []],
    ['2029-03-15', 48, ['LONG_VALIDITY']],
  ] as const)('from %s on a public root may give %i days: warned of is %j', async (day, days, warned) => {
    const from = new Date(`${day}T00:00:00Z`);
    const end = makeLeaf(issuing, { validity: [from, new Date(from.getTime() + days * 86_400_000)] });
    const decision = await decide([end, issuing], [], { roots: [root.pem], now: from });
    expect(warningsOf(decision).filter((code) => code === 'LONG_VALIDITY')).toEqual(warned);
  });

  test('a CA that was renewed under its old name and another key is no issuer', async () => {
    const renewed = makeIntermediate(root, { keyName: 'p256-8' });
    expect(errorsOf(await decide([leaf, renewed], [root]))).toEqual(['ISSUER_UNFIT']);
  });

  test('a CA that must not sign certificates is no issuer', async () => {
    const extensions = ['basicConstraints=critical,CA:true', 'keyUsage=critical,cRLSign', 'subjectKeyIdentifier=hash'];
    const unfit = makeIntermediate(root, { extensions });
    const decision = await decide([makeLeaf(unfit), unfit], [root]);
    expect(errorsOf(decision)).toEqual(['ISSUER_UNFIT']);
    expect(decision.findings[0]?.message).toContain('must not sign certificates');
  });

  const below = (
    wish: Partial<RotationIntent>,
    rootWish: Partial<RotationIntent> = {},
    leafWish: Partial<RotationIntent> = {},
  ): [Made[], Made[]] => {
    const top = makeRoot({ subject: '/CN=Top', ...rootWish });
    const middle = makeIntermediate(top, wish);
    return [[makeLeaf(middle, leafWish), middle], [top]];
  };
  const NAME = 'DNS:palette.example.org';
  const cases: [string, [Made[], Made[]], string[], string[]?][] = [
    ['SHA-1 on an intermediate is weak', below({ options: ['-sha1'] }), ['WEAK_SIGNATURE']],
    ['SHA-1 on a self-signed root is taken', below({}, { options: ['-sha1'] }), []],
    [
      'a root of version 1 is taken with a warning',
      below({ extensions: caExtensions('authorityKeyIdentifier=none') }, { extensions: [] }),
      [],
      ['PROFILE_DEVIATION'],
    ],
    ['RSA of 1024 bits in a root is weak', below({}, { keyName: 'rsa1024-1' }), ['WEAK_KEY']],
    [
      'an intermediate that is no CA is refused',
      below({ extensions: caExtensions('basicConstraints=critical,CA:false', 'keyUsage=') }),
      ['ISSUER_NOT_CA'],
    ],
    [
      'an intermediate for clients alone is refused',
      below({ extensions: caExtensions('extendedKeyUsage=clientAuth') }),
      ['EKU_WITHOUT_SERVER_AUTH'],
    ],
    [
      'basicConstraints that are not critical are taken with a warning',
      below({ extensions: ['basicConstraints=CA:true', ...caExtensions().slice(1)] }),
      [],
      ['PROFILE_DEVIATION'],
    ],
    [
      'more CAs than the root allows are refused',
      below({}, { extensions: ['basicConstraints=critical,CA:true,pathlen:0', ...caExtensions().slice(1)] }),
      ['PATH_LENGTH_EXCEEDED'],
    ],
    [
      'a name that is not permitted is refused',
      below({ extensions: caExtensions('nameConstraints=critical,permitted;DNS:example.com') }),
      ['NAME_CONSTRAINTS_VIOLATED'],
    ],
    [
      'a name that is permitted is taken',
      below({ extensions: caExtensions('nameConstraints=critical,permitted;DNS:example.org') }),
      [],
    ],
    [
      'name constraints that are not critical are taken with a warning',
      below({ extensions: caExtensions('nameConstraints=permitted;DNS:example.org') }),
      [],
      ['PROFILE_DEVIATION'],
    ],
    [
      'a name that is excluded is refused',
      below({ extensions: caExtensions('nameConstraints=critical,excluded;DNS:example.org') }),
      ['NAME_CONSTRAINTS_VIOLATED'],
    ],
    [
      'a wildcard that may stand for an excluded name is refused, which OpenSSL misses',
      below(
        { extensions: caExtensions('nameConstraints=critical,excluded;DNS:secret.example.org') },
        {},
        { extensions: serverExtensions('DNS:*.example.org') },
      ),
      ['NAME_CONSTRAINTS_VIOLATED'],
    ],
    [
      'an address outside of the permitted range is refused',
      below(
        { extensions: caExtensions('nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0') },
        {},
        { extensions: serverExtensions(`${NAME},IP:192.0.2.1`) },
      ),
      ['NAME_CONSTRAINTS_VIOLATED'],
    ],
    [
      'a critical extension of the root that nobody knows is refused',
      below({}, { extensions: caExtensions('1.2.3.4=critical,ASN1:NULL') }),
      ['UNKNOWN_CRITICAL_EXTENSION'],
    ],
  ];
  test.each(cases.map(([title, ...row]) => ({ title, row })))(
    '$title',
    async ({ row: [[chain, given], errors, warnings = []] }) => {
      const decision = await decide(chain, given);
      expect([errorsOf(decision), warningsOf(decision)]).toEqual([errors, warnings]);
    },
  );

  test('whoever has expired is named: the certificate, the intermediate or the trusted CA', async () => {
    const chain = (leafDays: number, middleDays: number, rootDays: number): [Made[], Made[]] =>
      below({ days: middleDays }, { days: rootDays }, { days: leafDays });
    const named = async ([certificates, given]: [Made[], Made[]]): Promise<string> => {
      const { findings } = await decide(certificates, given, { now: daysFromNow(50) });
      return findings
        .filter(({ code }) => code === 'CERT_EXPIRED')
        .map(({ message }) => /^The \w+( CA)?/.exec(message)?.[0])
        .join();
    };
    expect(await named(chain(40, 400, 400))).toBe('The certificate');
    expect(await named(chain(400, 40, 400))).toBe('The intermediate');
    expect(await named(chain(400, 400, 40))).toBe('The trusted CA');
  });

  test('what is not valid yet is refused, and the clock is mentioned', async () => {
    const decision = await decide([leaf, issuing], [root], { now: daysFromNow(-2) });
    expect(errorsOf(decision)).toEqual(['CERT_NOT_YET_VALID']);
    expect(decision.findings).toHaveLength(3);
    expect(decision.findings[0]?.message).toContain('the clock shows');
  });

  test('dates are judged at the time of the request, whatever the clock of the handshake says', async () => {
    const later = makeLeaf(issuing, { subject: '/CN=later', validity: [daysFromNow(300), daysFromNow(390)] });
    expect(errorsOf(await decide([later, issuing], [root]))).toEqual(['CERT_NOT_YET_VALID']);
    const decision = await decide([later, issuing], [root], { now: daysFromNow(310) });
    expect([decision.findings, decision.pair === undefined]).toEqual([[], false]);
    expect(errorsOf(await decide([later, issuing], [root], { now: daysFromNow(400) }))).toEqual(['CERT_EXPIRED']);
  });

  test('the shortest path to an unexpired root is taken, and the one that expires is warned of', async () => {
    const oldRoot = makeRoot({ subject: '/CN=Old Root', keyName: 'p256-7', days: 30 });
    const cross = make({
      subject: '/CN=Root CA',
      keyName: 'p256-1',
      issuer: oldRoot,
      extensions: caExtensions(),
      days: 1000,
    });
    for (const now of [daysFromNow(0), daysFromNow(40)]) {
      const decision = await decide([leaf, cross, issuing], [oldRoot, root], { now });
      expect([errorsOf(decision), warningsOf(decision)]).toEqual([[], ['OTHER_PATH_EXPIRES']]);
      expect(storedBy(decision)).toBe(leaf.pem + issuing.pem);
    }
    const only = await decide([leaf, cross, issuing], [oldRoot]);
    expect([errorsOf(only), storedBy(only)]).toEqual([[], leaf.pem + issuing.pem + cross.pem]);
  });

  test('a path is found where CAs signed each other in a circle', async () => {
    const authority = (name: string, keyName: KeyName, issuer?: Made): Made =>
      make({
        subject: `/CN=${name}`,
        keyName,
        extensions: caExtensions(),
        days: 500,
        ...(issuer === undefined ? {} : { issuer }),
      });
    const [a, b] = [authority('A', 'p256-4'), authority('B', 'p256-5')];
    const circle = [authority('A', 'p256-4', b), authority('B', 'p256-5', a)];
    const end = makeLeaf(a);
    expect(errorsOf(await decide([end, ...circle], []))).toHaveLength(1);
    expect(errorsOf(await decide([end, ...circle, authority('A', 'p256-4', root)], [root]))).toEqual([]);
  });

  test('ten certificates are a chain, eleven are too deep', async () => {
    const chainOf = (length: number): Made[] => {
      const chain = [root];
      for (let i = 1; i < length - 1; i += 1) {
        const keyName: KeyName = `p256-${20 + i}`;
        chain.unshift(makeIntermediate(chain[0] ?? root, { subject: `/CN=CA ${i}`, keyName }));
      }
      return [makeLeaf(chain[0] ?? root), ...chain.slice(0, -1)];
    };
    expect(errorsOf(await decide(chainOf(10), [root]))).toEqual([]);
    expect(errorsOf(await decide(chainOf(11), [root]))).toEqual(['CHAIN_TOO_DEEP']);
  });

  test('more than a hundred certificates are refused', async () => {
    const many = Array.from({ length: 101 }, () => issuing);
    expect(errorsOf(await decide([leaf, ...many.slice(2)], [root]))).toEqual([]);
    expect(errorsOf(await decide([leaf, ...many.slice(1)], [root]))).toEqual(['TOO_MANY_CERTIFICATES']);
  });

  test('a hundred CAs of one name do not take long', async () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      makeIntermediate(stray, { subject: '/CN=Stray', keyName: `p256-${40 + (i % 10)}` }),
    );
    const used = processorTime();
    const decision = await decide([makeLeaf(many[0] ?? root), ...many], [root]);
    expect(used()).toBeLessThan(10_000);
    expect(errorsOf(decision)).toHaveLength(1);
    expect(decision.pair).toBeUndefined();
  });

  describe('the key', () => {
    const other = { key: privateKey('p256-9'), source: 'other.pem' };

    test('that fits nothing is refused with the fingerprints of both public keys', async () => {
      const decision = await decide([leaf, issuing], [root], { keys: [other] });
      expect(errorsOf(decision)).toEqual(['CERT_KEY_MISMATCH']);
      expect(decision.findings[0]?.message.match(/SHA256:[0-9a-f]{64}/g)).toHaveLength(3);
      expect(decision.leaf?.subject).toBe('CN=palette.example.org');
    });

    test('without one all else is judged', async () => {
      const decision = await decide([issuing, leaf], [root], { keys: [] });
      expect(errorsOf(decision)).toEqual(['KEY_MISSING']);
      expect([decision.leaf?.subject, decision.chain.length]).toEqual(['CN=palette.example.org', 3]);
    });

    test('of a later certificate makes that certificate the leaf', async () => {
      const decision = await decide([makeLeaf(issuing, { keyName: 'p256-6' }), leaf, issuing], [root], {
        keys: [{ key: leaf.key, source: 'key.pem' }],
      });
      expect([errorsOf(decision), repairsOf(decision), storedBy(decision)]).toEqual([
        [],
        ['STRAY_DROPPED'],
        leaf.pem + issuing.pem,
      ]);
    });

    test('two keys are not chosen from', async () => {
      const keys = [other, { key: leaf.key, source: 'key.pem' }];
      expect(errorsOf(await decide([leaf, issuing], [root], { keys }))).toEqual(['SEVERAL_KEYS']);
    });

    test('two certificates for one key are not chosen from', async () => {
      const renewed = makeLeaf(issuing, { days: 200 });
      const decision = await decide([leaf, renewed, issuing], [root]);
      expect([errorsOf(decision), decision.pair]).toEqual([['SEVERAL_LEAVES'], undefined]);
    });

    test('whose secret numbers are damaged is refused, although it signs', async () => {
      const signer = makeLeaf(issuing, { keyName: 'rsa2048-3' });
      const jwk = signer.key.export({ format: 'jwk' });
      const { d = '' } = privateKey('rsa2048-4').export({ format: 'jwk' });
      const key = createPrivateKey({
        key: { ...jwk, d },
        format: 'jwk',
      });
      const decision = await decide([signer, issuing], [root], { keys: [{ key, source: 'key.pem' }] });
      expect(errorsOf(decision)).toEqual(['KEY_DAMAGED']);
    });

    test('no certificate at all is said', async () => {
      expect(errorsOf(await decide([], [root], { keys: [other] }))).toEqual(['NO_CERTIFICATE']);
    });
  });
});

/** What openssl hashes for `subjectKeyIdentifier=hash`: the last 65 bytes of a P-256 SubjectPublicKeyInfo. */
function publicPoint({ x509 }: Made): Uint8Array {
  return x509.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
}
