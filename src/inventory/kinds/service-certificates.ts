import { serviceDnsNames } from '../../installation/host-names.ts';
import { leafSecret } from '../../installation/names.ts';
import type { IssuedKind } from '../kind.ts';
import { leafProjection } from '../leaf.ts';

/** Server and client certificates of the platform's services, one Secret each. */
export const serviceCertificates: IssuedKind = {
  versioned: false,
  id: 'service-certificates',
  title: 'Service certificates',
  dependsOn: ['internal-ca'],
  projections: (spec) =>
    spec.serviceCertificates.services.map((service) =>
      leafProjection(spec, {
        kind: 'service-certificates',
        ref: leafSecret(service),
        commonName: service.name,
        dnsNames: [...serviceDnsNames(service.name, service.namespace, spec.clusterDomain), ...service.dnsNames],
        ipAddresses: service.ipAddresses,
        from: ['internal-ca'],
        extra: () => ({}),
      }),
    ),
};
