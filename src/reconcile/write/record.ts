import { RECORD_NAME } from '../../installation/names.ts';
import { readRecord } from '../../inventory/ledger-view.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import { type AuditAnchor, decodeRecord, type InstallationRecord, recordObject } from '../../ledger/record.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { destroyedIn } from '../plan/destroyed-versions.ts';
import { changeOf, type Purpose } from '../plan/intent.ts';
import { nextRecord } from '../plan/next-record.ts';
import { hasAuditLog } from '../plan/snapshot.ts';
import type { ApplyPorts } from '../ports.ts';

export interface WrittenRecord {
  readonly record: InstallationRecord;
  readonly version: string;
}

/** Brings the record to what ledger and spec amount to, in one update with a precondition. Throws StoreChangedError. */
export async function writeRecord(
  comparison: Comparison,
  { intent, migrates }: Purpose,
  ports: ApplyPorts,
): Promise<WrittenRecord> {
  const { record: view, rings, snapshot, installationId } = comparison;
  if (installationId === undefined) throw new Error('the ledger was not written before the record');
  const before = view.status === 'sound' ? view.record : undefined;
  const projections = snapshot.projections.values();
  const now = ports.clock.now();
  const destroyed = before === undefined ? destroyedIn(snapshot) : new Map();
  const change = changeOf(intent);
  const facts = { installationId, spec: snapshot.spec, rings, projections, now, destroyed, change, migrates };
  const next = nextRecord(before, facts);
  if (view.status === 'sound' && next === before) return { record: next, version: view.object.version };
  return storeRecord(next, view.status === 'missing' ? undefined : view.object.version, ports);
}

/** As soon as the root key is there: whoever completes an interrupted first run takes the spec from it. */
export async function openRecord(
  { record, snapshot, rings }: Comparison,
  { installationId, first }: { readonly installationId: string; readonly first: LedgerEntry | undefined },
  ports: ApplyPorts,
): Promise<void> {
  const root = first === undefined ? rings.get(ROOT_KEY) : [{ ...first, state: 'active' as const }];
  if (record.status !== 'missing' || hasAuditLog(snapshot) || root?.length !== 1) return;
  const { spec, projections } = snapshot;
  const facts = { installationId, spec, projections: projections.values(), now: ports.clock.now() };
  await storeRecord(nextRecord(undefined, { ...facts, rings: new Map([[ROOT_KEY, root]]) }), undefined, ports);
}

/** The last write of a run: everything is in place. `audit`: the log as it now is, where that is known. */
export async function markReady(
  { record, version }: WrittenRecord,
  audit: AuditAnchor | undefined,
  ports: ApplyPorts,
): Promise<void> {
  const isAnchored =
    audit === undefined || (audit.digest === record.audit?.digest && audit.lines === record.audit.lines);
  if (record.ready && isAnchored) return;
  await storeRecord({ ...record, ready: true, ...(isAnchored ? {} : { audit }) }, version, ports);
}

/** Writes a record: a new one where there is no `version`, else over exactly that one. Throws StoreChangedError. */
export async function storeRecord(
  record: InstallationRecord,
  version: string | undefined,
  ports: ApplyPorts,
): Promise<WrittenRecord> {
  const ref = recordRef(record.spec.ledgerNamespace);
  const object = recordObject(ref, record, ports.toolVersion);
  ports.signal.throwIfAborted();
  const result = version === undefined ? await ports.store.create(object) : await ports.store.replace(object, version);
  if (result === 'exists' || result === 'conflict')
    throw new StoreChangedError('the record was changed by another run');
  const written = await readBack(ports.store, record.spec.ledgerNamespace);
  // Decoded, for unknown fields then come in the same order.
  if (written === undefined || !isSame(written.record, decodeRecord(object.data)))
    throw new StoreChangedError('the record was changed by another run');
  return written;
}

/** The record as it stands in the store now, or undefined where it cannot be read. */
export async function readBack(store: KeyStore, ledgerNamespace: string): Promise<WrittenRecord | undefined> {
  const object = await store.get(recordRef(ledgerNamespace));
  const view = object === undefined ? undefined : readRecord([object]);
  return view?.status === 'sound' ? { record: view.record, version: view.object.version } : undefined;
}

function recordRef(namespace: string): ObjectRef {
  return { kind: 'ConfigMap', namespace, name: RECORD_NAME };
}

function isSame(a: InstallationRecord, b: InstallationRecord): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
