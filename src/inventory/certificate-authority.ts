import { issueCertificate } from '../certificate/issue.ts';
import { readParts } from '../certificate/parts.ts';
import { type Certificate, isIssuedBy, matchesKey, normalizePem, readBundle, readSingle } from '../certificate/read.ts';
import { decodePrivateKey, encodePrivateKey, generatePrivateKey, parsePrivateKey } from '../crypto/private-key.ts';
import { DamagedError } from '../errors.ts';
import { parseDuration } from '../installation/duration.ts';
import { prefixed } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { Facts, KindId, Material } from '../ledger/entry.ts';
import { acceptedOf, type Ring } from '../ledger/ring.ts';
import { entry, utf8 } from '../ledger/text.ts';
import type { Entries } from '../ports/key-store.ts';
import type { HeldKey, Projection, VersionedKind } from './kind.ts';

const ALG = 'RS256';

/** A self-signed CA (RSA, pathlen 0). Its private key stands in the ledger alone. */
export function certificateAuthority(definition: {
  readonly id: KindId;
  readonly title: string;
  readonly settings: (spec: InstallationSpec) => { readonly keySize: number; readonly validity: string };
  readonly dueBefore: (spec: InstallationSpec) => number;
  readonly projections: (spec: InstallationSpec) => readonly Projection[];
}): VersionedKind {
  const { id, title, settings } = definition;
  return {
    versioned: true,
    id,
    title,
    dependsOn: ['root-key'],
    forms: [['key.pem', 'tls.crt']],
    generate: async (spec, random) => {
      const { keySize, validity } = settings(spec);
      const key = await generatePrivateKey({ type: 'rsa', bits: keySize });
      return {
        finish: ({ installationId, n, now }) => {
          const serial = random.bytes(16);
          const certificate = issueCertificate({
            use: 'ca',
            // Unique per version, also should the ledger be lost and the numbers begin again: two CAs with one subject
            // confuse path building (openssl#13718).
            subject: {
              commonName: `${title} v${n}`,
              organization: 'palette-keys',
              organizationalUnit: installationId,
              serialNumber: Buffer.from(serial.subarray(0, 8)).toString('hex'),
            },
            subjectKey: key,
            serial,
            now,
            validitySeconds: parseDuration(validity),
          });
          return { alg: ALG, entries: { 'key.pem': encodePrivateKey(key), 'tls.crt': utf8(certificate) } };
        },
      };
    },
    inspect: inspectCa,
    drift: ({ material }, spec) => {
      const bits = decodePrivateKey(entry(material.entries, 'key.pem')).asymmetricKeyDetails?.modulusLength;
      const wanted = settings(spec).keySize;
      return bits === wanted ? undefined : `the spec asks for RSA ${wanted}, the active version has ${bits}`;
    },
    dueBefore: definition.dueBefore,
    projections: definition.projections,
    adoption: {
      from: (spec) => ({ kind: 'Secret', namespace: spec.namespace, name: prefixed(spec, id) }),
      takeIn: (entries, _spec, now) => takeIn(entries, now),
    },
    policy: { madeByInit: true, hidesAccepted: false, replaceable: true },
  };
}

/** Facts of a CA: key and certificate must belong together. Throws DamagedError. */
function inspectCa(material: Material): Facts {
  if (material.alg !== ALG) throw new DamagedError('its entry alg contradicts its kind');
  const key = decodePrivateKey(entry(material.entries, 'key.pem'));
  const certificate = readSingle(entry(material.entries, 'tls.crt'));
  if (!matchesKey(certificate, key)) throw new DamagedError('the private key is not the key of the certificate');
  checkSelfSigned(certificate);
  const { kid, fingerprint, notBefore, notAfter } = certificate;
  return { kid, fingerprint, notBefore, notAfter };
}

/** A CA made by hand has to be one that all the leaves can be issued from. */
function takeIn(entries: Entries, now: Date): Material {
  const key = parsePrivateKey(entry(entries, 'tls.key'));
  const { type, bits } = { type: key.asymmetricKeyType, bits: key.asymmetricKeyDetails?.modulusLength ?? 0 };
  if (type !== 'rsa' || bits < 2048) throw new DamagedError('a CA has to have an RSA key of at least 2048 bits');
  const certificate = readSingle(utf8(normalizePem(entry(entries, 'tls.crt'))));
  if (certificate.notBefore > now || certificate.notAfter <= now) throw new DamagedError('the CA is not valid now');
  if (!readParts(certificate.x509.raw).maySignCertificates) throw new DamagedError('the CA may not sign certificates');
  const material = { alg: ALG, entries: { 'key.pem': encodePrivateKey(key), 'tls.crt': utf8(certificate.pem) } };
  inspectCa(material);
  return material;
}

function checkSelfSigned(certificate: Certificate): void {
  if (!certificate.x509.ca || !isIssuedBy(certificate, certificate)) {
    throw new DamagedError('the certificate is not a self-signed CA');
  }
}

/** The certificates of all accepted versions, newest last. */
export function encodeCaBundle(ring: Ring): Uint8Array {
  return Buffer.concat(acceptedOf(ring).map((version) => entry(version.material.entries, 'tls.crt')));
}

/** The CAs that a bundle trusts. Throws DamagedError. */
export function inspectCaBundle(kind: KindId, pem: Uint8Array): readonly HeldKey[] {
  return readBundle(pem).map((certificate) => {
    checkSelfSigned(certificate);
    return { kind, kid: certificate.kid, state: undefined, material: undefined };
  });
}
