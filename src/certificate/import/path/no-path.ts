import { type ImportFinding, importFinding } from '../finding.ts';
import { describe, type Link, nameOf } from './link.ts';
import type { PathSearch } from './path.ts';

/** Why no chain leads to an anchor. `others` are all that could have been issuers. */
export function explainMissingPath(search: PathSearch, top: Link, others: readonly Link[]): ImportFinding {
  if (search.tooDeep) {
    return importFinding(
      'CHAIN_TOO_DEEP',
      describe(top),
      'The chain has more than 10 certificates without reaching a trusted root.',
      'Ask for a certificate from a CA nearer to the root.',
    );
  }
  if (search.exhausted) {
    return importFinding(
      'SEARCH_EXHAUSTED',
      describe(top),
      'The certificates can be combined in too many ways; 2,000 checks led to no trusted root.',
      'Pass the certificate and its chain alone.',
    );
  }
  if (top.selfSigned) return untrustedRoot(top);
  const namesakes = others.filter(({ subject }) => subject === top.issuer);
  return namesakes.length > 0 ? unfitIssuer(top, namesakes) : missingIssuer(top);
}

function untrustedRoot(root: Link): ImportFinding {
  return importFinding(
    'UNTRUSTED_ROOT',
    describe(root),
    `The chain is complete up to ${describe(root)}, a root that is not publicly trusted; trust is never taken from the input by itself.`,
    `If this is the root of your company, compare the fingerprint with your PKI team and pass --trust-root ${root.fingerprint}, or the root's file with --ca.`,
  );
}

function unfitIssuer(link: Link, namesakes: readonly Link[]): ImportFinding {
  const reasons = namesakes.map((issuer) => `${describe(issuer)} ${whyUnfit(link, issuer)}`);
  return importFinding(
    'ISSUER_UNFIT',
    describe(link),
    `${describe(link)} is issued by ${issuerOf(link)}, but ${reasons.join('; ')}.`,
    'Ask for the certificate of the CA that issued it: a CA that was renewed keeps its name.',
  );
}

function whyUnfit(link: Link, issuer: Link): string {
  if (issuer.extensions.keyUsage?.keyCertSign === false) return 'must not sign certificates, by its key usage';
  const wanted = link.extensions.authorityKeyIdentifier?.keyIdentifier;
  const own = issuer.extensions.subjectKeyIdentifier;
  if (wanted !== undefined && own !== undefined && wanted !== own)
    return `has the key identifier ${own}, not ${wanted}`;
  if (!link.x509.checkIssued(issuer.x509))
    return 'cannot be taken for it, as one of them has extensions that are wrong';
  return 'has a key that did not sign it';
}

function missingIssuer(link: Link): ImportFinding {
  const { authorityKeyIdentifier, issuerUrls } = link.extensions;
  const identifier = authorityKeyIdentifier?.keyIdentifier;
  const facts = [
    ...(identifier === undefined ? [] : [`its key identifier is ${identifier}`]),
    ...issuerUrls.map((url) => `the certificate says that it can be had at ${url.replace(/[^ -~]/g, '?')}`),
  ];
  return importFinding(
    'MISSING_INTERMEDIATE',
    describe(link),
    [`${describe(link)} is issued by ${issuerOf(link)}, which is neither in the input nor trusted`, ...facts].join(
      '; ',
    ),
    'Add the certificate of that CA to the chain; if it is the root of your company, pass it with --ca. Nothing is fetched from the network.',
  );
}

function issuerOf(link: Link): string {
  return nameOf(link.x509.issuer ?? '');
}
