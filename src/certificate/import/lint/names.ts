import { isIpAddress } from '../../../host.ts';
import { GENERAL_NAME } from '../extensions.ts';
import { textOf } from '../facts.ts';
import { type ImportFinding, importFinding } from '../finding.ts';
import { asciiName, covers } from '../host-name.ts';
import { describe, type Link } from '../path/link.ts';
import type { Rule } from './rule.ts';

/** Every address under which users reach the platform must be in the SAN, nothing else counts (RFC 9525). */
export const requiredNames: Rule = ({ leaf }, { fqdn }) =>
  fqdn
    .filter((name) => !covers(leaf.x509, name))
    .map((name) =>
      importFinding(
        'SAN_MISMATCH',
        describe(leaf),
        `The certificate does not cover ${name}: ${whyNot(leaf, name)} ${listed(leaf)}`,
        `Ask for a certificate whose subjectAltName has ${isIpAddress(name) ? 'the IP address' : 'the DNS name'} ${asciiName(name) || name}.`,
      ),
    );

/** Names that were reachable before, or that tenants need: worth a word, not a refusal. */
export const usefulNames: Rule = ({ leaf }, { previousFqdn, rootDomain, replaced }) => [
  ...previousFqdn.filter((name) => !covers(leaf.x509, name)).map((name) => previousMissing(leaf, name)),
  ...(rootDomain === undefined || covers(leaf.x509, `tenant.${rootDomain}`) ? [] : [tenantsMissing(leaf, rootDomain)]),
  ...(replaced === undefined ? [] : namesLost(leaf, namesIn(replaced.subjectAltName))),
];

function whyNot(leaf: Link, name: string): string {
  const ascii = asciiName(name);
  const names = namesOf(leaf);
  const dns = names.filter(({ tag }) => tag === GENERAL_NAME.dns).map(({ text }) => text.toLowerCase());
  if (ascii === '') return 'this is neither a host name nor an IP address.';
  if (isIpAddress(ascii)) return 'an IP address needs an entry of that type; a DNS name does not do.';
  if (names.length === 0) return 'it has no subjectAltName, and clients do not look at the common name.';
  if (ascii.includes('_')) return 'host names have no underscores; clients refuse them.';
  if (dns.length === 0) return 'its subjectAltName has no DNS names, and clients do not look at the common name.';
  if (dns.includes(`*.${ascii}`)) return `*.${ascii} does not cover ${ascii} itself.`;
  const wildcard = dns.find((entry) => entry.startsWith('*.') && ascii.endsWith(entry.slice(1)));
  if (wildcard !== undefined) return `${wildcard} covers one label only, and none directly below a top-level domain.`;
  if (dns.some((entry) => entry.includes('*') && !entry.startsWith('*.'))) {
    return 'clients take a wildcard only as the whole first label.';
  }
  return 'its subjectAltName does not have it.';
}

const MAX_LISTED = 20;

function listed(leaf: Link): string {
  const names = namesOf(leaf).map(({ text }) => text);
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return names.length === 0 ? 'It names nothing.' : `It names ${names.slice(0, MAX_LISTED).join(', ')}${more}.`;
}

function namesOf({ extensions }: Link) {
  return (extensions.subjectAltName ?? []).map((name) => ({ tag: name.tag, text: textOf(name) }));
}

function previousMissing(leaf: Link, name: string): ImportFinding {
  return importFinding(
    'PREVIOUS_FQDN_MISSING',
    describe(leaf),
    `The certificate does not cover the previous address ${name}.`,
    'Ask for it to be added if users or agents still go there.',
  );
}

function tenantsMissing(leaf: Link, rootDomain: string): ImportFinding {
  return importFinding(
    'TENANT_NAMES_MISSING',
    describe(leaf),
    `The certificate does not cover *.${rootDomain}; tenants log in at <tenant>.${rootDomain}.`,
    `Ask for *.${rootDomain} to be added to the subjectAltName.`,
  );
}

function namesLost(leaf: Link, before: readonly string[]): ImportFinding[] {
  const own = new Set(namesOf(leaf).map(({ text }) => text.toLowerCase()));
  const lost = before.filter((name) => !own.has(name.toLowerCase()) && !covers(leaf.x509, name));
  if (lost.length === 0) return [];
  const shown = lost.slice(0, MAX_LISTED).join(', ');
  return [
    importFinding(
      'NAMES_LOST',
      describe(leaf),
      `The certificate to replace covers ${lost.length} names that the new one does not: ${shown}${lost.length > MAX_LISTED ? ', …' : ''}.`,
      'Make sure that nobody uses them any more.',
    ),
  ];
}

/** DNS names and addresses as Node lists them; names that it has to quote are none that a client could use. */
function namesIn(subjectAltName: string | undefined): readonly string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => /^(?:DNS|IP Address):([^"]+)$/.exec(entry)?.slice(1) ?? []);
}
