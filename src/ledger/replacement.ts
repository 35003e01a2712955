import type { KeyRecord } from './record.ts';

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

const nameOf = (n: number): string => `v${n}.cause`;
