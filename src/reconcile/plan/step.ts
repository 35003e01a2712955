import type { KindId } from '../../ledger/entry.ts';
import type { RECORD_KEY } from '../../ledger/record.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';
import type { AUDIT_KEY } from './audit-log.ts';
import type { FindingCode } from './findings/finding.ts';

export type Action = 'create' | 'keep' | 'restore' | 'update' | 'blocked';

/** What is to be done with one object: ids and reasons, never bytes. */
export interface ObjectStep {
  readonly action: Action;
  readonly ref: ObjectRef;
  readonly key: KindId | typeof RECORD_KEY | typeof AUDIT_KEY;
  /** The version, for objects of the ledger. */
  readonly n?: number;
  readonly kid?: string;
  readonly fingerprint?: string;
  /** In words; there for every action but `keep`. */
  readonly reason?: string;
  /** What `status` calls it; there for every action but `keep` and a first `create`. */
  readonly code?: FindingCode;
  /** What helps; there for `blocked`. */
  readonly remedy?: string;
  /** True where the bytes of an object that is there will be replaced. */
  readonly replaces?: true;
  /** True where a new leaf is issued, which takes a new key. */
  readonly issues?: true;
}
