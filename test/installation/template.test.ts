// Covers: src/installation/descriptions.ts

import { expect, test } from 'vitest';
import { defaultSpec } from '../../src/installation/defaults.ts';
import { fieldPaths } from '../../src/installation/parse/fields.ts';
import { renderTemplate } from '../../src/installation/template.ts';
import { parsed } from './parsed.ts';

/** Section 2 of the contract, word for word. */
const CONTRACT = `
namespace: hubble-system            # the platform's own Secrets
ledgerNamespace: palette-keys-system   # ledger, record, audit, CA private keys: mounted by nothing
namePrefix: palette-
clusterDomain: cluster.local
rootDomain: null                    # the FQDN
jwt: { algorithm: ES256, longestTokenLife: 24h, jwksCache: 10m, clockSkew: 5m }   # RS256 PS256 ES256 ES384 EdDSA HS256 HS512
tenantKeys: { bits: 64 }            # what the platform documents; 128, 192, 256 are the better choices
hashSalt: { census: null }          # { collection, kidField }: how to count records per salt version
internalCA: { keySize: 3072, validity: 3650d }
serviceCertificates: { keySize: 2048, validity: 365d, renewAt: 0.66, services: [
  { name: auth }, { name: user }, { name: system }, { name: configserver }, { name: mgmt }, { name: memstore }, { name: foreq },
  { name: cloud }, { name: event }, { name: hashboard }, { name: hutil }, { name: oci-proxy }, { name: packsync }, { name: spectro-tunnel },
  { name: spectrocluster }, { name: spectrocluster-jobs }, { name: spectrossh }, { name: timeseries },
  { name: ui, namespace: ui-system }, { name: cp, namespace: cp-system }, { name: jet, namespace: jet-system } ] }   # + dnsNames, ipAddresses, secretName
mongodb: { service: mongo, members: 3, username: hubble, database: hubbledb, collection: tenantKeys, replicaSet: null, uri: null }   # uri without credentials: they are put in
grpc: { service: grpc, dnsNames: [] }
messageBus: null                    # or { service: nats, dnsNames: [] }
clusterCA: { keySize: 3072, validity: 3650d, trustDomain: palette }
ingress: { namespace: ingress-nginx, secretName: default-ssl-certificate }
consumers: []                       # { workload: Deployment/<ns>/<name>, object: <Secret name>, reads: keyring|single, reload: watch|restart }
rotation: { minInterval: 24h, syncPeriod: 5m, databaseBackupRetention: 30d }
`;

test('the default is the one of the contract', () => {
  const text = `apiVersion: palette-keys/v1\nkind: Installation\n${CONTRACT}`;
  expect(parsed(text, 'the contract')).toStrictEqual(defaultSpec());
});

test('the template is the default', () => {
  expect(parsed(renderTemplate(), 'the template')).toStrictEqual(defaultSpec());
});

test('the template that is shipped is the one that is printed', async () => {
  // `npx vitest run -u test/installation` writes it again.
  await expect(renderTemplate()).toMatchFileSnapshot('../../templates/installation.yaml');
});

test('the template has a comment directly above every field but its head', () => {
  const lines = renderTemplate().split('\n');
  const fields = lines.flatMap((line, i) => (/^ *[a-zA-Z]+:/.test(line) ? [{ line, above: lines[i - 1] }] : []));
  const silent = fields.filter(({ above }) => !above?.trim().startsWith('#')).map(({ line }) => line);
  expect(silent).toStrictEqual(['apiVersion: palette-keys/v1', 'kind: Installation']);
  expect(fields).toHaveLength(fieldPaths().filter((path) => !/\[\]|census\.|messageBus\./.test(path)).length);
});

test('no line of the template is longer than 112 characters', () => {
  expect(
    renderTemplate()
      .split('\n')
      .filter((line) => line.length > 112),
  ).toStrictEqual([]);
});
