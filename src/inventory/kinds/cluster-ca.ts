import { certificateAuthority } from '../certificate-authority.ts';

/** Issues the client certificates of tenant clusters; its bundle is the `client-ca.crt` of grpc-tls. */
export const clusterCa = certificateAuthority({
  id: 'cluster-ca',
  title: 'Cluster CA',
  settings: (spec) => spec.clusterCA,
  projections: () => [],
});
