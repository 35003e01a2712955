import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { KindId } from '../ledger/entry.ts';
import { type Rings, ringOf } from '../ledger/ring.ts';
import type { Entries } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import { encodeCaBundle } from './certificate-authority.ts';
import type { IssuedProjection, LeafPem } from './kind.ts';

/** A kubernetes.io/tls Secret around a leaf of the internal CA; `extra` adds what this kind's users read besides. */
export function leafProjection(
  spec: InstallationSpec,
  leaf: {
    readonly kind: KindId;
    readonly ref: ObjectRef;
    readonly commonName: string;
    readonly dnsNames: readonly string[];
    readonly ipAddresses: readonly string[];
    readonly from: readonly KindId[];
    readonly extra: (leaf: LeafPem, rings: Rings) => Entries;
  },
): IssuedProjection {
  const { keySize, validity, renewAt } = spec.serviceCertificates;
  return {
    source: 'issued',
    kind: leaf.kind,
    ref: leaf.ref,
    type: 'kubernetes.io/tls',
    from: leaf.from,
    profile: {
      issuer: 'internal-ca',
      commonName: leaf.commonName,
      dnsNames: [...new Set(leaf.dnsNames)],
      ipAddresses: [...new Set(leaf.ipAddresses)],
      keySize,
      validitySeconds: parseDuration(validity),
      renewAt,
    },
    assemble: (pem, rings) => ({
      'tls.crt': pem.certificate,
      'tls.key': pem.key,
      'ca.crt': encodeCaBundle(ringOf(rings, 'internal-ca')),
      ...leaf.extra(pem, rings),
    }),
  };
}
