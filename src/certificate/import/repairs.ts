import { describe, type Link } from './path/link.ts';
import type { Repair } from './repair.ts';

/** What was dropped, added and put in order to get from the certificates of the input to those that are kept. */
export function repairsOf(input: readonly Link[], path: readonly Link[], kept: readonly Link[]): readonly Repair[] {
  const distinct = withoutDuplicates(input);
  const has = (links: readonly Link[], link: Link): boolean =>
    links.some(({ fingerprint }) => fingerprint === link.fingerprint);
  const strays = distinct.filter((link) => !has(path, link));
  const roots = distinct.filter((link) => has(path, link) && !has(kept, link));
  const added = kept.filter((link) => !has(distinct, link));
  const before = distinct.filter((link) => has(kept, link));
  const after = kept.filter((link) => has(distinct, link));
  const moved = before.some((link, i) => link.fingerprint !== after[i]?.fingerprint);
  return [
    ...(moved ? [wrongOrder(after)] : []),
    ...strays.map(
      (link): Repair => ({ code: 'STRAY_DROPPED', message: `Dropped ${describe(link)}: it is not part of the chain.` }),
    ),
    ...roots.map(
      (link): Repair => ({ code: 'ROOT_DROPPED', message: `Dropped the root ${describe(link)}: clients have it.` }),
    ),
    ...added.map((link): Repair => ({ code: 'ISSUER_ADDED', message: `Added the intermediate ${describe(link)}.` })),
  ];
}

export function duplicateRepairs(input: readonly Link[]): readonly Repair[] {
  const first = new Set(withoutDuplicates(input));
  return input
    .filter((link) => !first.has(link))
    .map((link) => ({ code: 'DUPLICATE_DROPPED', message: `Dropped ${describe(link)}: it is there already.` }));
}

export function withoutDuplicates(links: readonly Link[]): readonly Link[] {
  const seen = new Map<string, Link>();
  for (const link of links) if (!seen.has(link.fingerprint)) seen.set(link.fingerprint, link);
  return [...seen.values()];
}

function wrongOrder(links: readonly Link[]): Repair {
  return { code: 'WRONG_ORDER', message: `Put the certificates in order: ${links.map(describe).join('; ')}.` };
}
