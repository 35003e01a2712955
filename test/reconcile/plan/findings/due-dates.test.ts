import { expect, test } from 'vitest';
import { versionedKind } from '../../../../src/inventory/index.ts';
import { rotateAfterOf } from '../../../../src/reconcile/plan/findings/due-dates.ts';
import { smallSpec } from '../../../support/installations.ts';

const DAY = 86_400_000;
const BEGIN = Date.parse('2027-01-01T00:00:00Z');
const spec = smallSpec({ serviceCertificates: { validity: '90d', services: [{ name: 'auth' }] } });

/** Days after its beginning at which a version of that many days is due. */
const kindOf = (id: string) => versionedKind(id) ?? {};

function dueAfter(kind: string, days: number): number | undefined {
  const facts = { kid: 'a', notBefore: new Date(BEGIN), notAfter: new Date(BEGIN + days * DAY) };
  const due = rotateAfterOf(kindOf(kind), facts, spec);
  return due === undefined ? undefined : (due.getTime() - BEGIN) / DAY;
}

test.each([
  ['the internal CA is due one life of a service certificate before its end', 'internal-ca', 3650, 3560],
  ['the cluster CA is due a year before its end', 'cluster-ca', 3650, 3285],
  ['an imported certificate is due 30 days before its end', 'fqdn-certificate', 365, 335],
  ['a certificate of a short life is due after two thirds of it, however early that is', 'fqdn-certificate', 60, 40],
  ['a CA that lives no longer than its leaves is due after two thirds of its life', 'internal-ca', 90, 60],
])('%s', (_, kind, days, expected) => {
  expect(dueAfter(kind, days)).toBe(expected);
});

test('a key that has no end is never due', () => {
  expect(rotateAfterOf(kindOf('root-key'), { kid: 'a' }, spec)).toBeUndefined();
  expect(rotateAfterOf(kindOf('internal-ca'), { kid: 'a', notAfter: new Date(BEGIN) }, spec)).toBeUndefined();
});
