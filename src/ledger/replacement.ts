import { formatTime, type KindId } from './entry.ts';
import { itemsOf, type KeyEvidence, withItem } from './evidence.ts';
import { activeSinceOf, type KeyRecord } from './record.ts';

/**
 * Which versions were made because somebody else may hold those before them. It is written before the version's ledger
 * entry, so that an entry which a killed run leaves is known to be the replacement, and never changes; where it is lost, a
 * version counts as any other.
 */

export function withReplacement(evidence: KeyEvidence, n: number): KeyEvidence {
  return withItem(evidence, { type: 'replacement', n }, (other) => other.n === n);
}

/** True for such a version, also while only the ledger knows it. */
export function isReplacement({ evidence }: Pick<KeyRecord, 'evidence'>, n: number): boolean {
  return itemsOf(evidence, 'replacement').some((item) => item.n === n);
}

/** Those versions, by n. */
export function replacementsIn(key: KeyRecord): ReadonlySet<number> {
  return new Set(key.versions.flatMap(({ n }) => (isReplacement(key, n) ? [n] : [])));
}

/** Versions (n) that somebody else may hold: those before a replacement that is used, or about to be. */
export function exposedIn(key: KeyRecord): ReadonlySet<number> {
  const replacements = replacementsIn(key);
  const newest = key.versions.findLast(
    (version) => replacements.has(version.n) && (version.state === 'published' || activeSinceOf(version) !== undefined),
  );
  return new Set(key.versions.flatMap(({ n }) => (n < (newest?.n ?? 0) ? [n] : [])));
}

/** The evidence of the CA with the note since when compromised certificates of a kind are replaced. */
export function withReissue(evidence: KeyEvidence, kind: KindId, at: Date): KeyEvidence {
  return withItem(evidence, { type: 'reissue', kind, since: formatTime(at) }, (other) => other.kind === kind);
}

/** That time; undefined where there is none. */
export function reissuedSince({ evidence }: Pick<KeyRecord, 'evidence'>, kind: KindId): Date | undefined {
  const found = itemsOf(evidence, 'reissue').findLast((item) => item.kind === kind);
  return found === undefined ? undefined : new Date(found.since);
}
