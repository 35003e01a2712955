// Covers: src/certificate/import/decide.ts, src/certificate/import/pair.ts

import { rootCertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isAllowable } from '../../../src/certificate/import/decide.ts';
import { keptOf, pairOf } from '../../../src/certificate/import/pair.ts';
import { readLink } from '../../../src/certificate/import/path/link.ts';
import { prove } from '../../../src/certificate/import/prove.ts';
import { haveTools } from '../../scenarios/program/tools.ts';
import {
  caExtensions,
  type Made,
  makeIntermediate,
  makeLeaf,
  makeRoot,
  serverExtensions,
} from '../../support/openssl-pki.ts';
import { daysFromNow } from './request.ts';

const NAME = 'palette.example.org';

describe.skipIf(!haveTools('openssl'))('the handshake', () => {
  const root = makeRoot();
  const issuing = makeIntermediate(root);
  const leaf = makeLeaf(issuing);

  /** The codes for TLS 1.2 and 1.3, of what a server that sends `sent` has to expect of a client that trusts `anchor`. */
  const codes = async (
    sent: readonly Made[],
    anchor: Made,
    names: readonly string[] = [NAME],
    key = sent[0]?.key,
  ): Promise<string[]> => {
    const links = sent.map(({ x509 }, i) => readLink({ x509, source: `${i}` }));
    const [first] = links;
    if (first === undefined || key === undefined) throw new Error('nothing to send');
    const pair = pairOf(keptOf(links), { key, source: 'key' });
    const failed = await prove(pair, first, readLink({ x509: anchor.x509, source: 'anchor' }), names);
    return failed.map(({ version, code }) => `${version} ${code}`);
  };

  test('it succeeds for a whole chain, with each name', async () => {
    const many = makeLeaf(issuing, { extensions: serverExtensions('DNS:*.example.org,IP:192.0.2.1,IP:2001:db8::1') });
    expect(
      await codes([many, issuing], root, ['a.example.org', 'b.example.org.', '192.0.2.1', '2001:db8:0::1']),
    ).toEqual([]);
  });

  test.each(['rsa2048-3', 'p384-3', 'p521-3', 'ed25519-3'] as const)('it succeeds with a key %s', async (keyName) => {
    expect(await codes([makeLeaf(issuing, { keyName }), issuing], root)).toEqual([]);
  });

  test('it succeeds where the anchor is no root', async () => {
    expect(await codes([leaf], issuing)).toEqual([]);
  });

  test('a missing intermediate fails it, in both versions', async () => {
    const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    expect(await codes([leaf], root)).toEqual([`TLSv1.2 ${code}`, `TLSv1.3 ${code}`]);
  });

  test('a missing intermediate fails it also where the machine trusts it, as NODE_EXTRA_CA_CERTS has it do', async () => {
    setDefaultCACertificates([...rootCertificates, issuing.pem]);
    onTestFinished(() => setDefaultCACertificates(rootCertificates));
    expect(await codes([leaf], root)).toHaveLength(2);
  });

  test('without names the chain is proved alone', async () => {
    expect([await codes([leaf, issuing], root, []), (await codes([leaf], root, [])).length]).toEqual([[], 2]);
  });

  test.each(['rsa1024-3', 'dsa-3', 'rsapss-3', 'secp256k1-3', 'ed448-3'] as const)(
    'it ends, well or not, with a key %s',
    async (keyName) => {
      const outcomes = await codes([makeLeaf(issuing, { keyName }), issuing], root);
      expect(outcomes.every((outcome) => /^TLSv1\.[23] [A-Z0-9_]+$/.test(outcome))).toBe(true);
    },
  );

  test('another root fails it', async () => {
    const other = makeRoot({ keyName: 'p256-8' });
    expect(await codes([leaf, issuing], other)).toHaveLength(2);
  });

  test('a key that is not the certificate’s fails it', async () => {
    expect(await codes([leaf, issuing], root, [NAME], root.key)).toEqual([
      'TLSv1.2 ERR_OSSL_X509_KEY_VALUES_MISMATCH',
      'TLSv1.3 ERR_OSSL_X509_KEY_VALUES_MISMATCH',
    ]);
  });

  test('neither a common name nor a partial wildcard does for a name', async () => {
    const common = makeLeaf(issuing, { extensions: serverExtensions(undefined) });
    const partial = makeLeaf(issuing, { extensions: serverExtensions('DNS:pal*.example.org') });
    for (const bad of [common, partial]) {
      expect(await codes([bad, issuing], root)).toEqual(['TLSv1.2 NAME_NOT_COVERED', 'TLSv1.3 NAME_NOT_COVERED']);
    }
  });

  test('name constraints, usage and digests fail it, whatever the rules say', async () => {
    const limited = makeIntermediate(root, {
      extensions: caExtensions('nameConstraints=critical,excluded;DNS:example.org'),
    });
    expect(await codes([makeLeaf(limited), limited], root)).toHaveLength(2);
    const client = makeLeaf(issuing, { extensions: serverExtensions(`DNS:${NAME}`, 'extendedKeyUsage=clientAuth') });
    expect(await codes([client, issuing], root)).toHaveLength(2);
    expect(await codes([makeLeaf(issuing, { options: ['-sha1'] }), issuing], root)).toHaveLength(2);
  });

  test('dates alone do not fail it: it knows no other clock than the system’s', async () => {
    const later = makeLeaf(issuing, { validity: [daysFromNow(300), daysFromNow(390)] });
    expect(await codes([later, issuing], root)).toEqual([]);
  });
});

test('--allow takes the codes of findings that may be accepted, and nothing else', () => {
  expect(['SELF_SIGNED_LEAF', 'ED25519_KEY', 'P521_KEY', 'MUST_STAPLE'].every(isAllowable)).toBe(true);
  expect(['WEAK_KEY', 'NO_EKU', 'NO_SUCH_CODE', 'toString', ''].some(isAllowable)).toBe(false);
});
