import { type ImportFinding, importFinding } from '../finding.ts';
import { CHAIN_RULES } from '../lint/index.ts';
import type { Chain } from '../lint/rule.ts';
import type { ImportRequest } from '../types.ts';
import { describe, type Link } from './link.ts';
import { explainMissingPath } from './no-path.ts';
import { type PathSearch, searchPaths } from './path.ts';
import type { Trust } from './trust.ts';

export interface ChosenPath {
  readonly chain: Chain;
  /** From the leaf to the anchor; empty where there is none. */
  readonly path: readonly Link[];
  readonly findings: readonly ImportFinding[];
}

/** More complete paths than that are not compared. */
const MAX_COMPARED = 100;

/** The shortest path that no rule of chains objects to, to a self-signed anchor if there is one. */
export function choosePath(leaf: Link, pool: readonly Link[], trust: Trust, request: ImportRequest): ChosenPath {
  const search = searchPaths(leaf, pool, trust);
  const judged = search.complete.slice(0, MAX_COMPARED).map((path) => judge(path, trust, request));
  // Sorting keeps the order of equals, and the shortest came first.
  const [best, ...others] = judged.toSorted((a, b) => a.errors - b.errors || a.partial - b.partial);
  if (best !== undefined) return { ...best, findings: [...best.findings, ...otherPaths(best, others, request)] };
  return leaf.selfSigned ? selfSigned(leaf, request) : unfinished(search, pool, trust, request);
}

function judge(path: readonly Link[], trust: Trust, request: ImportRequest) {
  const [leaf, ...issuers] = path as [Link, ...Link[]];
  const anchor = path.at(-1) ?? leaf;
  const chain: Chain = { leaf, issuers, anchor, isPublic: trust.isPublic(anchor) };
  const own = anchor === leaf ? [selfSignedLeaf(leaf)] : [];
  const findings = [...own, ...lint(chain, request)];
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { chain, path, findings, errors, partial: anchor.selfSigned ? 0 : 1 };
}

function lint(chain: Chain, request: ImportRequest): readonly ImportFinding[] {
  return CHAIN_RULES.flatMap((rule) => rule(chain, request));
}

/** Nobody but itself can vouch for it: whoever allows it, trusts it. */
function selfSigned(leaf: Link, request: ImportRequest): ChosenPath {
  const chain: Chain = { leaf, issuers: [], anchor: leaf, isPublic: false };
  return { chain, path: [leaf], findings: [selfSignedLeaf(leaf), ...lint(chain, request)] };
}

function unfinished(search: PathSearch, pool: readonly Link[], trust: Trust, request: ImportRequest): ChosenPath {
  const [leaf, ...issuers] = search.open as [Link, ...Link[]];
  const top = issuers.at(-1) ?? leaf;
  const chain: Chain = { leaf, issuers, anchor: undefined, isPublic: false };
  const why = explainMissingPath(search, top, [...pool, ...trust.rootsFor(top)]);
  return { chain, path: [], findings: [why, ...lint(chain, request)] };
}

function selfSignedLeaf(leaf: Link): ImportFinding {
  return importFinding(
    'SELF_SIGNED_LEAF',
    describe(leaf),
    'The certificate is signed by its own key: browsers, agents and clusters refuse it unless each of them is told to trust it.',
    'Ask your PKI team for a certificate. For a trial, accept it with --allow SELF_SIGNED_LEAF.',
  );
}

/** Clients build their own path from what they have: some take the one with the older root. */
function otherPaths(
  best: { path: readonly Link[] },
  others: readonly { path: readonly Link[] }[],
  { now }: ImportRequest,
) {
  const [leaf] = best.path;
  const end = Math.max(now.getTime(), leaf?.x509.validToDate.getTime() ?? 0);
  const dying = others.flatMap(({ path }) => path.slice(1)).filter((link) => !best.path.includes(link));
  const found = dying.find(({ x509 }) => x509.validToDate.getTime() < end);
  if (found === undefined) return [];
  const what = `Clients may also go by ${describe(found)}, which expires at ${found.x509.validToDate.toISOString()}.`;
  return [
    importFinding(
      'OTHER_PATH_EXPIRES',
      describe(found),
      what,
      'Old clients that do may fail then; update their roots.',
    ),
  ];
}
