import type { ImportFinding } from '../finding.ts';
import type { Link } from '../path/link.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

/** Dates are judged here and not by the handshake, which knows no time but the system's. */
export const dates: Rule = (chain, { now }) => {
  // Certificates count in seconds; the last second belongs to the validity (RFC 5280, section 4.1.2.5).
  const second = Math.floor(now.getTime() / 1000) * 1000;
  const links = linksOf(chain);
  const early = links.filter(({ x509 }) => second < x509.validFromDate.getTime());
  const late = links.filter(({ x509 }) => second > x509.validToDate.getTime());
  const clock = early.length + late.length === links.length ? clockLooksWrong(now) : '';
  return [...late.map((link) => expired(chain, link, clock)), ...early.map((link) => notYetValid(chain, link, now))];
};

function expired(chain: Chain, link: Link, clock: string): ImportFinding {
  const remedy = link === chain.leaf ? 'Ask for a new certificate.' : 'Ask for the renewed certificate of that CA.';
  return about(chain, link, 'CERT_EXPIRED', `expired at ${link.x509.validToDate.toISOString()}${clock}`, remedy);
}

function notYetValid(chain: Chain, link: Link, now: Date): ImportFinding {
  const from = link.x509.validFromDate.toISOString();
  return about(
    chain,
    link,
    'CERT_NOT_YET_VALID',
    `is not valid before ${from}${clockLooksWrong(now)}`,
    'Set the clock if it is slow; otherwise import the certificate once it is valid.',
  );
}

function clockLooksWrong(now: Date): string {
  return `; the clock shows ${now.toISOString()}, which may be wrong`;
}
