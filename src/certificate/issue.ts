import { createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { spkiOf } from '../crypto/private-key.ts';
import { canonicalIp } from './ip-address.ts';
import { readParts, TBS } from './parts.ts';

/** Clocks of peers may lag a little. */
const BACKDATE_MS = 5 * 60_000;

export interface SubjectName {
  readonly commonName: string;
  readonly organization: string;
  readonly organizationalUnit: string;
  /** Tells subjects apart that have everything else in common. */
  readonly serialNumber?: string;
}

interface IssueRequest {
  readonly subject: SubjectName;
  readonly subjectKey: KeyObject;
  /** 16 random bytes; the high bit is cleared, so that the number is positive (RFC 5280, section 4.1.2.2). */
  readonly serial: Uint8Array;
  readonly now: Date;
  readonly validitySeconds: number;
}

export interface CaRequest extends IssueRequest {
  readonly use: 'ca';
}

export interface LeafRequest extends IssueRequest {
  readonly use: 'leaf';
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly issuer: Issuer;
}

export interface Issuer {
  /** The subject's DER as it stands in the CA, which is what a leaf's issuer is compared with. */
  readonly subject: forge.asn1.Asn1;
  /** The CA's subjectKeyIdentifier, as a string of bytes. */
  readonly keyIdentifier: string;
  readonly notAfter: Date;
  readonly key: KeyObject;
}

/** Throws where the key is not the certificate's: what it signed would be worth nothing. */
export function readIssuer(certificatePem: Uint8Array, key: KeyObject): Issuer {
  const certificate = new X509Certificate(certificatePem);
  if (!certificate.checkPrivateKey(key)) throw new Error('the issuer key is not the key of the issuer certificate');
  const { subject, keyIdentifier } = readParts(certificate.raw);
  const own = forge.pki.getPublicKeyFingerprint(forgePublicKey(createPublicKey(key)), { type: 'RSAPublicKey' });
  return { subject, keyIdentifier: keyIdentifier ?? own.getBytes(), notAfter: certificate.validToDate, key };
}

/** X.509 v3 (RFC 5280), SHA-256 with RSA; no leaf outlives its issuer. OpenSSL signs 15 times faster than forge. */
export function issueCertificate(request: CaRequest | LeafRequest): string {
  const certificate = forge.pki.createCertificate();
  const { subject, extensions, issuer, signingKey, latestEnd } =
    request.use === 'ca' ? caParts(request) : leafParts(request);
  certificate.serialNumber = positiveSerial(request.serial);
  certificate.publicKey = forgePublicKey(request.subjectKey);
  certificate.validity.notBefore = new Date(toSecond(request.now.getTime()) - BACKDATE_MS);
  const end = toSecond(request.now.getTime()) + request.validitySeconds * 1000;
  certificate.validity.notAfter = new Date(Math.min(end, latestEnd));
  certificate.setSubject(subject);
  certificate.setExtensions(extensions);
  return signed(certificate, signingKey, issuer);
}

function caParts(request: CaRequest) {
  const name = distinguishedName(request.subject);
  return {
    subject: name,
    issuer: undefined,
    signingKey: request.subjectKey,
    latestEnd: Number.POSITIVE_INFINITY,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
      { name: 'subjectKeyIdentifier' },
    ],
  };
}

function leafParts(request: LeafRequest) {
  const { issuer } = request;
  return {
    subject: distinguishedName(request.subject),
    issuer: issuer.subject,
    signingKey: issuer.key,
    latestEnd: issuer.notAfter.getTime(),
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [...request.dnsNames.map(dnsName), ...request.ipAddresses.map(ipAddress)] },
      { name: 'subjectKeyIdentifier' },
      // The issuer's; forge's own way would take the certificate's.
      { name: 'authorityKeyIdentifier', keyIdentifier: issuer.keyIdentifier },
    ],
  };
}

/** id-at-serialNumber; forge has no name for it. */
const SERIAL_NUMBER = '2.5.4.5';

/** GeneralName tags (RFC 5280, section 4.2.1.6): 2 is dNSName, 7 is iPAddress. */
const dnsName = (value: string) => ({ type: 2, value });
const ipAddress = (ip: string) => ({ type: 7, ip: canonicalIp(ip) });

function distinguishedName(name: SubjectName): forge.pki.CertificateField[] {
  // The typings know the class of a value tag only as an enum member that is not exported as a type.
  const valueTagClass = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class;
  return [
    { name: 'organizationName', value: name.organization, valueTagClass },
    { name: 'organizationalUnitName', value: name.organizationalUnit, valueTagClass },
    { name: 'commonName', value: name.commonName, valueTagClass },
    // X.520: a PrintableString (RFC 5280, appendix A.1).
    ...(name.serialNumber === undefined ? [] : [{ type: SERIAL_NUMBER, value: name.serialNumber }]),
  ];
}

function positiveSerial(bytes: Uint8Array): string {
  const serial = Buffer.from(bytes);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial.toString('hex');
}

function forgePublicKey(key: KeyObject): forge.pki.rsa.PublicKey {
  const der = Buffer.from(spkiOf(key)).toString('latin1');
  return forge.pki.publicKeyFromAsn1(forge.asn1.fromDer(der)) as forge.pki.rsa.PublicKey;
}

/** Fields of a forge certificate that its typings leave out. */
interface SignableCertificate {
  signatureOid: string;
  siginfo: { algorithmOid: string };
  tbsCertificate: forge.asn1.Asn1;
  signature: string;
}

/** Without an issuer it signs itself. */
function signed(certificate: forge.pki.Certificate, key: KeyObject, issuer: forge.asn1.Asn1 | undefined): string {
  const signable = certificate as unknown as SignableCertificate;
  const oid = forge.pki.oids['sha256WithRSAEncryption'] as string;
  signable.signatureOid = oid;
  signable.siginfo.algorithmOid = oid;
  signable.tbsCertificate = withIssuer(layOut(certificate), issuer);
  const tbs = Buffer.from(forge.asn1.toDer(signable.tbsCertificate).getBytes(), 'latin1');
  signable.signature = sign('sha256', tbs, key).toString('latin1');
  const der = forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes();
  // OpenSSL parses it once more: what cannot be read back is never stored. Its PEM has LF line ends and 64 columns.
  return new X509Certificate(Buffer.from(der, 'latin1')).toString();
}

/** Names are taken over as they stand: to write one anew could spell it differently, and a chain would break. */
function withIssuer(tbs: forge.asn1.Asn1, issuer: forge.asn1.Asn1 | undefined): forge.asn1.Asn1 {
  const fields = tbs.value as forge.asn1.Asn1[];
  const subject = fields[TBS.subject];
  const name = issuer ?? subject;
  if (name !== undefined) fields[TBS.issuer] = name;
  return tbs;
}

/** The typings do not know forge's function that lays out a TBSCertificate (RFC 5280, section 4.1.2). */
function layOut(certificate: forge.pki.Certificate): forge.asn1.Asn1 {
  const pki = forge.pki as unknown as { getTBSCertificate(of: forge.pki.Certificate): forge.asn1.Asn1 };
  return pki.getTBSCertificate(certificate);
}

function toSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
