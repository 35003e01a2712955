import { EXTENSION } from '../extensions.ts';
import type { ImportFinding } from '../finding.ts';
import type { Link } from '../path/link.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY = '2.5.29.37.0';

export const leafUsage: Rule = (chain) => {
  const { leaf } = chain;
  const { basicConstraints, keyUsage, mustStaple, present } = leaf.extensions;
  const found = (code: Parameters<typeof about>[2], what: string, remedy: string): ImportFinding =>
    about(chain, leaf, code, what, remedy);
  const ca = basicConstraints?.ca === true;
  const request = 'Ask for a certificate of a TLS server.';
  return [
    ...(ca ? [found('CA_AS_LEAF', 'is a CA, which no server should be', request)] : []),
    ...(!ca && keyUsage?.keyCertSign === true
      ? [found('KEY_CERT_SIGN_WITHOUT_CA', 'may sign certificates by its key usage, but is no CA', request)]
      : []),
    ...(keyUsage?.digitalSignature === false
      ? [found('NO_DIGITAL_SIGNATURE', 'may not sign by its key usage, as TLS 1.3 and ECDHE need', request)]
      : []),
    ...(!present.has(EXTENSION.extendedKeyUsage)
      ? [found('NO_EKU', 'has no extended key usage', 'Ask for one with serverAuth; some clients insist on it.')]
      : []),
    ...(mustStaple
      ? [
          found(
            'MUST_STAPLE',
            'demands a stapled OCSP response, which ingress-nginx does not send, so that browsers refuse it',
            'Ask for one without the TLS feature extension. If your ingress staples, accept it with --allow MUST_STAPLE.',
          ),
        ]
      : []),
  ];
};

/** A CA whose extended key usage leaves serverAuth out cannot give it either, as all big validators read it. */
export const extendedKeyUsages: Rule = (chain) =>
  linksOf(chain).flatMap((link) => (allowsServerAuth(chain, link) ? [] : [withoutServerAuth(chain, link)]));

function allowsServerAuth(chain: Chain, link: Link): boolean {
  const usages = link.extensions.extendedKeyUsage;
  if (usages === undefined || usages.includes(SERVER_AUTH)) return true;
  return link !== chain.leaf && usages.includes(ANY);
}

function withoutServerAuth(chain: Chain, link: Link): ImportFinding {
  const remedy =
    link === chain.leaf
      ? 'Ask for a certificate with serverAuth.'
      : 'Ask for one from a CA that may issue for servers.';
  return about(chain, link, 'EKU_WITHOUT_SERVER_AUTH', 'has an extended key usage without serverAuth', remedy);
}
