import type { AuditChange } from '../audit/chain.ts';
import { equalBytes, sha256Hex } from '../crypto/digest.ts';
import { DamagedError, notInstalled, PaletteKeysError } from '../errors.ts';
import { allNamespaces } from '../installation/names.ts';
import { formatTime } from '../ledger/entry.ts';
import { labels } from '../ledger/metadata.ts';
import { type InstallationRecord, recordObject, takesAnchor, type VersionRecord } from '../ledger/record.ts';
import { type BackupFiles, pendingName } from '../ports/backup-files.ts';
import type { Entries, NewObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import type { Sealer, SealFor } from '../ports/sealer.ts';
import { appendAudit, logMentions } from '../reconcile/audit/log.ts';
import { StoreChangedError } from '../reconcile/errors.ts';
import { withLock } from '../reconcile/lock.ts';
import { type Comparison, compare } from '../reconcile/plan/compare/compare.ts';
import { COMPLETE } from '../reconcile/plan/intent.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import { readInstallation } from '../reconcile/read/read-installation.ts';
import { wipe } from '../reconcile/read/wipe.ts';
import { updateRecord } from '../reconcile/write/update-record.ts';
import { encodeList } from './plan/list.ts';
import { checkOpens } from './plan/open.ts';

export interface BackupPorts {
  readonly files: BackupFiles;
  readonly sealer: Sealer;
}

export interface BackupRequest {
  /** Where the file is made; `-` is standard output. */
  readonly file: string;
  /** A rehearsal writes nothing. */
  readonly dryRun: boolean;
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

export interface Backup {
  readonly entries: readonly BackedUp[];
  /** Undefined for a rehearsal. */
  readonly mark: BackupMark | undefined;
}

/** The newest ones that the record remembers of each version: a ConfigMap holds 1 MiB. */
const REMEMBERED = 10;

export type BackupMark = VersionRecord['backups'][number];

/**
 * Seals ledger and record, reads back and checks; then the record notes digest and versions, and last the file gets its
 * name: so a repetition tells an interrupted run by its digest. Throws REFUSED where the installation is not whole, and
 * USAGE where it is not that of `namespace`, or another file has the name.
 */
export async function applyBackup(request: BackupRequest, ports: ApplyPorts & BackupPorts): Promise<Backup> {
  const { store, clock } = ports;
  const snapshot = await readInstallation(store, {
    ...{ spec: undefined, namespace: request.namespace },
    ledgerNamespace: request.ledgerNamespace,
  });
  const comparison = await compare(snapshot, COMPLETE, clock.now());
  const { record, objects } = wholeInstallation(comparison);
  const list = encodeList(allNamespaces(record.spec), objects);
  const entries = entriesOf(record);
  try {
    checkOpens(list);
    const done = await earlierBackup(request.file, record, ports.files);
    if (request.dryRun || done?.state === 'placed') return { entries, mark: done?.mark };
    return await withLock(ports, async () => {
      const mark = done?.mark ?? (await stageBackup(list, request, ports));
      await remember(record, mark, entries, ports);
      await ports.files.place(request.file, mark.sha256);
      return { entries, mark };
    });
  } catch (error) {
    throw error instanceof StoreChangedError ? notRemembered(request.file) : error;
  } finally {
    list.fill(0);
    wipe(comparison);
  }
}

/** What an earlier run made under that name, of these very keys and states. Throws USAGE where another file has it. */
async function earlierBackup(
  file: string,
  record: InstallationRecord,
  files: BackupFiles,
): Promise<{ readonly state: 'placed' | 'staged'; readonly mark: BackupMark } | undefined> {
  const versions = Object.values(record.keys).flatMap((key) => key.versions);
  const noted = (sha256: string | undefined): BackupMark | undefined => {
    if (sha256 === undefined) return undefined;
    const marks = versions.map(
      (version) => version.state === 'destroyed' || version.backups.find((backup) => backup.sha256 === sha256),
    );
    const [mark] = marks.filter((found) => typeof found === 'object');
    const isCurrent =
      marks.every((found) => found !== undefined) && versions.every(({ since }) => since <= (mark?.at ?? ''));
    return isCurrent ? mark : undefined;
  };
  const placed = await files.digest(file);
  if (placed !== undefined) {
    const mark = noted(placed);
    if (mark !== undefined) return { state: 'placed', mark };
    throw new PaletteKeysError('USAGE', `${file} is there already; a backup is never overwritten`, {
      hint: 'name another file, for example with the date in it: --out keys-{time}.age',
    });
  }
  const mark = noted(await files.digest(pendingName(file)));
  return mark === undefined ? undefined : { state: 'staged', mark };
}

/** Seals a backup in the clear into a new file that was read back and opened again, and waits for its name. */
export async function stageBackup(
  list: Uint8Array,
  { file, to }: { readonly file: string; readonly to: SealFor },
  { files, sealer, clock }: BackupPorts & Pick<ApplyPorts, 'clock'>,
): Promise<BackupMark> {
  const sealed = await sealer.seal(list, to);
  await files.stage(file, sealed.bytes, async (copy) => {
    const opened = await sealed.reopen(copy);
    const same = equalBytes(opened, list);
    opened.fill(0);
    if (!same) throw new DamagedError('what was written is not what was backed up');
  });
  return { file, sha256: sha256Hex(sealed.bytes), at: formatTime(clock.now()), recipients: recipientsOf(to) };
}

function notRemembered(file: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', 'others kept changing the record, so that it does not know of the backup', {
    hint: `run the command again when they are done: the backup waits under ${pendingName(file)}`,
  });
}

export function recipientsOf(to: SealFor): string[] {
  return to.kind === 'recipients' ? [...to.recipients] : ['passphrase'];
}

/** Notes a backup in record and audit log, each once. */
async function remember(
  { spec }: InstallationRecord,
  mark: BackupMark,
  entries: readonly BackedUp[],
  ports: ApplyPorts,
): Promise<void> {
  const written = await updateRecord(spec.ledgerNamespace, (record) => withBackup(record, mark, entries), ports);
  const changes = entries.map(({ key, n, kid }): AuditChange => {
    const object = `${key} v${n} in ${mark.file} (SHA256:${mark.sha256})`;
    return { action: 'backup', object, key, kid };
  });
  if (await logMentions(written.record, mark.sha256, ports)) return;
  await appendAudit(written.record, { changes, result: 'done' }, ports);
}

export function withBackup(
  record: InstallationRecord,
  mark: BackupMark,
  held: readonly BackedUp[],
): InstallationRecord {
  const keys = Object.entries(record.keys).map(([key, found]) => {
    const marked = found.versions.map((version) =>
      held.some((entry) => entry.key === key && entry.kid === version.kid)
        ? { ...version, backups: noted(version.backups, mark) }
        : version,
    );
    return [key, { ...found, versions: marked }] as const;
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
function wholeInstallation({ record, versions, snapshot, ledger, installationId }: Comparison): {
  readonly record: InstallationRecord;
  readonly objects: readonly NewObject[];
} {
  const hint = 'palette-keys init makes one; there is nothing to back up yet';
  if (installationId === undefined) throw notInstalled(snapshot.store, hint);
  const broken = [...versions].find(([, items]) => items.some(({ action }) => action !== 'keep'));
  if (record.status !== 'sound' || broken !== undefined || !record.record.ready) {
    const part = broken === undefined ? 'the installation' : `the ledger of ${broken[0]}`;
    const what = record.status === 'sound' ? part : 'the record';
    throw new PaletteKeysError('REFUSED', `${what} is not whole: a backup made now would lack it`, {
      hint: 'palette-keys status says what is wrong; palette-keys init repairs what can be repaired',
    });
  }
  // A destroyed version whose entry is there again is not to last; what is damaged here the record does not know.
  const kinds = new Map(
    [...ledger].flatMap(([kind, items]) => {
      const destroyed = (record.record.keys[kind]?.versions ?? []).filter(({ state }) => state === 'destroyed');
      const kept = items.filter(
        ({ n, damage }) => damage === undefined && destroyed.every((version) => version.n !== n),
      );
      return kept.map(({ ref }) => [formatRef(ref), kind] as const);
    }),
  );
  const secrets = snapshot.ledger.flatMap((object) => {
    const kind = kinds.get(formatRef(object.ref));
    // Labels may have been lost or changed in the store; the record and the kids say whose keys these are.
    return object.damage === undefined && kind !== undefined
      ? [{ ...object, labels: labels(installationId, kind) }]
      : [];
  });
  return { record: record.record, objects: [...secrets, { ...record.object, data: restorable(record) }] };
}

/** The log is not in the backup: a restored one goes on from the line that the record knows as the last one. */
function restorable({ record, object }: Extract<Comparison['record'], { status: 'sound' }>): Entries {
  const { audit } = record;
  if (!takesAnchor(record) || audit === undefined) return object.data;
  const { lines, digest } = audit;
  return recordObject(object.ref, { ...record, audit: { lines, digest, start: { lines, digest } } }, '').data;
}
