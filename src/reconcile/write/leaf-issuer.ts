import { type Issuer, issueCertificate, readIssuer } from '../../certificate/issue.ts';
import { decodePrivateKey, encodePrivateKey } from '../../crypto/private-key.ts';
import type { IssuedProjection, LeafPem } from '../../inventory/kind.ts';
import type { KindId } from '../../ledger/entry.ts';
import { activeOf, type Rings, ringOf } from '../../ledger/ring.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { ApplyPorts } from '../ports.ts';
import type { Material } from './material.ts';

/** Issues leaves from the active versions of their CAs, which have been read back from the ledger. */
export class LeafIssuer {
  readonly #rings: Rings;
  readonly #installationId: string;
  readonly #material: Material;
  readonly #ports: ApplyPorts;
  readonly #issuers = new Map<KindId, Issuer>();

  constructor(rings: Rings, installationId: string, material: Material, ports: ApplyPorts) {
    this.#rings = rings;
    this.#installationId = installationId;
    this.#material = material;
    this.#ports = ports;
  }

  /** A leaf with a key of its own that was made ahead. */
  async issue({ ref, profile }: IssuedProjection): Promise<LeafPem> {
    const key = await this.#material.leafKey(formatRef(ref));
    const { commonName, dnsNames, ipAddresses, validitySeconds } = profile;
    const certificate = issueCertificate({
      use: 'leaf',
      subject: { commonName, organization: 'palette-keys', organizationalUnit: this.#installationId },
      subjectKey: key,
      serial: this.#ports.random.bytes(16),
      now: this.#ports.clock.now(),
      validitySeconds,
      dnsNames,
      ipAddresses,
      issuer: this.#issuer(profile.issuer),
    });
    return { certificate: utf8(certificate), key: encodePrivateKey(key) };
  }

  #issuer(kind: KindId): Issuer {
    const known = this.#issuers.get(kind);
    if (known !== undefined) return known;
    const { entries } = activeOf(ringOf(this.#rings, kind)).material;
    const issuer = readIssuer(entry(entries, 'tls.crt'), decodePrivateKey(entry(entries, 'key.pem')));
    this.#issuers.set(kind, issuer);
    return issuer;
  }
}
