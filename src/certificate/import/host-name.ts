import type { X509Certificate } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { canonicalIp } from '../ip-address.ts';

export function isIpAddress(name: string): boolean {
  return name.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}

/** A name as it stands in certificates: ASCII (RFC 5890), lower case, without a final dot; an address in its usual form. */
export function asciiName(name: string): string {
  if (!isIpAddress(name)) return domainToASCII(name.replace(/\.$/, ''));
  try {
    return canonicalIp(name);
  } catch {
    return '';
  }
}

/** What may be asked for: letters, digits, hyphens. A first dot would make OpenSSL look for any name below. */
const HOST_NAME = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** Whether clients take the certificate for this name (RFC 9525): by the SAN alone, a wildcard being a whole label. */
export function covers(x509: X509Certificate, name: string): boolean {
  const ascii = asciiName(name);
  if (isIpAddress(ascii)) return x509.checkIP(ascii) !== undefined;
  if (!HOST_NAME.test(ascii)) return false;
  return x509.checkHost(ascii, { subject: 'never', partialWildcards: false }) !== undefined;
}
