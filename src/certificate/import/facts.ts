import type { KeyObject } from 'node:crypto';
import { canonicalIp } from '../ip-address.ts';
import { GENERAL_NAME, type GeneralName } from './extensions.ts';
import { type Link, nameOf } from './path/link.ts';
import type { CertificateFacts } from './types.ts';

export function factsOf(link: Link): CertificateFacts {
  return {
    subject: nameOf(link.x509.subject ?? ''),
    issuer: nameOf(link.x509.issuer ?? ''),
    sans: (link.extensions.subjectAltName ?? []).map(textOf),
    notBefore: link.x509.validFromDate,
    notAfter: link.x509.validToDate,
    keyType: keyTypeOf(link.publicKey),
    fingerprint: link.fingerprint,
  };
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

/** For example `RSA-2048`, `P-256`, `Ed25519`. */
export function keyTypeOf(key: KeyObject | undefined): string {
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  switch (key?.asymmetricKeyType) {
    case 'rsa':
      return `RSA-${modulusLength}`;
    case 'rsa-pss':
      return `RSASSA-PSS-${modulusLength}`;
    case 'dsa':
      return `DSA-${modulusLength}`;
    case 'ec':
      return CURVES[namedCurve ?? ''] ?? namedCurve ?? 'EC';
    case 'ed25519':
      return 'Ed25519';
    case 'ed448':
      return 'Ed448';
    default:
      return key?.asymmetricKeyType ?? 'unknown';
  }
}

const KINDS: Readonly<Record<number, string>> = {
  [GENERAL_NAME.email]: 'email ',
  [GENERAL_NAME.directory]: 'directory name ',
  [GENERAL_NAME.uri]: '',
  [GENERAL_NAME.dns]: '',
};

/** A name as text; what is not printable ASCII is escaped, foreign bytes do not reach a terminal. */
export function textOf({ tag, value }: GeneralName): string {
  if (tag === GENERAL_NAME.ip) return addressOf(value);
  const kind = KINDS[tag] ?? `name of type ${tag} `;
  const text = value.replace(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return kind + text;
}

function addressOf(bytes: string): string {
  const octets = [...Buffer.from(bytes, 'latin1')];
  if (octets.length === 4) return octets.join('.');
  const hex = Buffer.from(octets).toString('hex');
  if (octets.length !== 16) return `address ${hex}`;
  return canonicalIp((hex.match(/.{4}/g) ?? []).join(':'));
}
