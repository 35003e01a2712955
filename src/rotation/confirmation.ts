import type { KeyRecord, VersionRecord } from '../ledger/record.ts';

/** When all consumers of a version were first found to be current, and who says so. */
export interface Confirmation {
  readonly at: Date;
  readonly by: 'pods' | 'operator';
  /** Pods (`<namespace>/<name>`) that somebody vouched for then. */
  readonly ignored: readonly string[];
}

/** The name of the evidence for the state in which a version is now. It counts for no other, and for no later return to it. */
export function entryName({ n, state, history }: VersionRecord): string {
  return `v${n}.${history.length}.${state}`;
}

/**
 * The confirmation of a version's present state, undefined where there is none. A clock that was slow cannot put it before
 * the state was entered; one that was fast has confirmed nothing that counts yet.
 */
export function confirmationOf(
  { evidence }: Pick<KeyRecord, 'evidence'>,
  version: VersionRecord,
  now: Date,
): Confirmation | undefined {
  const found = evidence[entryName(version)];
  if (typeof found !== 'object' || found === null || !('confirmedAt' in found) || !('by' in found)) return undefined;
  const at = typeof found.confirmedAt === 'string' ? Date.parse(found.confirmedAt) : Number.NaN;
  const by = found.by === 'operator' ? 'operator' : 'pods';
  const ignored = 'ignored' in found && Array.isArray(found.ignored) ? found.ignored.map(String) : [];
  return Number.isNaN(at) || at > now.getTime() ? undefined : { at: noEarlier(at, version), by, ignored };
}

/** A time, or when the states were entered that it is about, if that is later. */
export function noEarlier(at: number, ...versions: readonly VersionRecord[]): Date {
  return new Date(Math.max(at, ...versions.map(({ since }) => Date.parse(since))));
}

/** The evidence with one more confirmation; those of states that were left are dropped. */
export function withConfirmation(
  { versions, evidence }: KeyRecord,
  version: VersionRecord,
  confirmation: Pick<Confirmation, 'by'> & Partial<Pick<Confirmation, 'ignored'>> & { readonly confirmedAt: string },
): KeyRecord['evidence'] {
  const current = new Set(versions.map(entryName));
  const kept = Object.entries(evidence).filter(([name]) => !/^v\d+[.]\d+[.]/.test(name) || current.has(name));
  return { ...Object.fromEntries(kept), [entryName(version)]: confirmation };
}
