import {
  AUDIT_LIMIT,
  type AuditChange,
  type AuditRecord,
  type AuditResult,
  appendLine,
  lastDigest,
  lastGeneration,
} from '../audit/chain.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { AUDIT_ARCHIVE, AUDIT_NAME } from '../installation/names.ts';
import { formatTime } from '../ledger/entry.ts';
import { specCopy } from '../ledger/known-spec.ts';
import { annotations, labels } from '../ledger/metadata.ts';
import type { InstallationRecord } from '../ledger/record.ts';
import { textEntry, utf8 } from '../ledger/text.ts';
import type { FoundObject, NewObject } from '../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../ports/object-ref.ts';
import { Moved } from './errors.ts';
import type { ApplyPorts } from './ports.ts';

const ENTRY = 'audit.jsonl';
const ATTEMPTS = 5;

/** Appends one record to the audit log; what another run appended meanwhile stays. */
export async function appendAudit(
  record: InstallationRecord,
  done: { readonly changes: readonly AuditChange[]; readonly result: AuditResult },
  ports: ApplyPorts,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await tryAppend(record, done, ports)) return;
  }
  throw new Moved('the audit log is being written by another run');
}

/** Throws REFUSED for a log that cannot be continued; nothing is written over it. */
export function checkLog(found: FoundObject | undefined): void {
  if (found === undefined) return;
  if (found.damage !== undefined) throw damagedLog(found.ref, found.damage);
  try {
    readLog(found);
  } catch (error) {
    if (error instanceof DamagedError) throw damagedLog(found.ref, error.message);
    throw error;
  }
}

/** True where the log already tells of the record's generation. */
export function isAudited(log: FoundObject | undefined, generation: number): boolean {
  return log !== undefined && log.damage === undefined && lastGeneration(readLog(log)) >= generation;
}

/** True where the log that is being written holds a text: an interrupted run was told of already. */
export async function logMentions(record: InstallationRecord, text: string, { store }: ApplyPorts): Promise<boolean> {
  const found = await store.get(auditRef(record));
  return found !== undefined && found.damage === undefined && readLog(found).includes(text);
}

async function tryAppend(
  record: InstallationRecord,
  done: { readonly changes: readonly AuditChange[]; readonly result: AuditResult },
  ports: ApplyPorts,
): Promise<boolean> {
  const { store, signal } = ports;
  const ref = auditRef(record);
  const found = await store.get(ref);
  checkLog(found);
  const log = found === undefined || found.damage !== undefined ? '' : readLog(found);
  const audit = auditRecord(record, done, ports);
  const full = Buffer.byteLength(log) > AUDIT_LIMIT;
  if (full) await copyAway(record, log, ports);
  signal.throwIfAborted();
  const object = auditObject(ref, record, appendLine(full ? '' : log, audit, lastDigest(log)), ports);
  const result = found === undefined ? await store.create(object) : await store.replace(object, found.version);
  return result === 'created' || result === 'replaced';
}

function auditRecord(
  record: InstallationRecord,
  { changes, result }: { readonly changes: readonly AuditChange[]; readonly result: AuditResult },
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
    const ref: ObjectRef = { ...auditRef(record), name: `${AUDIT_NAME}-${n}` };
    ports.signal.throwIfAborted();
    const copy = {
      ...auditObject(ref, record, log, ports),
      labels: labels(record.installationId, AUDIT_ARCHIVE),
      data: { [ENTRY]: utf8(log) },
    };
    if ((await ports.store.create(copy)) === 'created') return;
    const there = await ports.store.get(ref);
    if (there?.damage === undefined && there !== undefined && readLog(there) === log) return;
  }
}

function auditRef(record: InstallationRecord): ObjectRef {
  return { kind: 'ConfigMap', namespace: record.spec.ledgerNamespace, name: AUDIT_NAME };
}

function auditObject(ref: ObjectRef, record: InstallationRecord, log: string, { toolVersion }: ApplyPorts): NewObject {
  return {
    ref,
    type: undefined,
    immutable: false,
    labels: labels(record.installationId, 'audit'),
    annotations: annotations(toolVersion),
    data: { [ENTRY]: utf8(log), ...specCopy(record.spec) },
  };
}

function readLog(object: Exclude<FoundObject, { damage: string }>): string {
  return object.data[ENTRY]?.length === 0 ? '' : textEntry(object.data, ENTRY);
}

function damagedLog(ref: ObjectRef, damage: string): PaletteKeysError {
  return new PaletteKeysError('REFUSED', `the audit log ${formatRef(ref)} is damaged: ${damage}`, {
    hint: 'move it away and keep it, then run the command again: a new log is begun',
  });
}
