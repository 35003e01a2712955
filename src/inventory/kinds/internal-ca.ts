import { parseDuration } from '../../installation/duration.ts';
import { caBundle, serviceNamespaces } from '../../installation/names.ts';
import { ringOf } from '../../ledger/ring.ts';
import { entry } from '../../ledger/text.ts';
import { certificateAuthority, encodeCaBundle, inspectCaBundle } from '../certificate-authority.ts';
import type { Projection } from '../kind.ts';

/** Issues the certificates with which the platform's services talk to each other. */
export const internalCa = certificateAuthority({
  id: 'internal-ca',
  title: 'Internal CA',
  settings: (spec) => spec.internalCA,
  // From then on it cuts the life of what it issues short.
  dueBefore: ({ serviceCertificates }) => parseDuration(serviceCertificates.validity),
  projections: (spec) =>
    serviceNamespaces(spec).map(
      (namespace): Projection => ({
        source: 'computed',
        kind: 'internal-ca',
        ref: caBundle(spec, namespace),
        type: undefined,
        from: ['internal-ca'],
        compute: async (rings) => ({ 'ca.crt': encodeCaBundle(ringOf(rings, 'internal-ca')) }),
        inspect: (entries) => inspectCaBundle('internal-ca', entry(entries, 'ca.crt')),
      }),
    ),
});
