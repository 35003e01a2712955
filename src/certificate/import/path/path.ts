import { isIssuedBy, type Link } from './link.ts';
import type { Trust } from './trust.ts';

export interface PathSearch {
  /** Shortest first, from the leaf to the anchor. */
  readonly complete: readonly (readonly Link[])[];
  /** The best chain that ends nowhere: at a self-signed certificate, or else the longest. */
  readonly open: readonly Link[];
  readonly exhausted: boolean;
  readonly tooDeep: boolean;
}

const MAX_SIGNATURE_CHECKS = 2000;
const MAX_PATHS = 2000;
/** Certificates of a chain, leaf and anchor included. */
const MAX_DEPTH = 10;

/** All simple paths, breadth first: OpenSSL follows one alone, and misses most in bundles with cross-signed CAs. */
export function searchPaths(leaf: Link, pool: readonly Link[], trust: Trust): PathSearch {
  const issuersOf = issuerFinder(pool, trust);
  const paths: (readonly Link[])[] = [[leaf]];
  const complete: (readonly Link[])[] = [];
  let open: readonly Link[] = [leaf];
  let tooDeep = false;
  for (const path of paths) {
    const top = path.at(-1) ?? leaf;
    // A leaf that is not signed by itself is no anchor, even if it was given as one: its issuer is to be known.
    const anchored = trust.isAnchor(top) && (top.selfSigned || top !== leaf);
    if (anchored) complete.push(path);
    if (anchored && top.selfSigned) continue;
    const issuers = issuersOf.find(top).filter((issuer) => !path.some((link) => isSameAuthority(link, issuer)));
    if (issuers.length === 0 && !anchored && isBetterEnd(path, open)) open = path;
    if (path.length === MAX_DEPTH) tooDeep ||= issuers.length > 0;
    else paths.push(...issuers.slice(0, MAX_PATHS - paths.length).map((issuer) => [...path, issuer]));
  }
  return { complete, open, tooDeep, exhausted: issuersOf.exhausted() || paths.length >= MAX_PATHS };
}

/** Remembers who issued whom: each pair is checked once, and all together no more often than is allowed. */
function issuerFinder(pool: readonly Link[], trust: Trust) {
  const known = new Map<Link, readonly Link[]>();
  let checks = 0;
  const checked = (link: Link, issuer: Link): boolean => {
    if (checks === MAX_SIGNATURE_CHECKS || !link.x509.checkIssued(issuer.x509)) return false;
    checks += 1;
    return isIssuedBy(link, issuer);
  };
  const find = (link: Link): readonly Link[] => {
    const before = known.get(link);
    if (before !== undefined) return before;
    const roots = trust.rootsFor(link).filter((root) => !pool.some((other) => isSame(other, root)));
    const issuers = [...pool, ...roots].filter((issuer) => checked(link, issuer));
    known.set(link, issuers);
    return issuers;
  };
  return { find, exhausted: () => checks === MAX_SIGNATURE_CHECKS };
}

function isSame(link: Link, other: Link): boolean {
  return link.fingerprint === other.fingerprint;
}

/** The same name and key: to visit it twice, perhaps signed by another, leads in circles. */
function isSameAuthority(link: Link, other: Link): boolean {
  if (isSame(link, other)) return true;
  if (link.subject !== other.subject || link.publicKey === undefined || other.publicKey === undefined) return false;
  return link.publicKey.equals(other.publicKey);
}

function isBetterEnd(path: readonly Link[], than: readonly Link[]): boolean {
  const [own, others] = [path.at(-1)?.selfSigned === true, than.at(-1)?.selfSigned === true];
  return own === others ? path.length > than.length : own;
}
