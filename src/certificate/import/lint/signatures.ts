import type { Link } from '../path/link.ts';
import { about, type Rule, withoutAnchor } from './rule.ts';

const MD5 = 'MD5';
const SHA1 = 'SHA-1';

/** Signature algorithms with a digest that can be forged, and these digests themselves. */
const WEAK: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.3': 'MD4',
  '1.2.840.113549.1.1.4': MD5,
  '1.2.840.113549.2.5': MD5,
  '1.2.840.113549.1.1.5': SHA1,
  '1.2.840.10040.4.3': SHA1,
  '1.2.840.10045.4.1': SHA1,
  '1.3.14.3.2.26': SHA1,
  '1.3.14.3.2.27': SHA1,
  '1.3.14.3.2.29': SHA1,
};

/** The signature of an anchor proves nothing and is not looked at: old roots are signed with SHA-1. */
export const signatures: Rule = (chain) =>
  withoutAnchor(chain).flatMap((link) => {
    const digest = weakDigestOf(link);
    if (digest === undefined) return [];
    const remedy = 'Ask for a certificate that is signed with SHA-256 or better.';
    return [about(chain, link, 'WEAK_SIGNATURE', `is signed with ${digest}`, remedy)];
  });

function weakDigestOf({ signatureAlgorithm: { oid, digest } }: Link): string | undefined {
  return WEAK[digest ?? oid];
}
