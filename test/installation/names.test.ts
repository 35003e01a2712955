// Covers: src/installation/host-names.ts, src/installation/ledger-name.ts, src/ports/object-ref.ts

import { describe, expect, test } from 'vitest';
import { complete, defaultSpec } from '../../src/installation/defaults.ts';
import { MONGODB_IP_ADDRESSES, mongodbDnsNames, serviceDnsNames } from '../../src/installation/host-names.ts';
import { ledgerName, ledgerSecret, parseLedgerName } from '../../src/installation/ledger-name.ts';
import {
  allNamespaces,
  auditConfigMap,
  caBundle,
  ingressSecret,
  jwksConfigMap,
  LEASE_NAME,
  leafSecret,
  PLATFORM_SECRETS,
  platformSecret,
  recordConfigMap,
  serviceNamespaces,
} from '../../src/installation/names.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { formatRef } from '../../src/ports/object-ref.ts';

const spec = defaultSpec();

function specWith(changes: object): InstallationSpec {
  return complete(changes) as InstallationSpec;
}

test('the objects of the default are named as in the contract', () => {
  const refs = [
    ...PLATFORM_SECRETS.map((name) => platformSecret(spec, name)),
    jwksConfigMap(spec),
    ...serviceNamespaces(spec).map((namespace) => caBundle(spec, namespace)),
    ...spec.serviceCertificates.services.map(leafSecret),
    ingressSecret(spec),
    ledgerSecret(spec, 'root-key', 1),
    ledgerSecret(spec, 'message-bus-signing-key', 12),
    recordConfigMap(spec),
    auditConfigMap(spec),
    auditConfigMap(spec, 3),
  ];
  expect(refs.map(formatRef)).toStrictEqual([
    'Secret/hubble-system/palette-root-key',
    'Secret/hubble-system/palette-jwt-signing-key',
    'Secret/hubble-system/palette-hash-salt',
    'Secret/hubble-system/palette-mongodb-tls',
    'Secret/hubble-system/palette-mongodb-auth',
    'Secret/hubble-system/palette-grpc-tls',
    'Secret/hubble-system/palette-message-bus-tls',
    'Secret/hubble-system/palette-message-bus-auth',
    'ConfigMap/hubble-system/palette-jwks',
    'ConfigMap/cp-system/palette-internal-ca-bundle',
    'ConfigMap/hubble-system/palette-internal-ca-bundle',
    'ConfigMap/jet-system/palette-internal-ca-bundle',
    'ConfigMap/ui-system/palette-internal-ca-bundle',
    'Secret/hubble-system/palette-auth-tls',
    'Secret/hubble-system/palette-user-tls',
    'Secret/hubble-system/palette-system-tls',
    'Secret/hubble-system/palette-configserver-tls',
    'Secret/hubble-system/palette-mgmt-tls',
    'Secret/hubble-system/palette-memstore-tls',
    'Secret/hubble-system/palette-foreq-tls',
    'Secret/hubble-system/palette-cloud-tls',
    'Secret/hubble-system/palette-event-tls',
    'Secret/hubble-system/palette-hashboard-tls',
    'Secret/hubble-system/palette-hutil-tls',
    'Secret/hubble-system/palette-oci-proxy-tls',
    'Secret/hubble-system/palette-packsync-tls',
    'Secret/hubble-system/palette-spectro-tunnel-tls',
    'Secret/hubble-system/palette-spectrocluster-tls',
    'Secret/hubble-system/palette-spectrocluster-jobs-tls',
    'Secret/hubble-system/palette-spectrossh-tls',
    'Secret/hubble-system/palette-timeseries-tls',
    'Secret/ui-system/palette-ui-tls',
    'Secret/cp-system/palette-cp-tls',
    'Secret/jet-system/palette-jet-tls',
    'Secret/ingress-nginx/default-ssl-certificate',
    'Secret/palette-keys-system/palette-key-root-key-v1',
    'Secret/palette-keys-system/palette-key-message-bus-signing-key-v12',
    'ConfigMap/palette-keys-system/palette-keys-installation',
    'ConfigMap/palette-keys-system/palette-keys-audit',
    'ConfigMap/palette-keys-system/palette-keys-audit-3',
  ]);
});

test('record, audit and lease are found under any prefix', () => {
  const other = specWith({ namePrefix: 'p-' });
  expect(recordConfigMap(other).name).toBe('palette-keys-installation');
  expect(auditConfigMap(other).name).toBe('palette-keys-audit');
  expect(LEASE_NAME).toBe('palette-keys');
  expect(platformSecret(other, 'root-key').name).toBe('p-root-key');
});

test('namespaces are sorted, each once; the platform has one even without services', () => {
  expect(serviceNamespaces(spec)).toStrictEqual(['cp-system', 'hubble-system', 'jet-system', 'ui-system']);
  expect(allNamespaces(spec)).toStrictEqual([
    'cp-system',
    'hubble-system',
    'jet-system',
    'palette-keys-system',
    'ui-system',
  ]);
  expect(serviceNamespaces(specWith({ serviceCertificates: { services: [] } }))).toStrictEqual(['hubble-system']);
});

describe('names of the ledger', () => {
  test.each([
    ['palette-', 'root-key', 1],
    ['palette-', 'message-bus-account-acme-v2', 7],
    ['', 'hash-salt', 10],
    ['key-', 'internal-ca', 999_999],
    ['palette', 'fqdn-certificate', 2],
  ])('with the prefix "%s", %s v%i can be read back', (namePrefix, kind, n) => {
    expect(parseLedgerName({ namePrefix }, ledgerName({ namePrefix }, kind, n))).toStrictEqual({ kind, n });
  });

  test.each([
    ['palette-root-key'],
    ['palette-key-root-key'],
    ['palette-key-root-key-v0'],
    ['palette-key-root-key-v01'],
    ['palette-key-root-key-v1x'],
    ['palette-key--v1'],
    ['palette-key-Root-v1'],
    ['palette-key-root-key-v1\n'],
    ['palette-key-root-key-v9999999999999999'],
    ['other-key-root-key-v1'],
    [''],
  ])('%j is none', (name) => {
    expect(parseLedgerName(spec, name)).toBeUndefined();
  });
});

test('a service has four names inside its cluster', () => {
  expect(serviceDnsNames('auth', 'hubble-system', 'cluster.local')).toStrictEqual([
    'auth',
    'auth.hubble-system',
    'auth.hubble-system.svc',
    'auth.hubble-system.svc.cluster.local',
  ]);
});

test('MongoDB has the names of its service, of localhost and of every member', () => {
  const two = specWith({ namespace: 'ns', clusterDomain: 'c.d', mongodb: { service: 'db', members: 2 } });
  expect(mongodbDnsNames(two)).toStrictEqual([
    'db',
    'db.ns',
    'db.ns.svc',
    'db.ns.svc.c.d',
    'localhost',
    'db-0.db',
    'db-0.db.ns',
    'db-0.db.ns.svc',
    'db-0.db.ns.svc.c.d',
    'db-1.db',
    'db-1.db.ns',
    'db-1.db.ns.svc',
    'db-1.db.ns.svc.c.d',
  ]);
  expect(MONGODB_IP_ADDRESSES).toStrictEqual(['127.0.0.1']);
});
