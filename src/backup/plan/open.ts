import { DamagedError, PaletteKeysError } from '../../errors.ts';
import { readLedger, readRecord } from '../../inventory/ledger-view.ts';
import { MOST_IN_BACKUP } from '../../ledger/bounds.ts';
import { installationOf, type LedgerEntry } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import type { StoredObject } from '../../ports/key-store.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { decodeList } from './list.ts';

/** A backup whose every key was checked against its kid, and the record that it goes with. */
export interface OpenedBackup {
  readonly record: InstallationRecord;
  readonly entries: readonly LedgerEntry[];
  /** The newest time that its record tells of: it was made then or later. */
  readonly changedAt: string;
}

/**
 * Every kid is computed anew, and every version of the record must be there. Only keys and record are returned: how
 * objects look is not for the file to say. Throws DamagedError, or RECORD_TOO_NEW.
 */
export function openBackup(plain: Uint8Array): OpenedBackup {
  const { objects } = decodeList(plain);
  const view = readRecord(objects);
  if (view.status === 'missing') throw new DamagedError('it holds no installation record');
  if (view.status === 'damaged') throw new DamagedError(`its record is damaged: ${view.damage}`);
  const { record } = view;
  checkBounds(record);
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
  return { record: printable(record), entries, changedAt: newestTimeIn(record) };
}

function newestTimeIn({ createdAt, keys }: InstallationRecord): string {
  const versions = Object.values(keys).flatMap((key) => key.versions);
  const times = versions.flatMap(({ since, backups }) => [since, ...backups.map(({ at }) => at)]);
  return [createdAt, ...times].sort().at(-1) ?? createdAt;
}

/** Checks a backup before it is written: what could not be restored is no fault of a disk. Throws REFUSED. */
export function checkOpens(plain: Uint8Array): void {
  try {
    openBackup(plain);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    throw new PaletteKeysError('REFUSED', `a backup made now could not be restored: ${error.message}`, {
      hint: 'palette-keys status says what is wrong; nothing was written',
      cause: error,
    });
  }
}

/** What an installation could not count on from. */
function checkBounds({ generation, keys }: InstallationRecord): void {
  const highest = Math.max(0, ...Object.values(keys).map(({ versions }) => versions.at(-1)?.n ?? 0));
  if (generation <= MOST_IN_BACKUP.generation && highest <= MOST_IN_BACKUP.n) return;
  const [what, most] =
    highest > MOST_IN_BACKUP.n
      ? [`a version with the number ${highest}`, MOST_IN_BACKUP.n]
      : [`the generation ${generation}`, MOST_IN_BACKUP.generation];
  throw new DamagedError(`its record has ${what}, and no installation comes to more than ${most}`);
}

/** Without backups whose names would be commands to the terminal that `status` shows them on. */
function printable(record: InstallationRecord): InstallationRecord {
  const keys = Object.entries(record.keys).map(([kind, key]) => {
    const kept = key.versions.map((version) => ({
      ...version,
      backups: version.backups.filter(({ file }) => !/\p{Cc}/u.test(file)),
    }));
    return [kind, { ...key, versions: kept }] as const;
  });
  return { ...record, keys: Object.fromEntries(keys) };
}

function entriesOf(secrets: readonly StoredObject[], record: InstallationRecord): readonly LedgerEntry[] {
  return [...readLedger(secrets, record.spec).values()].flat().map((item) => {
    if (item.damage !== undefined) throw new DamagedError(`${item.ref.name} in it is damaged: ${item.damage}`);
    if (item.ref.namespace !== record.spec.ledgerNamespace) {
      throw new DamagedError(`${item.ref.name} in it is not in the namespace of the ledger`);
    }
    return item.entry;
  });
}

function checkComplete(record: InstallationRecord, entries: readonly LedgerEntry[]): void {
  for (const [kind, { versions }] of Object.entries(record.keys)) {
    for (const { n, kid, state, createdAt, fingerprint } of versions) {
      if (state === 'destroyed') continue;
      const found = entries.find((entry) => entry.kind === kind && entry.n === n);
      if (found?.facts.kid !== kid) throw new DamagedError(`it lacks ${kind} v${n} (${kid}), which its record knows`);
      if (found.createdAt !== createdAt || found.facts.fingerprint !== fingerprint) {
        throw new DamagedError(`its ${kind} v${n} (${kid}) is another one than its record knows`);
      }
    }
  }
}
