import { domainToASCII } from 'node:url';

/** The most characters that a DNS name has (RFC 1035, section 2.3.4, written without the final dot). */
export const MAX_DNS_NAME = 253;

/** An RFC 1123 label, as a pattern to be used in others. */
export const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

/** RFC 1123 label. */
export const DNS_LABEL = new RegExp(`^${LABEL}$`);

/** RFC 1123 names in lower case, without a final dot. Their length is another check. */
export const DNS_NAME = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`);

/** The same, or with `*` as the whole first label (RFC 9525, section 6.3). */
export const DNS_NAME_OR_WILDCARD = new RegExp(`^(?:\\*\\.)?(?:${LABEL}\\.)*${LABEL}$`);

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** What is wrong with something that should have been a DNS name, said as helpfully as can be. */
export function explainDnsName(value: string): string {
  if (value.length > MAX_DNS_NAME) return `must have at most ${MAX_DNS_NAME} characters`;
  if (value.endsWith('.')) return 'must be a DNS name without a final dot';
  if (value !== value.toLowerCase()) return 'must be a DNS name in lower case';
  if (/[^\0-\x7f]/.test(value)) {
    const ascii = domainToASCII(value);
    return DNS_NAME.test(ascii) ? `must be given as A-labels: "${ascii}"` : 'must be a DNS name, given as A-labels';
  }
  return 'must be a DNS name: labels of letters, digits and "-", joined by dots';
}

/** `192.0.2.1` has the form of a DNS name and is none. */
export function looksLikeIpv4(value: string): boolean {
  return /^[0-9]+(?:\.[0-9]+){3}$/.test(value);
}

/** IPv4 with dots, or IPv6 without a zone. */
export function isIpAddress(value: string): boolean {
  if (!value.includes(':')) return IPV4.test(value);
  return /^[0-9a-fA-F:.]+$/.test(value) && URL.canParse(`http://[${value}]/`);
}
