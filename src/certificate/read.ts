import { type KeyObject, X509Certificate } from 'node:crypto';
import { fingerprint } from '../crypto/digest.ts';
import { publicKeyKid } from '../crypto/kid.ts';
import { spkiOf } from '../crypto/private-key.ts';
import { DamagedError } from '../errors.ts';

export interface Certificate {
  readonly x509: X509Certificate;
  readonly pem: string;
  /** Kid of the subject's public key. */
  readonly kid: string;
  /** `SHA256:` and hex, of the DER. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

const BLOCK = /-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g;

/** All certificates of a canonical PEM bundle, in order. Throws DamagedError on anything between, before or after. */
export function readBundle(pem: Uint8Array): readonly Certificate[] {
  const text = Buffer.from(pem).toString('latin1');
  if (text.replace(BLOCK, '') !== '') throw new DamagedError('not a sequence of PEM certificates');
  return (text.match(BLOCK) ?? []).map(readCertificate);
}

/** All certificates of a PEM text that somebody else wrote, whatever its line ends and what stands around them. Throws DamagedError. */
export function readForeignBundle(pem: Uint8Array): readonly Certificate[] {
  const blocks = Buffer.from(pem)
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return (blocks ?? []).map((block) => readCertificate(normalizePem(utf8Bytes(block))));
}

/** The one certificate of a PEM text. Throws DamagedError. */
export function readSingle(pem: Uint8Array): Certificate {
  const [certificate, ...others] = readBundle(pem);
  if (certificate === undefined || others.length > 0) throw new DamagedError('not exactly one PEM certificate');
  return certificate;
}

/** One certificate in any PEM form, written as we write it: LF, 64 columns. Throws DamagedError. */
export function normalizePem(pem: Uint8Array): string {
  try {
    return new X509Certificate(pem).toString();
  } catch {
    throw new DamagedError('the certificate cannot be parsed');
  }
}

const utf8Bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** True when `issuer`'s key signed `certificate`, and the names and key identifiers agree. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey);
}

export function matchesKey(certificate: Certificate, key: KeyObject): boolean {
  return certificate.x509.checkPrivateKey(key);
}

function readCertificate(pem: string): Certificate {
  try {
    const x509 = new X509Certificate(pem);
    const { publicKey } = x509;
    const names = (x509.subjectAltName ?? '').split(', ');
    const ofType = (prefix: string): string[] =>
      names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    return {
      x509,
      pem,
      // Of a leaf nobody asks for it.
      get kid() {
        return publicKeyKid(spkiOf(publicKey));
      },
      fingerprint: fingerprint(x509.raw),
      notBefore: new Date(x509.validFromDate),
      notAfter: new Date(x509.validToDate),
      dnsNames: ofType('DNS:'),
      ipAddresses: ofType('IP Address:'),
    };
  } catch {
    throw new DamagedError('a certificate cannot be parsed');
  }
}
