import { DamagedError, PaletteKeysError } from '../errors.ts';
import { parseLedgerName } from '../installation/ledger-name.ts';
import { RECORD_NAME } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { installationOf, type KindId, type LedgerEntry, readLedgerObject } from '../ledger/entry.ts';
import { decodeRecord, type InstallationRecord } from '../ledger/record.ts';
import type { FoundObject, StoredObject } from '../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../ports/object-ref.ts';
import { factsOf, SurplusEntries } from './forms.ts';
import { versionedKind } from './index.ts';
import type { VersionedKind } from './kind.ts';

/** One Secret of the ledger: a version, or why it cannot be read as one. */
export type LedgerItem =
  | { readonly ref: ObjectRef; readonly n: number; readonly entry: LedgerEntry; readonly damage?: undefined }
  | {
      readonly ref: ObjectRef;
      readonly n: number;
      readonly damage: string;
      /** What makes it sound again, where there is more than to put it back as it was. */
      readonly remedy?: string;
    };

/** The ledger's Secrets by kind, by rising n. */
export type LedgerView = ReadonlyMap<KindId, readonly LedgerItem[]>;

export type RecordView =
  | { readonly status: 'sound'; readonly record: InstallationRecord; readonly object: StoredObject }
  | { readonly status: 'missing' }
  | { readonly status: 'damaged'; readonly damage: string; readonly object: FoundObject };

/** Reads the Secrets of the ledger that the inventory knows; each is checked against its own kid. */
export function readLedger(objects: readonly FoundObject[], spec: InstallationSpec): LedgerView {
  const view = new Map<KindId, LedgerItem[]>();
  for (const object of objects) {
    const name = object.ref.kind === 'Secret' ? parseLedgerName(spec, object.ref.name) : undefined;
    const kind = name === undefined ? undefined : versionedKind(name.kind);
    if (name === undefined || kind === undefined) continue;
    view.set(kind.id, [...(view.get(kind.id) ?? []), readItem(object, kind, name.n)]);
  }
  for (const items of view.values()) items.sort((a, b) => a.n - b.n);
  return view;
}

function readItem(object: FoundObject, kind: VersionedKind, n: number): LedgerItem {
  const { ref } = object;
  if (object.damage !== undefined) return { ref, n, damage: object.damage };
  try {
    const { kid, createdAt, material } = readLedgerObject(object, kind.id);
    const facts = factsOf(kind, material);
    if (facts.kid !== kid) throw new DamagedError('the key contradicts its kid');
    return { ref, n, entry: { kind: kind.id, n, createdAt, material, facts } };
  } catch (error) {
    if (error instanceof SurplusEntries) return { ref, n, damage: error.message, remedy: error.remedy };
    if (error instanceof DamagedError) return { ref, n, damage: error.message };
    throw error;
  }
}

/** Reads the record. Throws RECORD_TOO_NEW. */
export function readRecord(objects: readonly FoundObject[]): RecordView {
  const object = objects.find(({ ref }) => ref.kind === 'ConfigMap' && ref.name === RECORD_NAME);
  if (object === undefined) return { status: 'missing' };
  if (object.damage !== undefined) return { status: 'damaged', damage: object.damage, object };
  try {
    return { status: 'sound', record: decodeRecord(object.data), object };
  } catch (error) {
    if (error instanceof DamagedError) return { status: 'damaged', damage: error.message, object };
    throw error;
  }
}

/**
 * The id of the installation, which the label of the first root key decides. Throws TWO_INSTALLATIONS where the ledger
 * holds keys of different ones. A key that the record knows is ours, whatever became of its label.
 */
export function installationIdOf(objects: readonly FoundObject[], record: RecordView): string | undefined {
  const owners = new Map<string, string>();
  if (record.status === 'sound') owners.set(record.record.installationId, formatRef(record.object.ref));
  for (const object of objects) {
    if (object.damage !== undefined || object.ref.kind !== 'Secret' || isRecorded(object, record)) continue;
    const id = installationOf(object);
    if (id !== undefined && !owners.has(id)) owners.set(id, formatRef(object.ref));
  }
  const [first, second] = owners;
  if (first !== undefined && second !== undefined) {
    throw new PaletteKeysError(
      'TWO_INSTALLATIONS',
      `objects of two installations stand in one namespace: ${first[1]} (${first[0]}) and ${second[1]} (${second[0]})`,
      { hint: 'move the objects that do not belong here elsewhere, and run the command again; nothing was changed' },
    );
  }
  return first?.[0];
}

function isRecorded(object: StoredObject, record: RecordView): boolean {
  // The first root key's label is what all others have taken the id from.
  if (record.status !== 'sound' || object.ref.name.endsWith('key-root-key-v1')) return false;
  const kid = Buffer.from(object.data['kid'] ?? []).toString('latin1');
  return Object.values(record.record.keys).some(({ versions }) => versions.some((version) => version.kid === kid));
}
