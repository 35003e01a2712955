import { DamagedError } from '../errors.ts';
import { readLedger, readRecord } from '../inventory/ledger-view.ts';
import { installationOf, type KindId, type LedgerEntry } from '../ledger/entry.ts';
import type { InstallationRecord } from '../ledger/record.ts';
import type { StoredObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import { decodeList } from './list.ts';

/** A backup whose every key was checked against its kid, and the record that it goes with. */
export interface OpenedBackup {
  readonly record: InstallationRecord;
  readonly namespaces: readonly string[];
  /** Each with the Secret that it stood in. */
  readonly entries: readonly BackupEntry[];
}

export interface BackupEntry {
  readonly kind: KindId;
  readonly entry: LedgerEntry;
  readonly object: StoredObject;
}

/**
 * Checks a backup in the clear: every kid is computed anew, and every version that the record has must be there. Throws
 * DamagedError, or RECORD_TOO_NEW.
 */
export function openBackup(plain: Uint8Array): OpenedBackup {
  const { namespaces, objects } = decodeList(plain);
  const view = readRecord(objects);
  if (view.status === 'missing') throw new DamagedError('it holds no installation record');
  if (view.status === 'damaged') throw new DamagedError(`its record is damaged: ${view.damage}`);
  const { record } = view;
  const secrets = objects.filter(({ ref }) => ref.kind === 'Secret');
  if (new Set(objects.map(({ ref }) => formatRef(ref))).size < objects.length) {
    throw new DamagedError('it holds an object twice');
  }
  const entries = entriesOf(secrets, record);
  if (entries.length !== secrets.length) throw new DamagedError('it holds a Secret that is not an entry of the ledger');
  if (secrets.some((object) => installationOf(object) !== record.installationId)) {
    throw new DamagedError('it holds keys of another installation than its record');
  }
  checkComplete(record, entries);
  return { record, namespaces, entries };
}

function entriesOf(secrets: readonly StoredObject[], record: InstallationRecord): readonly BackupEntry[] {
  return [...readLedger(secrets, record.spec)].flatMap(([kind, items]) =>
    items.map((item): BackupEntry => {
      if (item.damage !== undefined) throw new DamagedError(`${item.ref.name} in it is damaged: ${item.damage}`);
      const object = secrets.find(({ ref }) => ref.name === item.ref.name && ref.namespace === item.ref.namespace);
      if (object === undefined || item.ref.namespace !== record.spec.ledgerNamespace) {
        throw new DamagedError(`${item.ref.name} in it is not in the namespace of the ledger`);
      }
      return { kind, entry: item.entry, object };
    }),
  );
}

function checkComplete(record: InstallationRecord, entries: readonly BackupEntry[]): void {
  for (const [kind, { versions }] of Object.entries(record.keys)) {
    for (const { n, kid, state } of versions) {
      const found = entries.find((candidate) => candidate.kind === kind && candidate.entry.n === n);
      if (state !== 'destroyed' && found?.entry.facts.kid !== kid) {
        throw new DamagedError(`it lacks ${kind} v${n} (${kid}), which its record knows`);
      }
    }
  }
}
