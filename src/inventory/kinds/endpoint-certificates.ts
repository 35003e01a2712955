import { MONGODB_IP_ADDRESSES, mongodbDnsNames, serviceDnsNames } from '../../installation/host-names.ts';
import { platformSecret } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { ringOf } from '../../ledger/ring.ts';
import { encodeCaBundle } from '../certificate-authority.ts';
import type { IssuedKind } from '../kind.ts';
import { leafProjection } from '../leaf.ts';
import { hasMessageBus } from './message-bus-auth.ts';

/** Every member of the replica set serves with it. */
export const mongodbTls: IssuedKind = {
  versioned: false,
  id: 'mongodb-tls',
  title: 'MongoDB certificate',
  dependsOn: ['internal-ca'],
  projections: (spec) => [
    leafProjection(spec, {
      kind: 'mongodb-tls',
      ref: platformSecret(spec, 'mongodb-tls'),
      commonName: spec.mongodb.service,
      dnsNames: mongodbDnsNames(spec),
      ipAddresses: MONGODB_IP_ADDRESSES,
      from: ['internal-ca'],
      // mongod reads certificate and key from one file (net.tls.certificateKeyFile).
      extra: (leaf) => ({ 'tls-combined.pem': Buffer.concat([leaf.certificate, leaf.key]) }),
    }),
  ],
};

/** The gRPC endpoint that tenant clusters connect to; `client-ca.crt` says whom it admits. */
export const grpcTls: IssuedKind = {
  versioned: false,
  id: 'grpc-tls',
  title: 'gRPC certificate',
  dependsOn: ['internal-ca', 'cluster-ca'],
  projections: (spec) => [
    leafProjection(spec, {
      kind: 'grpc-tls',
      ref: platformSecret(spec, 'grpc-tls'),
      commonName: spec.grpc.service,
      dnsNames: endpointNames(spec, spec.grpc),
      ipAddresses: [],
      from: ['internal-ca', 'cluster-ca'],
      extra: (_leaf, rings) => ({ 'client-ca.crt': encodeCaBundle(ringOf(rings, 'cluster-ca')) }),
    }),
  ],
};

export const messageBusTls: IssuedKind = {
  versioned: false,
  id: 'message-bus-tls',
  title: 'Message bus certificate',
  dependsOn: ['internal-ca'],
  isWanted: hasMessageBus,
  projections: (spec) =>
    spec.messageBus === null
      ? []
      : [
          leafProjection(spec, {
            kind: 'message-bus-tls',
            ref: platformSecret(spec, 'message-bus-tls'),
            commonName: spec.messageBus.service,
            dnsNames: endpointNames(spec, spec.messageBus),
            ipAddresses: [],
            from: ['internal-ca'],
            extra: () => ({}),
          }),
        ],
};

function endpointNames(
  spec: InstallationSpec,
  endpoint: { readonly service: string; readonly dnsNames: readonly string[] },
): readonly string[] {
  return [...serviceDnsNames(endpoint.service, spec.namespace, spec.clusterDomain), ...endpoint.dnsNames];
}
