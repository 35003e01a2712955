import { itemsOf, type KeyEvidence, withItem } from '../../ledger/evidence.ts';
import type { KeyRecord } from '../../ledger/record.ts';

/** What the database server says of the users of two versions: the one that a step is about, and the active one. */
export type UsersEvidence =
  /** Nobody says where the server is, or the credentials are not at hand. */
  | {
      readonly status: 'unknown';
      readonly reason: string;
      /** Name of the user that may stay there where a published version is given up all the same: it is named to the operator. */
      readonly leaves?: string;
    }
  | {
      readonly status: 'known';
      /** Name of the user that the step is about. */
      readonly user: string;
      /** Whether the server takes its login. */
      readonly accepted: boolean;
      /** Whether the server has a user of that name, whatever its password; undefined where nobody may list users. */
      readonly listed: boolean | undefined;
      /** Another version in use whose user has the same name. */
      readonly namesake: number | undefined;
      /** What the active user may and this one may not, in words; without the roles where the active login is refused. */
      readonly lacks: readonly string[];
      /** Name of the active user. */
      readonly active: string;
      readonly activeAccepted: boolean;
      /** True where --rollback would go back to a version before the active one. */
      readonly hasWayBack: boolean;
      /** True where an administrator's credential is at hand, with which users are made, watched and dropped. */
      readonly managed: boolean;
      /** Undefined where nobody looked. */
      readonly sessions: SessionsEvidence | undefined;
    };

export type SessionsEvidence =
  /** None was open: so two looks found, the same one where there was only one. */
  | { readonly status: 'none'; readonly first: Date; readonly last: Date }
  | { readonly status: 'open'; readonly blockers: readonly string[] };

/** The evidence with the note that the user of a version may be on the server by now. It is written before the user is made. */
export function withUserMade(evidence: KeyEvidence, n: number): KeyEvidence {
  return withItem(evidence, { type: 'user-made', n }, (other) => other.n === n);
}

/** False where this program has never made the user of a version: somebody may have, by hand. */
export function isUserMade({ evidence }: Pick<KeyRecord, 'evidence'>, n: number): boolean {
  return itemsOf(evidence, 'user-made').some((item) => item.n === n);
}
