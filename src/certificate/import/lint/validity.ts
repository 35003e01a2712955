import type { ImportFinding } from '../finding.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

const DAY_MS = 86_400_000;

/** Longest validity in days by notBefore (CA/Browser Forum, ballot SC-081v3), the strictest first. */
const PUBLIC_LIMITS = [
  { from: Date.UTC(2029, 2, 15), days: 47 },
  { from: Date.UTC(2027, 2, 15), days: 100 },
  { from: Date.UTC(2026, 2, 15), days: 200 },
  { from: 0, days: 398 },
];
/** Apple's limit for any server, private roots included. */
const PRIVATE_LIMIT = 825;
const SOON_DAYS = 30;

export const longValidity: Rule = (chain) => {
  const { leaf } = chain;
  const from = leaf.x509.validFromDate.getTime();
  const days = Math.floor((leaf.x509.validToDate.getTime() + 1000 - from) / DAY_MS);
  const limit = chain.isPublic ? (PUBLIC_LIMITS.find((entry) => from >= entry.from)?.days ?? 0) : PRIVATE_LIMIT;
  if (days <= limit) return [];
  const who = chain.isPublic ? 'browsers take' : 'Apple devices take';
  const what = `is valid for ${days} days, and ${who} ${limit} at most`;
  return [about(chain, leaf, 'LONG_VALIDITY', what, 'Ask for a shorter validity.')];
};

/** Those that have expired are reported as that. */
export const expiresSoon: Rule = (chain, { now }) =>
  linksOf(chain).flatMap((link) => {
    const [from, to] = [link.x509.validFromDate.getTime(), link.x509.validToDate.getTime()];
    const left = to - now.getTime();
    // A CA is renewed in time by those who run it, the last third of its decades is no news.
    const aged = link === chain.leaf && now.getTime() > from + ((to - from) * 2) / 3;
    return left >= 0 && (left < SOON_DAYS * DAY_MS || aged) ? [soon(chain, link, Math.floor(left / DAY_MS))] : [];
  });

function soon(chain: Chain, link: Chain['leaf'], days: number): ImportFinding {
  const what = `expires at ${link.x509.validToDate.toISOString()}, in ${days} days`;
  return about(chain, link, 'EXPIRES_SOON', what, 'Have the next one ready.');
}
