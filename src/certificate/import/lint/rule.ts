import { type ImportFinding, type ImportFindingCode, importFinding } from '../finding.ts';
import { describe, type Link } from '../path/link.ts';
import type { ImportRequest } from '../types.ts';

/** A chain that is to be judged, as far as it was found. */
export interface Chain {
  readonly leaf: Link;
  /** From the leaf's issuer upwards. */
  readonly issuers: readonly Link[];
  /** The last of the chain, where it is trusted. */
  readonly anchor: Link | undefined;
  /** The anchor is a root that every client has. */
  readonly isPublic: boolean;
}

/** A check of one thing: pure, and complete, so that all faults are reported at once. */
export type Rule = (chain: Chain, request: ImportRequest) => readonly ImportFinding[];

export function linksOf({ leaf, issuers }: Chain): readonly Link[] {
  return [leaf, ...issuers];
}

/** Those that are sent or signed for; whoever trusts an anchor takes it as it is. */
export function withoutAnchor(chain: Chain): readonly Link[] {
  return linksOf(chain).filter((link) => link !== chain.anchor || link === chain.leaf);
}

/** For example `the intermediate CN=Issuing CA (chain.pem, certificate 1)`. */
export function titleOf(chain: Chain, link: Link): string {
  if (link === chain.leaf) return `the certificate ${describe(link)}`;
  return `the ${link === chain.anchor ? 'trusted CA' : 'intermediate'} ${describe(link)}`;
}

export function about(chain: Chain, link: Link, code: ImportFindingCode, what: string, remedy: string): ImportFinding {
  const title = titleOf(chain, link);
  return importFinding(code, describe(link), `${title.replace(/^t/, 'T')} ${what}.`, remedy);
}
