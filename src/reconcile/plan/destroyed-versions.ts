import { type AuditChange, auditedChanges } from '../../audit/chain.ts';
import { KID_PATTERN } from '../../crypto/kid.ts';
import { parseLedgerName } from '../../installation/ledger-name.ts';
import { AUDIT_NAME } from '../../installation/names.ts';
import { isKindId, isTime, type KindId } from '../../ledger/entry.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import type { Snapshot } from './snapshot.ts';

/** For a lost record: nothing else tells which numbers were in use. An unknown creation time is that of the end. */
export function destroyedIn({ ledger, spec }: Snapshot): ReadonlyMap<KindId, readonly VersionRecord[]> {
  const made = new Map<string, string>();
  const found = new Map<KindId, VersionRecord[]>();
  for (const object of ledger) {
    if (object.damage !== undefined || !isLog(object.ref)) continue;
    for (const { time, change } of auditedChanges(Buffer.from(object.data['audit.jsonl'] ?? []).toString('utf8'))) {
      if (!isTime(time)) continue;
      if (change.action === 'create') made.set(change.object, time);
      const version = change.action === 'destroyed' ? destroyed(change, time, made.get(change.object)) : undefined;
      if (version === undefined || !isKindId(change.key)) continue;
      const others = (found.get(change.key) ?? []).filter(({ n }) => n !== version.n);
      found.set(change.key, [...others, version]);
    }
  }
  return found;

  function destroyed({ object, key, kid }: AuditChange, at: string, createdAt = at): VersionRecord | undefined {
    const name = parseLedgerName(spec, object.split('/').at(-1) ?? '');
    if (name?.kind !== key || kid === undefined || !KID_PATTERN.test(kid)) return undefined;
    const state = 'destroyed' as const;
    return { n: name.n, kid, state, createdAt, since: at, history: [{ state, at }], backups: [] };
  }
}

/** True of a version that a lost record was rebuilt with: when it was made, nobody knows for certain. */
export function isOfUnknownAge({ history }: Pick<VersionRecord, 'history'>): boolean {
  return history[0]?.state === 'destroyed';
}

/** The log that is being written, and those that were full. */
function isLog({ kind, name }: { readonly kind: string; readonly name: string }): boolean {
  return kind === 'ConfigMap' && (name === AUDIT_NAME || name.startsWith(`${AUDIT_NAME}-`));
}
