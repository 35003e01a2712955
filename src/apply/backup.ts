import type { AuditChange } from '../audit/chain.ts';
import { encodeList } from '../backup/list.ts';
import { openBackup } from '../backup/open.ts';
import { equalBytes, sha256Hex } from '../crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { allNamespaces } from '../installation/names.ts';
import { formatTime } from '../ledger/entry.ts';
import { type InstallationRecord, isOlder, recordObject, type VersionRecord } from '../ledger/record.ts';
import { type Assessment, assess } from '../plan/assess.ts';
import type { BackupFiles } from '../ports/backup-files.ts';
import type { Entries, NewObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import type { Sealer, SealFor } from '../ports/sealer.ts';
import { appendAudit } from './audit.ts';
import { Moved } from './errors.ts';
import { gather } from './gather.ts';
import type { ApplyPorts } from './ports.ts';
import { updateRecord } from './update-record.ts';
import { wipe } from './wipe.ts';

/** What making and reading backup files needs besides the store. */
export interface BackupPorts {
  readonly files: BackupFiles;
  readonly sealer: Sealer;
}

export interface BackupRequest {
  /** Where the file is made; undefined for a rehearsal, which writes nothing. */
  readonly file: string | undefined;
  readonly to: SealFor;
  /** The platform's (`-n`), which the installation must have. */
  readonly namespace?: string | undefined;
  /** Where the ledger is looked for if the store does not tell. */
  readonly ledgerNamespace?: string | undefined;
}

/** Public facts of a version that a backup holds. */
export interface BackedUp {
  readonly key: string;
  readonly n: number;
  readonly kid: string;
}

/** The newest ones that the record remembers of each version: a ConfigMap holds 1 MiB. */
const REMEMBERED = 10;

/** A finished backup: what the record remembers of it. */
export type BackupMark = VersionRecord['backups'][number];

/**
 * Writes ledger and record into an encrypted file, reads the file back, decrypts and checks it, and then records which
 * versions it holds. Throws REFUSED where the installation is not whole, so that nobody relies on half a backup, and USAGE where it
 * is not that of `namespace`.
 */
export async function applyBackup(
  request: BackupRequest,
  ports: ApplyPorts & BackupPorts,
): Promise<readonly BackedUp[]> {
  const { store, clock, actor } = ports;
  const snapshot = await gather(store, {
    ...{ spec: undefined, namespace: request.namespace },
    ledgerNamespace: request.ledgerNamespace,
  });
  const assessment = await assess(snapshot, { adopt: false, restore: false }, clock.now());
  const { record, objects } = wholeInstallation(assessment);
  const list = encodeList(allNamespaces(record.spec), objects);
  const entries = entriesOf(record);
  try {
    if (request.file === undefined) return entries;
    const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
    try {
      const mark = await writeBackup(list, { file: request.file, to: request.to }, ports);
      await remember(record, mark, entries, ports);
    } catch (error) {
      throw error instanceof Moved ? notRemembered(request.file) : error;
    } finally {
      await lock.release();
    }
    return entries;
  } finally {
    list.fill(0);
    wipe(assessment);
  }
}

/** Seals a backup in the clear into a new file that was read back and opened again. */
export async function writeBackup(
  list: Uint8Array,
  { file, to }: { readonly file: string; readonly to: SealFor },
  { files, sealer, clock }: BackupPorts & Pick<ApplyPorts, 'clock'>,
): Promise<BackupMark> {
  const sealed = await sealer.seal(list, to);
  await files.create(file, sealed.bytes, async (copy) => {
    const opened = await sealed.reopen(copy);
    const same = equalBytes(opened, list);
    if (same) openBackup(opened);
    opened.fill(0);
    if (!same) throw new DamagedError('what was written is not what was backed up');
  });
  const recipients = to.kind === 'recipients' ? [...to.recipients] : ['passphrase'];
  return { file, sha256: sha256Hex(sealed.bytes), at: formatTime(clock.now()), recipients };
}

function notRemembered(file: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${file} is written and sound, but others kept changing the record`, {
    hint: 'keep the file; make another backup when they are done, so that the record knows of one',
  });
}

async function remember(
  { spec }: InstallationRecord,
  mark: BackupMark,
  entries: readonly BackedUp[],
  ports: ApplyPorts,
): Promise<void> {
  const written = await updateRecord(spec.ledgerNamespace, (record) => withBackup(record, mark, entries), ports);
  const changes = entries.map(
    ({ key, n, kid }): AuditChange => ({ action: 'backup', object: `${key} v${n} in ${mark.file}`, key, kid }),
  );
  await appendAudit(written.record, { changes, result: 'done' }, ports);
}

/** The record with a backup noted at every version that it holds; neither generation nor ready changes. */
export function withBackup(
  record: InstallationRecord,
  mark: BackupMark,
  held: readonly BackedUp[],
): InstallationRecord {
  const keys = Object.entries(record.keys).map(([key, { versions, evidence }]) => {
    const marked = versions.map((version) =>
      held.some((entry) => entry.key === key && entry.kid === version.kid)
        ? { ...version, backups: noted(version.backups, mark) }
        : version,
    );
    return [key, { versions: marked, evidence }] as const;
  });
  return { ...record, keys: Object.fromEntries(keys) };
}

/** An update whose answer was lost is made again: it notes a backup once. */
function noted(backups: readonly BackupMark[], mark: BackupMark): BackupMark[] {
  const others = backups.filter(
    ({ file, sha256, at }) => file !== mark.file || sha256 !== mark.sha256 || at !== mark.at,
  );
  return [...others, mark].slice(-REMEMBERED);
}

export function entriesOf(record: InstallationRecord): readonly BackedUp[] {
  return Object.entries(record.keys).flatMap(([key, { versions }]) =>
    versions.filter(({ state }) => state !== 'destroyed').map(({ n, kid }) => ({ key, n, kid })),
  );
}

/** The record and the ledger's Secrets, where nothing of it is missing or damaged. Throws NOT_INSTALLED and REFUSED. */
function wholeInstallation({ record, versions, snapshot, ledger, installationId }: Assessment): {
  readonly record: InstallationRecord;
  readonly objects: readonly NewObject[];
} {
  if (installationId === undefined) {
    throw new PaletteKeysError('NOT_INSTALLED', `${snapshot.store.location} holds no installation`, {
      hint: 'palette-keys init makes one; there is nothing to back up yet',
    });
  }
  const broken = [...versions].find(([, items]) => items.some(({ action }) => action !== 'keep'));
  if (record.status !== 'sound' || broken !== undefined || !record.record.ready) {
    const part = broken === undefined ? 'the installation' : `the ledger of ${broken[0]}`;
    const what = record.status === 'sound' ? part : 'the record';
    throw new PaletteKeysError('REFUSED', `${what} is not whole: a backup made now would lack it`, {
      hint: 'palette-keys status says what is wrong; palette-keys init repairs what can be repaired',
    });
  }
  // A destroyed version whose entry is there again is not to last.
  const places = new Set(
    [...ledger].flatMap(([kind, items]) => {
      const destroyed = (record.record.keys[kind]?.versions ?? []).filter(({ state }) => state === 'destroyed');
      const kept = items.filter(({ n }) => destroyed.every((version) => version.n !== n));
      return kept.map(({ ref }) => formatRef(ref));
    }),
  );
  const secrets = snapshot.ledger.flatMap((object) =>
    object.damage === undefined && places.has(formatRef(object.ref)) ? [object] : [],
  );
  return { record: record.record, objects: [...secrets, { ...record.object, data: restorable(record) }] };
}

/** The log is not in the backup: a restored one goes on from the line that the record knows as the last one. */
function restorable({ record, object }: Extract<Assessment['record'], { status: 'sound' }>): Entries {
  const { audit } = record;
  if (isOlder(record) || audit === undefined) return object.data;
  const { lines, digest } = audit;
  return recordObject(object.ref, { ...record, audit: { lines, digest, start: { lines, digest } } }, '').data;
}
