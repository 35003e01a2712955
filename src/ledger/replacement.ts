import { activeSinceOf, type KeyRecord } from './record.ts';

/**
 * Which versions were made because somebody else may hold those before them. It is written with the version, in one update
 * of the record, and never changes; where it is lost, a version counts as any other.
 */

const CAUSE = 'compromised';

export function withReplacement(evidence: KeyRecord['evidence'], n: number): KeyRecord['evidence'] {
  return { ...evidence, [nameOf(n)]: CAUSE };
}

/** Those versions, by n. */
export function replacementsIn({ versions, evidence }: KeyRecord): ReadonlySet<number> {
  return new Set(versions.flatMap(({ n }) => (evidence[nameOf(n)] === CAUSE ? [n] : [])));
}

/** Versions (n) that somebody else may hold: those before a replacement that is used, or about to be. */
export function exposedIn(key: KeyRecord): ReadonlySet<number> {
  const replacements = replacementsIn(key);
  const newest = key.versions.findLast(
    (version) => replacements.has(version.n) && (version.state === 'published' || activeSinceOf(version) !== undefined),
  );
  return new Set(key.versions.flatMap(({ n }) => (n < (newest?.n ?? 0) ? [n] : [])));
}

const nameOf = (n: number): string => `v${n}.cause`;
