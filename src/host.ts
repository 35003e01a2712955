import { domainToASCII } from 'node:url';

/** The most characters that a DNS name has (RFC 1035, section 2.3.4, written without the final dot). */
export const MAX_DNS_NAME = 253;

/** The most characters of a label. */
const MAX_LABEL = 63;

/** An RFC 1123 label, as a pattern to be used in others. */
export const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

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

/** True where the last label is a number: clients (WHATWG URL, section 3.5) take it for an IPv4 address. */
export function endsInNumber(value: string): boolean {
  return /(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$/.test(value);
}

/** IPv4 with dots and without leading zeros, or IPv6 without a zone. */
export function isIpAddress(value: string): boolean {
  if (!value.includes(':')) return IPV4.test(value);
  return /^[0-9a-fA-F:.]+$/.test(value) && URL.canParse(`http://[${value}]/`);
}

/** ASCII (RFC 5890) in lower case. Of ASCII nothing else is changed: `domainToASCII` makes addresses of `1.2`. */
export function toAscii(name: string): string {
  return /[^\0-\x7f]/.test(name) ? domainToASCII(name) : name.toLowerCase();
}

/** Why a text is no DNS name or IP address; undefined if it is one. `wildcard`: `*` may be the whole first label. */
export function hostFault(text: string, { wildcard }: { readonly wildcard: boolean }): string | undefined {
  if (text === '') return 'it is empty';
  if (isIpAddress(text)) return undefined;
  if (/\s/.test(text)) return 'it holds spaces';
  if (text.includes('/'))
    return 'it is an address of the web, not a host name: leave out https:// and what follows the name';
  if (/^\[.*\]$/.test(text)) return 'an IPv6 address is written without brackets';
  if (/^(?:\[[^\]]*\]|[^:]*):\d*$/.test(text)) return 'it has a port: leave it out';
  if (text.includes(':')) return 'it is no IPv6 address';
  if (text.endsWith('.')) return 'it ends with a dot: leave it out';
  const name = toAscii(text);
  if (name === '') return 'it is no name that IDNA allows';
  if (name.length > MAX_DNS_NAME) return `it has ${name.length} characters; at most ${MAX_DNS_NAME} are possible`;
  if (endsInNumber(name))
    return looksLikeIpv4(name) ? 'it is no IPv4 address: four numbers from 0 to 255' : 'its last label is a number';
  const labels = name.split('.');
  return (wildcard && labels[0] === '*' && labels.length > 1 ? labels.slice(1) : labels).map(labelFault).find(Boolean);
}

function labelFault(label: string): string | undefined {
  if (DNS_LABEL.test(label)) return undefined;
  if (label === '') return 'it has an empty label: two dots in a row, or one at its beginning';
  if (label.length > MAX_LABEL)
    return `its label ${label} has ${label.length} characters; at most ${MAX_LABEL} are possible`;
  if (label.startsWith('-') || label.endsWith('-')) return `its label ${label} begins or ends with a hyphen`;
  if (label.includes('*')) return 'it has a * that is not the whole first label, or none is possible here';
  return `its label ${label} holds more than letters, digits and hyphens`;
}

/** `HOST:PORT`, an IPv6 address in brackets; else what is wrong with it. */
export function parseHostAndPort(text: string): { readonly host: string; readonly port: number } | string {
  const [, bracketed, name, digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  if (host === undefined) return 'it is not HOST:PORT';
  if (port < 1 || port > 65_535) return 'the port must be between 1 and 65535';
  if (bracketed !== undefined && !(bracketed.includes(':') && isIpAddress(bracketed)))
    return 'in brackets is no IPv6 address';
  return hostFault(host, { wildcard: false }) ?? { host: isIpAddress(host) ? host : toAscii(host), port };
}
