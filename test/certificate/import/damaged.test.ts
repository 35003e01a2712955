// Covers: src/certificate/import/der.ts

import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { haveTools } from '../../scenarios/program/tools.ts';
import {
  caExtensions,
  type Made,
  makeIntermediate,
  makeLeaf,
  makeRoot,
  serverExtensions,
} from '../../support/openssl-pki.ts';
import { decide } from './request.ts';

/** Undefined where OpenSSL does not take it: the reading refuses it then. */
function damage({ x509, ...rest }: Made, changes: readonly (readonly [number, number])[]): Made | undefined {
  const der = Buffer.from(x509.raw);
  for (const [at, value] of changes) der[at % der.length] = value;
  try {
    return der.equals(x509.raw) ? undefined : { ...rest, x509: new X509Certificate(der) };
  } catch {
    return undefined;
  }
}

const change = fc.tuple(fc.nat(5000), fc.nat(255));

describe.skipIf(!haveTools('openssl'))('a damaged certificate', () => {
  const limits =
    'nameConstraints=critical,permitted;DNS:example.org,excluded;IP:192.0.2.0/255.255.255.0,excluded;email:x.org';
  const root = makeRoot();
  const issuing = makeIntermediate(root, {
    extensions: caExtensions(limits, 'authorityInfoAccess=caIssuers;URI:http://x'),
  });
  const rsaRoot = makeRoot({ keyName: 'rsa2048-1', subject: '/CN=RSA Root' });
  const pss = makeLeaf(rsaRoot, {
    options: ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_mgf1_md:sha256'],
  });
  const extensions = serverExtensions(
    'DNS:palette.example.org,IP:2001:db8::1,URI:urn:x,email:a@b',
    'tlsfeature=status_request',
  );
  const leaf = makeLeaf(issuing, { extensions });
  const allow = ['MUST_STAPLE', 'PROFILE_VIOLATION', 'SELF_SIGNED_LEAF'];

  test('the chain is taken undamaged', async () => {
    expect((await decide([leaf, issuing], [root], { allow })).pair).toBeDefined();
  });

  test('with a PSS signature never passes, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const damaged = damage(pss, changes);
        if (damaged === undefined) return;
        expect((await decide([damaged], [rsaRoot], { allow })).pair).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  test.each([0, 1, 2])('at place %i of the chain never passes, and never throws', async (position) => {
    let judged = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const chain = [leaf, issuing, root];
        const damaged = damage(chain[position] ?? leaf, changes);
        if (damaged === undefined) return;
        chain[position] = damaged;
        const pinned = position === 2 ? [damaged.x509.fingerprint256] : [];
        judged += 1;
        const decision = await decide(chain, position === 2 ? [] : [root], {
          allow,
          pinned,
          keys: [{ key: leaf.key, source: 'key' }],
        });
        // Whoever pins a damaged root trusts what it says now; all others are signed.
        if (position < 2) expect(decision.pair).toBeUndefined();
        expect(decision.findings.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
    expect(judged).toBeGreaterThan(100);
  });
});
