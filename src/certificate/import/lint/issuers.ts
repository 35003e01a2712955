import type { ImportFinding } from '../finding.ts';
import { about, type Chain, type Rule } from './rule.ts';

/** Whether the issuers may issue (RFC 5280, section 6.1.4, k to m). */
export const issuers: Rule = (chain) => [...notCas(chain), ...tooLongPaths(chain)];

/** A self-signed anchor of version 1 has no way to say that it is a CA. */
function notCas(chain: Chain): ImportFinding[] {
  return chain.issuers
    .filter(
      ({ extensions, version, selfSigned }) =>
        extensions.basicConstraints?.ca !== true && !(version === 1 && selfSigned),
    )
    .map((link) =>
      about(chain, link, 'ISSUER_NOT_CA', 'issued a certificate, but is no CA', 'Ask for the chain of a proper CA.'),
    );
}

function tooLongPaths(chain: Chain): ImportFinding[] {
  return chain.issuers.flatMap((link, index) => {
    const allowed = link.extensions.basicConstraints?.pathLength;
    // Self-issued certificates do not count, the leaf does not either.
    const below = chain.issuers.slice(0, index).filter(({ subject, issuer }) => subject !== issuer).length;
    if (allowed === undefined || below <= allowed) return [];
    const what = `allows ${allowed} CAs below it, and ${below} follow`;
    return [about(chain, link, 'PATH_LENGTH_EXCEEDED', what, 'Ask for a certificate from a CA higher up.')];
  });
}
