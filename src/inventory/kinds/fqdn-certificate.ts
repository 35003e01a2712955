import { type Certificate, matchesKey, readBundle, readForeignBundle } from '../../certificate/read.ts';
import { certificateKid } from '../../crypto/kid.ts';
import { decodePrivateKey, encodePrivateKey, joseAlgorithm, parsePrivateKey } from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import { ingressSecret } from '../../installation/names.ts';
import type { Facts, Material } from '../../ledger/entry.ts';
import { activeOf, ringOf } from '../../ledger/ring.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { ComputedProjection, HeldKey, VersionedKind } from '../kind.ts';

const ID = 'fqdn-certificate';

/** The imported certificate of the front door. Each imported one is a version, so that the one before can come back. */
export const fqdnCertificate: VersionedKind = {
  versioned: true,
  id: ID,
  title: 'FQDN certificate',
  dependsOn: ['root-key'],
  forms: [['key.pem', 'tls.crt']],
  generate: () => Promise.reject(new Error('a certificate of a public CA is imported')),
  inspect: (material) => inspect(material),
  drift: () => undefined,
  // The PKI team takes its time.
  dueBefore: () => 30 * 86_400,
  projections: (spec, rings) => {
    if (!rings.has(ID)) return [];
    const projection: ComputedProjection = {
      source: 'computed',
      kind: ID,
      ref: ingressSecret(spec),
      type: 'kubernetes.io/tls',
      anyType: true,
      from: [ID],
      compute: async (all) => {
        const { entries } = activeOf(ringOf(all, ID)).material;
        return { 'tls.crt': entry(entries, 'tls.crt'), 'tls.key': entry(entries, 'key.pem') };
      },
      inspect: (entries) => [heldPair(entries)],
    };
    return [projection];
  },
  adoption: undefined,
  policy: { madeByInit: false, hidesAccepted: false, replaceable: false },
};

/** A leaf, its chain and its key, as the ledger keeps them. Throws DamagedError where they do not fit. */
export function fqdnMaterial(pair: { readonly certificate: Uint8Array; readonly key: Uint8Array }): Material {
  const material: Material = {
    alg: joseAlgorithm(decodePrivateKey(pair.key)),
    entries: { 'key.pem': pair.key, 'tls.crt': pair.certificate },
  };
  inspect(material);
  return material;
}

/** What an ingress Secret holds, whoever wrote it, as the ledger would keep it. Throws DamagedError. */
export function materialOfSecret(entries: Entries): Material {
  const certificate = readForeignBundle(entry(entries, 'tls.crt')).map(({ pem }) => pem);
  const key = encodePrivateKey(parsePrivateKey(entry(entries, 'tls.key')));
  return fqdnMaterial({ certificate: utf8(certificate.join('')), key });
}

/** The leaf of a version's chain. Throws DamagedError. */
export function leafOf(material: Material): Certificate {
  const [leaf] = readBundle(entry(material.entries, 'tls.crt'));
  if (leaf === undefined) throw new DamagedError('tls.crt holds no certificate');
  return leaf;
}

function inspect(material: Material): Facts {
  const key = decodePrivateKey(entry(material.entries, 'key.pem'));
  if (material.alg !== joseAlgorithm(key)) throw new DamagedError('its entry alg contradicts its key');
  const leaf = leafOf(material);
  if (!matchesKey(leaf, key)) throw new DamagedError('the private key is not the key of the certificate');
  const { x509, fingerprint, notBefore, notAfter } = leaf;
  return { kid: certificateKid(x509.raw), fingerprint, notBefore, notAfter };
}

function heldPair(entries: Entries): HeldKey {
  const material = materialOfSecret(entries);
  return { kind: ID, kid: inspect(material).kid, state: 'active', material };
}
