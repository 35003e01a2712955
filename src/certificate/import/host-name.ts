import type { X509Certificate } from 'node:crypto';
import { hostFault, isIpAddress, toAscii } from '../../host.ts';
import { canonicalIp } from '../ip-address.ts';

/** A name as it stands in certificates: ASCII (RFC 5890), lower case, without a final dot; an address in its usual form. */
export function asciiName(name: string): string {
  return isIpAddress(name) ? canonicalIp(name) : toAscii(name.replace(/\.$/, ''));
}

/** Whether clients take the certificate for this name (RFC 9525): by the SAN alone, a wildcard being a whole label. */
export function covers(x509: X509Certificate, name: string): boolean {
  const ascii = asciiName(name);
  if (isIpAddress(ascii)) return x509.checkIP(ascii) !== undefined;
  // OpenSSL looks for other names than it is asked for: with a first dot for any name below.
  if (hostFault(ascii, { wildcard: false }) !== undefined) return false;
  return x509.checkHost(ascii, { subject: 'never', partialWildcards: false }) !== undefined;
}
