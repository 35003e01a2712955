import { EXTENSION } from '../extensions.ts';
import { about, linksOf, type Rule } from './rule.ts';

/** Critical extensions that validators process; policies, with nobody asking for one, forbid nothing. */
const PROCESSED: ReadonlySet<string> = new Set([
  ...Object.values(EXTENSION),
  '2.5.29.32', // certificatePolicies
  '2.5.29.33', // policyMappings
  '2.5.29.54', // inhibitAnyPolicy
]);

export const damagedExtensions: Rule = (chain) =>
  linksOf(chain).flatMap((link) =>
    link.extensions.damaged.map((oid) =>
      about(
        chain,
        link,
        'EXTENSION_DAMAGED',
        `has the extension ${oid}, which cannot be read or occurs twice`,
        'Ask for a certificate that is encoded as RFC 5280 says.',
      ),
    ),
  );

export const unknownCriticalExtensions: Rule = (chain) =>
  linksOf(chain).flatMap((link) =>
    [...link.extensions.critical]
      .filter((oid) => !PROCESSED.has(oid))
      .map((oid) =>
        about(
          chain,
          link,
          'UNKNOWN_CRITICAL_EXTENSION',
          `has the critical extension ${oid}, which clients do not know and must refuse`,
          'Ask for a certificate without it, or with it not critical.',
        ),
      ),
  );
