import { EXTENSION, GENERAL_NAME, type GeneralName } from '../extensions.ts';
import { textOf } from '../facts.ts';
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

/** Go refuses a certificate as a whole for one such name, and ingress-nginx with it. */
export const unreadableNames: Rule = (chain) =>
  linksOf(chain).flatMap((link) =>
    (link.extensions.subjectAltName ?? [])
      .filter((name) => !isReadable(name))
      .map((name) =>
        about(
          chain,
          link,
          'EXTENSION_DAMAGED',
          `has the name ${textOf(name)}, which is neither ASCII nor an address`,
          'Ask for a certificate without it; international names are written in their xn-- form.',
        ),
      ),
  );

/** RFC 5280, section 4.2.1.6: IA5String is ASCII, addresses have 4 or 16 bytes. */
function isReadable({ tag, value }: GeneralName): boolean {
  if (tag === GENERAL_NAME.ip) return value.length === 4 || value.length === 16;
  const isText = [GENERAL_NAME.dns, GENERAL_NAME.email, GENERAL_NAME.uri].some((text) => text === tag);
  return !isText || [...value].every((char) => char.charCodeAt(0) < 0x80);
}

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
