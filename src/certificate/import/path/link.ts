import { type KeyObject, X509Certificate } from 'node:crypto';
import { fingerprint } from '../../../crypto/digest.ts';
import { spkiOf } from '../../../crypto/private-key.ts';
import { DamagedError } from '../../../errors.ts';
import { readKeyOddity, readSignatureAlgorithm, type SignatureAlgorithm } from '../algorithms.ts';
import { bytesOf, type DerNode, elementsOf, readDer, tagged, writeDer } from '../der.ts';
import { type Extensions, readExtensions } from '../extensions.ts';
import type { FoundCertificate } from '../types.ts';

export interface Link {
  readonly x509: X509Certificate;
  readonly source: string;
  /** `SHA256:` and hex, of the DER. */
  readonly fingerprint: string;
  /** Undefined where OpenSSL does not know the algorithm or its parameters. */
  readonly publicKey: KeyObject | undefined;
  /** 1, 2 or 3. */
  readonly version: number;
  /** The bytes of the INTEGER. */
  readonly serial: string;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** What OpenSSL reads in the form of the public key and others do not. */
  readonly keyOddity: string | undefined;
  /** DER of the names. */
  readonly subject: string;
  readonly issuer: string;
  /** Its key signed it, and it says so. Not each such link is one to OpenSSL, which compares key identifiers too. */
  readonly selfSigned: boolean;
  readonly extensions: Extensions;
}

/** What cannot be read as a certificate at all, although OpenSSL took it, throws DamagedError. */
export function readLink({ x509, source }: FoundCertificate): Link {
  const [tbs, algorithm] = elementsOf(readDer(x509.raw.toString('latin1')));
  const fields = elementsOf(tbs);
  const explicitVersion = tagged(fields, 0);
  const [serial, , issuer, , subject, spki] = explicitVersion === undefined ? fields : fields.slice(1);
  if (issuer === undefined || subject === undefined) throw new DamagedError('a certificate without names');
  const publicKey = publicKeyOf(x509);
  return {
    x509,
    source,
    fingerprint: fingerprint(x509.raw),
    publicKey,
    version: explicitVersion === undefined ? 1 : bytesOf(elementsOf(explicitVersion)[0]).charCodeAt(0) + 1,
    serial: bytesOf(serial),
    signatureAlgorithm: readSignatureAlgorithm(algorithm),
    keyOddity: readKeyOddity(spki),
    subject: writeDer(subject),
    issuer: writeDer(issuer),
    selfSigned: publicKey !== undefined && writeDer(subject) === writeDer(issuer) && verifies(x509, publicKey),
    extensions: readExtensions(extensionList(fields)),
  };
}

/** A trusted root in PEM, of which only those are parsed that can be the issuer in question. */
export function readRoot(pem: string): Link {
  return readLink({ x509: new X509Certificate(pem), source: 'trusted roots' });
}

export function isIssuedBy(link: Link, issuer: Link): boolean {
  return issuer.publicKey !== undefined && link.x509.checkIssued(issuer.x509) && verifies(link.x509, issuer.publicKey);
}

/** `SHA256:` and hex of the public key, where it can be read. */
export function keyFingerprint(link: Link): string | undefined {
  return link.publicKey === undefined ? undefined : fingerprint(spkiOf(link.publicKey));
}

/**
 * The name as one line, the most specific part first, as it is usually quoted. Node escapes ASCII control characters; those
 * that turn the direction of text are left.
 */
export function nameOf(distinguishedName: string): string {
  const line = distinguishedName.split('\n').reverse().join(', ');
  return line.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`) || 'an empty name';
}

/** For messages: who it is and where it stood. */
export function describe(link: Link): string {
  return `${nameOf(link.x509.subject ?? '')} (${link.source})`;
}

function extensionList(fields: readonly DerNode[]): DerNode | undefined {
  const holder = tagged(fields, 3);
  return holder === undefined ? undefined : elementsOf(holder)[0];
}

function publicKeyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function verifies(x509: X509Certificate, key: KeyObject): boolean {
  try {
    return x509.verify(key);
  } catch {
    return false;
  }
}
