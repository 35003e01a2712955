import { needsArchives, readTrail, type Trail } from '../../audit/trail.ts';
import { unlessDamaged } from '../../errors.ts';
import { AUDIT_ARCHIVE } from '../../installation/names.ts';
import { LABEL } from '../../ledger/metadata.ts';
import { type AuditAnchor, takesAnchor } from '../../ledger/record.ts';
import { textEntry } from '../../ledger/text.ts';
import type { FoundObject, StoredObject } from '../../ports/key-store.ts';
import { auditLogIn, type Snapshot } from './snapshot.ts';

export const AUDIT_ENTRY = 'audit.jsonl';
/** What plans and the log itself call the audit log. */
export const AUDIT_KEY = 'audit-log';

/** The lines of an audit log; empty where there are none. Throws DamagedError. */
export function readAuditLog({ data }: Pick<StoredObject, 'data'>): string {
  return data[AUDIT_ENTRY]?.length === 0 ? '' : textEntry(data, AUDIT_ENTRY);
}

/** True for a full audit log that was copied away. */
export function isArchive(object: FoundObject): boolean {
  return object.damage === undefined && object.labels[LABEL.kind] === AUDIT_ARCHIVE;
}

export function anchorIn({ record }: Pick<Snapshot, 'record'>): AuditAnchor | undefined {
  return record.status !== 'sound' || !takesAnchor(record.record) ? undefined : record.record.audit;
}

/** True where archives have to be read before `trailOf` can tell anything. */
export function lacksArchives(snapshot: Snapshot): boolean {
  const log = textOf(auditLogIn(snapshot));
  return snapshot.archives === undefined && log !== undefined && needsArchives(log, anchorIn(snapshot));
}

/** What the audit log amounts to; undefined where it cannot be read, or its archives were not. */
export function trailOf(snapshot: Snapshot): Trail | undefined {
  const log = textOf(auditLogIn(snapshot));
  if (log === undefined || lacksArchives(snapshot)) return undefined;
  return readTrail(snapshot.archives ?? [], log, anchorIn(snapshot));
}

/** The trail of a log that is not what the record says; undefined where it is, or nobody can tell. */
export function brokenTrailOf(snapshot: Snapshot): Trail | undefined {
  const trail = trailOf(snapshot);
  if (trail === undefined || snapshot.record.status !== 'sound') return undefined;
  // Before its first run came to its end, an installation has no log.
  const isNone = trail.lines === 0 && anchorIn(snapshot) === undefined;
  return !isNone && ['shorter', 'different', 'broken'].includes(trail.verdict.status) ? trail : undefined;
}

/** The trail of a broken log that the run mends: `init` alone does. */
export function trailToMend({ isInit, snapshot }: { readonly isInit: boolean; readonly snapshot: Snapshot }) {
  return isInit ? brokenTrailOf(snapshot) : undefined;
}

/** Empty where there is no log; undefined where it cannot be read. */
function textOf(found: FoundObject | undefined): string | undefined {
  if (found === undefined) return '';
  if (found.damage !== undefined) return undefined;
  return unlessDamaged(
    () => readAuditLog(found),
    () => undefined,
  );
}
