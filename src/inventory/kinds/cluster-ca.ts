import { certificateAuthority } from '../certificate-authority.ts';

/** Issues the client certificates of tenant clusters; its bundle is the `client-ca.crt` of grpc-tls. */
export const clusterCa = certificateAuthority({
  id: 'cluster-ca',
  title: 'Cluster CA',
  settings: (spec) => spec.clusterCA,
  // Certificates of clusters are issued and renewed by others: a year is time enough to replace every one of them.
  dueBefore: () => 365 * 86_400,
  projections: () => [],
});
