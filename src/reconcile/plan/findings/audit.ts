import { firstBreak } from '../../../audit/chain.ts';
import type { Trail } from '../../../audit/trail.ts';
import { DamagedError } from '../../../errors.ts';
import { auditConfigMap } from '../../../installation/names.ts';
import type { StoredObject } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import { AUDIT_ENTRY, anchorIn, brokenTrailOf, readAuditLog, trailOf, trailToMend } from '../audit-log.ts';
import type { Comparison } from '../compare/compare.ts';
import { auditLogIn, type Snapshot } from '../snapshot.ts';
import { type Finding, finding } from './finding.ts';

const AS_IT_WAS =
  'compare it with a copy, and put back what is missing; palette-keys init --yes notes both heads in the log and anchors it anew';

const MOVE_IT = 'move it away and keep it; a new one is begun';

/** What is wrong with the audit log: by itself, and by what the record says of its last line. */
export function auditFindings({ snapshot, record }: Pick<Comparison, 'snapshot' | 'record'>): readonly Finding[] {
  if (record.status !== 'sound') return [];
  const place = formatRef(auditConfigMap(snapshot.spec));
  const anchor = anchorIn(snapshot);
  const log = auditLogIn(snapshot);
  // A run that has not come to its end has perhaps not written it yet.
  const isExpected = record.record.ready || anchor !== undefined;
  if (log === undefined && anchor === undefined && isExpected) {
    const message = 'the installation is complete, but its audit log is gone';
    const remedy = 'look for a copy of it; the next run that changes anything begins a new one';
    return [finding('AUDIT_MISSING', place, message, remedy)];
  }
  if (log?.damage !== undefined) {
    return [finding('AUDIT_DAMAGED', place, `it cannot be read: ${log.damage}`, MOVE_IT)];
  }
  if (log !== undefined && (log.data[AUDIT_ENTRY]?.length ?? 0) === 0) {
    const remedy = 'look for a copy of it, and put it back';
    return [finding('AUDIT_DAMAGED', place, 'it has lost its entry audit.jsonl', remedy)];
  }
  const trail = trailOf(snapshot);
  if (trail === undefined) return log === undefined ? [] : ownFindings(place, log);
  if (trail.verdict.status === 'longer' && record.record.ready) return [ahead(place, trail.verdict.by)];
  return brokenTrailOf(snapshot) === undefined ? [] : [broken(place, trail, anchor)];
}

/** What a log tells by itself, without the archives before it. */
function ownFindings(place: string, log: StoredObject): readonly Finding[] {
  try {
    const line = firstBreak(readAuditLog(log));
    return line === undefined ? [] : [chainBroken(place, line)];
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    return [finding('AUDIT_DAMAGED', place, `it cannot be read: ${error.message}`, MOVE_IT)];
  }
}

function chainBroken(place: string, line: number): Finding {
  const message = `its chain is broken at line ${line}: that line or the one before was altered, or lines are missing`;
  return finding('AUDIT_DAMAGED', place, message, AS_IT_WAS);
}

function broken(place: string, { lines, head, verdict }: Trail, anchor: ReturnType<typeof anchorIn>): Finding {
  if (verdict.status === 'broken' || anchor === undefined)
    return chainBroken(place, verdict.status === 'broken' ? verdict.at : lines);
  const counted = (count: number): string => (count === 1 ? '1 line' : `${count} lines`);
  const found = head === null ? 'none is there' : `found: ${counted(lines)}, with head SHA256:${head}`;
  const message = `the record knows ${counted(anchor.lines)}, with head SHA256:${anchor.digest}; ${found}`;
  return finding('AUDIT_CHAIN_BROKEN', place, message, AS_IT_WAS);
}

function ahead(place: string, by: number): Finding {
  const message = `it has ${by} ${by === 1 ? 'line' : 'lines'} more than the record knows, and its chain is sound: a run was interrupted between the two writes`;
  return finding('AUDIT_AHEAD', place, message, 'nothing: the next run that changes anything notes it in the record');
}

/** What is to be said once a broken log was mended. */
export function afterMending<T extends { readonly findings: readonly Finding[] }>(
  done: T,
  after: { readonly isInit: boolean; readonly snapshot: Snapshot },
): T {
  if (trailToMend(after) === undefined) return done;
  const place = formatRef(auditConfigMap(after.snapshot.spec));
  return { ...done, findings: done.findings.filter(({ subject }) => subject !== place) };
}
