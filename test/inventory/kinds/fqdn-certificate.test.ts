// Covers: src/certificate/request.ts, src/inventory/kinds/fqdn-key.ts

import { describe, expect, test } from 'vitest';
import { certificateRequest } from '../../../src/certificate/request.ts';
import { decodePrivateKey, encodePrivateKey, generatePrivateKey } from '../../../src/crypto/private-key.ts';
import { DamagedError } from '../../../src/errors.ts';
import { defaultSpec } from '../../../src/installation/defaults.ts';
import {
  fqdnCertificate,
  fqdnMaterial,
  leafOf,
  materialOfSecret,
} from '../../../src/inventory/kinds/fqdn-certificate.ts';
import { fqdnKey } from '../../../src/inventory/kinds/fqdn-key.ts';
import type { Material } from '../../../src/ledger/entry.ts';
import type { Rings, RingVersion, State } from '../../../src/ledger/ring.ts';
import { haveTools } from '../../scenarios/program/tools.ts';
import { type Made, makeIntermediate, makeLeaf, makeRoot } from '../../support/openssl-pki.ts';

const utf8 = (text: string) => Buffer.from(text);

describe.skipIf(!haveTools('openssl'))('fqdn-certificate', () => {
  const root = makeRoot();
  const intermediate = makeIntermediate(root);
  const leaf = makeLeaf(intermediate);
  const other = makeLeaf(intermediate, { keyName: 'rsa2048-3' });
  const pairOf = (first: Made) => ({
    certificate: utf8(first.pem + intermediate.pem),
    key: encodePrivateKey(first.key),
  });
  const version = (n: number, state: State, material: Material): RingVersion => ({
    kind: 'fqdn-certificate',
    n,
    state,
    material,
    facts: fqdnCertificate.inspect(material),
    createdAt: '2026-01-01T00:00:00Z',
  });

  test('a version knows its leaf: fingerprint, dates, and a kid by the DER', () => {
    const material = fqdnMaterial(pairOf(leaf));
    const facts = fqdnCertificate.inspect(material);
    const print = leaf.x509.fingerprint256.replaceAll(':', '').toLowerCase();
    expect(facts.fingerprint).toBe(`SHA256:${print}`);
    expect([facts.notBefore, facts.notAfter]).toEqual([leaf.x509.validFromDate, leaf.x509.validToDate]);
    expect(facts.kid).toMatch(/^[a-z2-7]{16}$/);
    expect([material.alg, fqdnMaterial(pairOf(other)).alg]).toEqual(['ES256', 'RS256']);
    expect(leafOf(material).x509.raw).toEqual(leaf.x509.raw);
  });

  test('a key of another certificate, or another alg, is damage', () => {
    const mixed = { certificate: pairOf(leaf).certificate, key: pairOf(other).key };
    expect(() => fqdnMaterial(mixed)).toThrow(DamagedError);
    expect(() => fqdnCertificate.inspect({ ...fqdnMaterial(pairOf(leaf)), alg: 'RS256' })).toThrow(DamagedError);
  });

  test('without a version there is no projection; with some the Secret is that of the active one', async () => {
    const spec = defaultSpec();
    expect(fqdnCertificate.projections(spec, new Map())).toEqual([]);
    const [before, now] = [fqdnMaterial(pairOf(other)), fqdnMaterial(pairOf(leaf))];
    const rings: Rings = new Map([['fqdn-certificate', [version(1, 'trusted', before), version(2, 'active', now)]]]);
    const [projection] = fqdnCertificate.projections(spec, rings);
    if (projection?.source !== 'computed') throw new Error('no projection');
    expect([projection.ref.namespace, projection.ref.name, projection.type]).toEqual([
      'ingress-nginx',
      'default-ssl-certificate',
      'kubernetes.io/tls',
    ]);
    const entries = await projection.compute(rings);
    expect(Object.keys(entries).sort()).toEqual(['tls.crt', 'tls.key']);
    expect(Buffer.from(entries['tls.crt'] ?? []).toString()).toBe(leaf.pem + intermediate.pem);
    expect(decodePrivateKey(entries['tls.key'] ?? new Uint8Array()).equals(leaf.key)).toBe(true);
    expect(projection.inspect(entries)).toMatchObject([{ kid: fqdnCertificate.inspect(now).kid }]);
  });

  test('what others wrote into the Secret is read in their form, and kept in ours', () => {
    const sec1 = leaf.key.export({ type: 'sec1', format: 'pem' }).toString();
    const theirs = {
      'tls.crt': utf8(`${leaf.pem}${intermediate.pem}`.replaceAll('\n', '\r\n')),
      'tls.key': utf8(sec1),
    };
    const ours = fqdnMaterial(pairOf(leaf));
    expect(fqdnCertificate.inspect(materialOfSecret(theirs))).toEqual(fqdnCertificate.inspect(ours));
    expect(() => materialOfSecret({ 'tls.crt': utf8('lost'), 'tls.key': utf8(sec1) })).toThrow(DamagedError);
    expect(() => materialOfSecret({})).toThrow(DamagedError);
  });

  test('it is imported, never generated', async () => {
    await expect(fqdnCertificate.generate(defaultSpec(), { bytes: () => new Uint8Array() } as never)).rejects.toThrow();
    expect(fqdnCertificate.policy.madeByInit).toBe(false);
  });
});

describe('fqdn-key', () => {
  test('a key with its request; its kid is that of the public key, and it is mounted by nothing', async () => {
    const key = await generatePrivateKey({ type: 'ec', curve: 'P-256' });
    const request = certificateRequest(key, { dnsNames: ['palette.example.org'], ipAddresses: [] });
    const entries = { 'key.pem': encodePrivateKey(key), 'request.csr': utf8(request), subject: utf8('[]') };
    const facts = fqdnKey.inspect({ alg: 'ES256', entries });
    expect(facts).toEqual({
      kid: expect.stringMatching(/^[a-z2-7]{16}$/),
      fingerprint: expect.stringMatching(/^SHA256:[0-9a-f]{64}$/),
    });
    expect(() => fqdnKey.inspect({ alg: 'RS256', entries })).toThrow(DamagedError);
    expect(() => fqdnKey.inspect({ alg: 'ES256', entries: { 'key.pem': entries['key.pem'] } })).toThrow(DamagedError);
    const other = certificateRequest(await generatePrivateKey({ type: 'ec', curve: 'P-256' }), {
      ...{ dnsNames: ['palette.example.org'], ipAddresses: [] },
    });
    for (const wrong of [
      { 'request.csr': utf8('request') },
      { 'request.csr': utf8(other) },
      { 'request.csr': utf8(`\u001b[2J${request}`) },
      { subject: utf8('\u0007') },
    ]) {
      expect(() => fqdnKey.inspect({ alg: 'ES256', entries: { ...entries, ...wrong } })).toThrow(DamagedError);
    }
    expect(fqdnKey.projections(defaultSpec(), new Map())).toEqual([]);
  });
});
