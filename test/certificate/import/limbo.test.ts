// Covers: src/certificate/import/lint/

import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { countOutcomes, DELIBERATE, runLimbo } from '../../../bench/limbo.mjs';
import { haveTools } from '../../scenarios/program/tools.ts';
import { makeIntermediate, makeLeaf, makeRoot } from '../../support/openssl-pki.ts';

/** The suite is not part of the project: whoever has it names it. */
const file = process.env['X509_LIMBO'];

test.skipIf(file === undefined)('no case of x509-limbo is accepted or rejected wrongly', async () => {
  const results = await runLimbo(await readFile(file ?? '', 'utf8'));
  expect(results.length).toBeGreaterThan(100);
  expect(results.filter(({ outcome }) => outcome.startsWith('false'))).toEqual([]);
  // Each case that is decided otherwise is listed by its id, and none is listed in vain.
  const otherwise = results.filter(({ outcome }) => outcome === 'otherwise').map(({ id }) => id);
  expect(otherwise.sort()).toEqual(DELIBERATE.flatMap(({ ids }) => ids).sort());
});

describe.skipIf(!haveTools('openssl'))('cases in the form of x509-limbo', () => {
  test('outcomes are counted by what was expected, and what is not for us is left aside', async () => {
    const root = makeRoot();
    const issuing = makeIntermediate(root);
    const leaf = makeLeaf(issuing);
    const whole = {
      id: 'whole',
      features: [],
      validation_kind: 'SERVER',
      validation_time: null,
      trusted_certs: [root.pem],
      untrusted_intermediates: [issuing.pem],
      peer_certificate: leaf.pem,
      peer_certificate_key: leaf.key.export({ type: 'pkcs8', format: 'pem' }),
      expected_peer_name: { kind: 'DNS', value: 'palette.example.org' },
      expected_result: 'SUCCESS',
    };
    const testcases = [
      whole,
      { ...whole, id: 'without a key', peer_certificate_key: null },
      { ...whole, id: 'incomplete', untrusted_intermediates: [], expected_result: 'FAILURE' },
      { ...whole, id: 'accepted wrongly', expected_result: 'FAILURE' },
      { ...whole, id: 'rejected wrongly', validation_time: '2020-01-01T00:00:00Z' },
      { ...whole, id: 'unreadable', peer_certificate: 'x', expected_result: 'FAILURE' },
      { ...whole, id: 'for clients', validation_kind: 'CLIENT' },
      { ...whole, id: 'revoked', features: ['has-crl'] },
    ];
    const counts = countOutcomes(await runLimbo(JSON.stringify({ testcases })));
    expect(counts).toEqual({ accepted: 2, rejected: 2, otherwise: 0, 'false accept': 1, 'false reject': 1 });
  });
});
