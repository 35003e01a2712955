import { type Issuer, issueCertificate, readIssuer } from '../../certificate/issue.ts';
import { decodePrivateKey, encodePrivateKey } from '../../crypto/private-key.ts';
import type { IssuedProjection, LeafPem } from '../../inventory/kind.ts';
import type { KindId } from '../../ledger/entry.ts';
import { activeOf, type Rings, ringOf } from '../../ledger/ring.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { ApplyPorts } from '../ports.ts';
import type { KeyPool } from './key-pool.ts';

/** From the active versions of their CAs, as read back from the ledger; each leaf has a key of its own. */
export function leafIssuer(
  rings: Rings,
  installationId: string,
  keys: KeyPool,
  { clock, random }: Pick<ApplyPorts, 'clock' | 'random'>,
): (projection: IssuedProjection) => Promise<LeafPem> {
  const issuers = new Map<KindId, Issuer>();
  const issuerOf = (kind: KindId): Issuer => {
    const issuer = issuers.get(kind) ?? readIssuerOf(kind, rings);
    issuers.set(kind, issuer);
    return issuer;
  };
  return async ({ ref, profile }) => {
    const key = await keys.leafKey(formatRef(ref));
    const { commonName, dnsNames, ipAddresses, validitySeconds } = profile;
    const certificate = issueCertificate({
      use: 'leaf',
      subject: { commonName, organization: 'palette-keys', organizationalUnit: installationId },
      subjectKey: key,
      serial: random.bytes(16),
      now: clock.now(),
      validitySeconds,
      dnsNames,
      ipAddresses,
      issuer: issuerOf(profile.issuer),
    });
    return { certificate: utf8(certificate), key: encodePrivateKey(key) };
  };
}

function readIssuerOf(kind: KindId, rings: Rings): Issuer {
  const { entries } = activeOf(ringOf(rings, kind)).material;
  return readIssuer(entry(entries, 'tls.crt'), decodePrivateKey(entry(entries, 'key.pem')));
}
