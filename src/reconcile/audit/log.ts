import {
  AUDIT_LIMIT,
  type AuditChange,
  type AuditRecord,
  type AuditResult,
  appendLine,
  lastDigest,
  lastGeneration,
} from '../../audit/chain.ts';
import { anchorOf, needsArchives, readTrail, type Trail } from '../../audit/trail.ts';
import { DamagedError, PaletteKeysError } from '../../errors.ts';
import { AUDIT_ARCHIVE, auditConfigMap } from '../../installation/names.ts';
import { formatTime } from '../../ledger/entry.ts';
import { specCopy } from '../../ledger/known-spec.ts';
import { annotations, labels } from '../../ledger/metadata.ts';
import { type AuditAnchor, type InstallationRecord, takesAnchor } from '../../ledger/record.ts';
import { utf8 } from '../../ledger/text.ts';
import type { FoundObject, NewObject } from '../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import { AUDIT_ENTRY, AUDIT_KEY, readAuditLog } from '../plan/audit-log.ts';
import type { ApplyPorts } from '../ports.ts';
import { readArchives } from '../read/audit-archives.ts';
import { updateRecord } from '../write/update-record.ts';

const ATTEMPTS = 5;

interface Told {
  readonly changes: readonly AuditChange[];
  readonly result: AuditResult;
}

/** Appends a line, then anchors it in the record. Killed between the two, the next write of both mends it. */
export async function appendAudit(record: InstallationRecord, told: Told, ports: ApplyPorts): Promise<void> {
  const anchor = await appendLineTo(record, told, ports);
  if (anchor === undefined) return;
  const change = (current: InstallationRecord): InstallationRecord =>
    !takesAnchor(current) || (current.audit?.lines ?? 0) >= anchor.lines ? current : { ...current, audit: anchor };
  try {
    await updateRecord(record.spec.ledgerNamespace, change, ports);
  } catch (error) {
    // The line is written: that the record is gone, or that others write it, is for the next run.
    if (!(error instanceof StoreChangedError)) throw error;
  }
}

/** Returns the anchor for the caller's record; undefined where the log does not go on from the old one, which stays. */
export async function appendLineTo(
  record: InstallationRecord,
  told: Told,
  ports: ApplyPorts,
): Promise<AuditAnchor | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const appended = await tryAppend(record, told, ports);
    if (appended !== undefined) return anchorAfter(record, appended, ports);
  }
  throw new StoreChangedError('the audit log is being written by another run');
}

/** The anchor of the log as it stands, for a run that has nothing to tell. */
export async function anchorNow(
  record: InstallationRecord,
  found: FoundObject | undefined,
  ports: Pick<ApplyPorts, 'store'>,
): Promise<AuditAnchor | undefined> {
  if (found === undefined || found.damage !== undefined) return undefined;
  return anchorAfter(record, { after: readAuditLog(found) }, ports);
}

/** Tells of a log that is not what the record says, and anchors it anew. What comes before it stays as it is. */
export async function appendBroken(
  record: InstallationRecord,
  { lines, head }: Pick<Trail, 'lines' | 'head'>,
  appended: number,
  ports: ApplyPorts,
): Promise<AuditAnchor> {
  const { audit } = record;
  const expected = audit === undefined ? 'no anchor' : `${audit.lines} lines with head SHA256:${audit.digest}`;
  const found = head === null ? 'no lines' : `${lines} lines with head SHA256:${head}`;
  const object = `${formatRef(auditConfigMap(record.spec))}: the record has ${expected}, found were ${found}`;
  const told: Told = { changes: [{ action: 'chain-broken', object, key: AUDIT_KEY }], result: 'chain-broken' };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const written = await tryAppend(record, told, ports);
    if (written === undefined) continue;
    const digest = lastDigest(written.after) ?? '';
    const before = Math.max(audit?.lines ?? 0, lines) + appended;
    return {
      lines: before + 1,
      digest,
      ...(written.prev === null ? {} : { start: { lines: before, digest: written.prev } }),
    };
  }
  throw new StoreChangedError('the audit log is being written by another run');
}

/** Throws REFUSED for a log that cannot be continued; nothing is written over it. */
export function checkLog(found: FoundObject | undefined): void {
  if (found === undefined) return;
  if (found.damage !== undefined) throw damagedLog(found.ref, found.damage);
  try {
    readAuditLog(found);
  } catch (error) {
    if (error instanceof DamagedError) throw damagedLog(found.ref, error.message);
    throw error;
  }
}

/** True where the log already tells of the record's generation. */
export function isAudited(log: FoundObject | undefined, generation: number): boolean {
  return log !== undefined && log.damage === undefined && lastGeneration(readAuditLog(log)) >= generation;
}

/** True where the log that is being written holds a text: an interrupted run was told of already. */
export async function logMentions(record: InstallationRecord, text: string, { store }: ApplyPorts): Promise<boolean> {
  const found = await store.get(auditConfigMap(record.spec));
  return found !== undefined && found.damage === undefined && readAuditLog(found).includes(text);
}

/** A log with its new line, also where it was full and that line begins another one; and the digest of the line before. */
interface Appended {
  readonly after: string;
  readonly prev: string | null;
}

async function anchorAfter(
  record: InstallationRecord,
  { after }: Pick<Appended, 'after'>,
  { store }: Pick<ApplyPorts, 'store'>,
): Promise<AuditAnchor | undefined> {
  if (!takesAnchor(record)) return undefined;
  const { audit } = record;
  if (audit !== undefined) return anchorOf(after, audit);
  const archives = needsArchives(after, undefined) ? await readArchives(record.spec.ledgerNamespace, store) : [];
  const { lines, head, verdict } = readTrail(archives, after, undefined);
  return verdict.status === 'unanchored' && head !== null ? { lines, digest: head } : undefined;
}

async function tryAppend(record: InstallationRecord, told: Told, ports: ApplyPorts): Promise<Appended | undefined> {
  const { store, signal } = ports;
  const ref = auditConfigMap(record.spec);
  const found = await store.get(ref);
  checkLog(found);
  const log = found === undefined || found.damage !== undefined ? '' : readAuditLog(found);
  const audit = auditRecord(record, told, ports);
  const full = Buffer.byteLength(log) > AUDIT_LIMIT;
  if (full) await copyAway(record, log, ports);
  signal.throwIfAborted();
  // An empty log goes on from the line that the record knows as the last one: that of a backup, or of a log that is gone.
  const prev = lastDigest(log) ?? (takesAnchor(record) ? (record.audit?.digest ?? null) : null);
  const after = appendLine(log, audit, prev);
  const object = auditObject(ref, record, full ? appendLine('', audit, prev) : after, ports);
  const result = found === undefined ? await store.create(object) : await store.replace(object, found.version);
  return result === 'created' || result === 'replaced' ? { after, prev } : undefined;
}

function auditRecord(
  record: InstallationRecord,
  { changes, result }: Told,
  { clock, actor, toolVersion }: ApplyPorts,
): AuditRecord {
  const active = Object.entries(record.keys).map(([kind, { versions }]): [string, string] => [
    kind,
    versions.find(({ state }) => state === 'active')?.kid ?? '',
  ]);
  return {
    time: formatTime(clock.now()),
    ...actor,
    toolVersion,
    installationId: record.installationId,
    generation: record.generation,
    result,
    changes,
    active: Object.fromEntries(active),
  };
}

/** A full log is copied under the next free number before it is begun anew; a copy that is there already is taken as it is. */
async function copyAway(record: InstallationRecord, log: string, ports: ApplyPorts): Promise<void> {
  for (let n = 1; ; n++) {
    const ref = auditConfigMap(record.spec, n);
    ports.signal.throwIfAborted();
    const copy = {
      ...auditObject(ref, record, log, ports),
      labels: labels(record.installationId, AUDIT_ARCHIVE),
      data: { [AUDIT_ENTRY]: utf8(log) },
    };
    if ((await ports.store.create(copy)) === 'created') return;
    const there = await ports.store.get(ref);
    if (there?.damage === undefined && there !== undefined && readAuditLog(there) === log) return;
  }
}

function auditObject(ref: ObjectRef, record: InstallationRecord, log: string, { toolVersion }: ApplyPorts): NewObject {
  return {
    ref,
    type: undefined,
    immutable: false,
    labels: labels(record.installationId, 'audit'),
    annotations: annotations(toolVersion),
    data: { [AUDIT_ENTRY]: utf8(log), ...specCopy(record.spec) },
  };
}

function damagedLog(ref: ObjectRef, damage: string): PaletteKeysError {
  return new PaletteKeysError('REFUSED', `the audit log ${formatRef(ref)} is damaged: ${damage}`, {
    hint: 'move it away and keep it, then run the command again: a new log is begun',
  });
}
