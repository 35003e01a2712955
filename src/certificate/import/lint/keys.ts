import { keyTypeOf } from '../facts.ts';
import type { ImportFinding } from '../finding.ts';
import type { Link } from '../path/link.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

const MIN_RSA_BITS = 2048;

/** Own rules: what OpenSSL refuses differs between versions of Node, and browsers refuse more. */
export const keys: Rule = (chain) => linksOf(chain).flatMap((link) => judge(chain, link));

function judge(chain: Chain, link: Link): ImportFinding[] {
  const reason = whyWeak(link);
  if (reason !== undefined) {
    const remedy = 'Ask for RSA with 2048 bits or more, P-256 or P-384, all along the chain.';
    return [about(chain, link, 'WEAK_KEY', `has a key that clients do not take: ${reason}`, remedy)];
  }
  const type = keyTypeOf(link.publicKey);
  if (type === 'Ed25519') return [unusual(chain, link, 'ED25519_KEY', type)];
  return type === 'P-521' && link === chain.leaf ? [unusual(chain, link, 'P521_KEY', type)] : [];
}

function whyWeak({ publicKey, keyOddity }: Link): string | undefined {
  const type = keyTypeOf(publicKey);
  if (keyOddity !== undefined) return keyOddity;
  if (['P-256', 'P-384', 'P-521', 'Ed25519'].includes(type)) return undefined;
  const bits = publicKey?.asymmetricKeyDetails?.modulusLength ?? 0;
  if (publicKey?.asymmetricKeyType === 'rsa' && bits >= MIN_RSA_BITS) return undefined;
  return publicKey?.asymmetricKeyType === 'rsa' ? `${type} is below ${MIN_RSA_BITS} bits` : `it is ${type}`;
}

function unusual(chain: Chain, link: Link, code: 'ED25519_KEY' | 'P521_KEY', type: string): ImportFinding {
  return about(
    chain,
    link,
    code,
    `has a ${type} key, which browsers do not take`,
    `Ask for P-256, P-384 or RSA. If no browser connects, accept it with --allow ${code}.`,
  );
}
