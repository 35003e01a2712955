import { GENERAL_NAME, type GeneralName, type NameConstraints } from '../extensions.ts';
import { textOf } from '../facts.ts';
import type { ImportFinding } from '../finding.ts';
import { describe, type Link } from '../path/link.ts';
import { matchSubtree } from './name-constraints.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

/** What the CAs of the chain may issue for (RFC 5280, section 6.1.4, g, and 6.1.3, b and c). */
export const nameConstraints: Rule = (chain) =>
  chain.issuers.flatMap((issuer, index) => {
    const limits = issuer.extensions.nameConstraints;
    if (limits === undefined) return [];
    return linksOf(chain)
      .slice(0, index + 1)
      .filter((link) => link === chain.leaf || link.subject !== link.issuer)
      .flatMap((link) => violations(chain, link, issuer, limits));
  });

function violations(chain: Chain, link: Link, issuer: Link, limits: NameConstraints): ImportFinding[] {
  const bad = namesOf(link).filter((name) => !isPermitted(name, limits));
  if (bad.length === 0) return [];
  const listed = bad
    .slice(0, 5)
    .map((name) => (name.tag === GENERAL_NAME.directory ? 'its directory name' : textOf(name)));
  const what = `is issued for ${listed.join(', ')}${bad.length > 5 ? ', …' : ''}, which ${describe(issuer)} does not allow`;
  return [
    about(chain, link, 'NAME_CONSTRAINTS_VIOLATED', what, 'Ask for a certificate from a CA that may issue for it.'),
  ];
}

function isPermitted(name: GeneralName, { permitted, excluded }: NameConstraints): boolean {
  const ofType = (subtree: GeneralName): boolean => subtree.tag === name.tag;
  const permits = permitted.filter(ofType);
  if (excluded.filter(ofType).some((subtree) => matchSubtree(name, subtree).touched)) return false;
  return permits.length === 0 || permits.some((subtree) => matchSubtree(name, subtree).covered);
}

const EMPTY_SEQUENCE = '0\0';

function namesOf({ subject, extensions }: Link): readonly GeneralName[] {
  const own = subject === EMPTY_SEQUENCE ? [] : [{ tag: GENERAL_NAME.directory, value: subject }];
  return [...own, ...(extensions.subjectAltName ?? [])];
}
