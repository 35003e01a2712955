import { enteredBy, isSameState, itemsOf, type KeyEvidence, withoutStates } from '../../ledger/evidence.ts';
import { nameOf } from '../../ledger/former-evidence.ts';
import type { KeyRecord, VersionRecord } from '../../ledger/record.ts';

/** When all consumers of a version were first found to be current, and who says so. */
export interface Confirmation {
  readonly at: Date;
  readonly by: 'pods' | 'operator';
  /** Pods (`<namespace>/<name>`) that somebody vouched for then. */
  readonly ignored: readonly string[];
}

/** The state in which a version is now, by name. */
export function entryName(version: VersionRecord): string {
  return nameOf(enteredBy(version));
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
  const state = enteredBy(version);
  const found = itemsOf(evidence, 'confirmation').findLast((item) => isSameState(item.version, state));
  if (found === undefined) return undefined;
  const { by, ignored = [] } = found;
  const at = Date.parse(found.confirmedAt);
  return at > now.getTime() ? undefined : { at: noEarlier(at, version), by, ignored };
}

/** A time, or when the states were entered that it is about, if that is later. */
export function noEarlier(at: number, ...versions: readonly VersionRecord[]): Date {
  return new Date(Math.max(at, ...versions.map(({ since }) => Date.parse(since))));
}

/** The evidence with one more confirmation; confirmations and scans of states that were left are dropped. */
export function withConfirmation(
  { versions, evidence }: KeyRecord,
  version: VersionRecord,
  confirmation: Pick<Confirmation, 'by'> & Partial<Pick<Confirmation, 'ignored'>> & { readonly confirmedAt: string },
): KeyEvidence {
  const others = versions.filter(({ n }) => n !== version.n).map(enteredBy);
  const current = withoutStates(evidence, (state) => others.some((other) => isSameState(state, other)));
  return [...current, { type: 'confirmation', version: enteredBy(version), ...confirmation }];
}
