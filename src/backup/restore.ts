import { digesting } from '../crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { wholeSpec } from '../installation/given.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import { allNamespaces, recordConfigMap } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { readLedger, readRecord } from '../inventory/ledger-view.ts';
import { formatTime, installationOf, type LedgerEntry, ledgerObject } from '../ledger/entry.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import { type InstallationRecord, recordObject } from '../ledger/record.ts';
import type { NewObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import type { OpenWith } from '../ports/sealer.ts';
import { withLock } from '../reconcile/lock.ts';
import { compare } from '../reconcile/plan/compare/compare.ts';
import type { Finding } from '../reconcile/plan/findings/finding.ts';
import { seenFindings, strangerFindings } from '../reconcile/plan/findings/tenants.ts';
import { COMPLETE } from '../reconcile/plan/intent.ts';
import { planChanges, type ReconcilePlan } from '../reconcile/plan/plan-changes.ts';
import type { Snapshot, TenantsSeen } from '../reconcile/plan/snapshot.ts';
import type { ObjectStep } from '../reconcile/plan/step.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import { readInstallation, type SpecRequest } from '../reconcile/read/read-installation.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { accessIn, type TenantAccess } from '../tenants/keyring.ts';
import { ifWhole } from '../tenants/see.ts';
import { type BackedUp, type BackupMark, type BackupPorts, entriesOf, withBackup } from './backup.ts';
import { type OpenedBackup, openBackup } from './plan/open.ts';
import { planRestore, type RestorableEntry, type RestorePlan, restoredGeneration } from './plan/restore.ts';

export interface RestoreRequest {
  readonly file: string;
  readonly key: OpenWith;
  readonly namespace: string | undefined;
  /** SHA-256 (hex) that the file must have; undefined where any will do. */
  readonly expect: string | undefined;
}

/** A backup that was opened and checked, and what restoring it would do. */
export interface Restoration extends Pick<OpenedBackup, 'changedAt'> {
  readonly mark: BackupMark;
  /** As its own record says, which proves nothing of where it comes from. */
  readonly installationId: string;
  /** True where the record of the store has noted the digest of this file. */
  readonly isNoted: boolean;
  readonly entries: readonly BackedUp[];
  readonly plan: RestorePlan;
  readonly missing: readonly NewObject[];
  /** The backup's record, not ready yet; it is written where the store has none. */
  readonly record: InstallationRecord;
  /** What `init` will do once the ledger is there. */
  readonly init: ReconcilePlan;
  readonly spec: SpecRequest;
  /** What is to be said of the tenant keys, where that does not stop it. */
  readonly findings: readonly Finding[];
  /** True where the backup was opened by the passphrase as a build of before took it. */
  readonly isFormer: boolean;
}

/** Opens, checks, plans; writes nothing. `look` gets spec and credentials as they will be. Throws BACKUP_REJECTED. */
export async function previewRestore(
  { file, key, namespace, expect }: RestoreRequest,
  { store, clock, toolVersion, files, sealer }: Pick<ApplyPorts, 'store' | 'clock' | 'toolVersion'> & BackupPorts,
  look: (spec: InstallationSpec, access: TenantAccess | undefined) => Promise<TenantsSeen | undefined>,
): Promise<Restoration> {
  const { chunks, hex } = digesting(files.read(file));
  const { plain, isFormer } = await sealer.open(chunks, key);
  const sha256 = hex();
  if (expect !== undefined && expect !== sha256) {
    plain.fill(0);
    throw unexpected(file, sha256, expect);
  }
  const backup = checked(plain);
  const now = clock.now();
  const mark = { file, sha256, at: formatTime(now), recipients: [] };
  const whole = wholeSpec(backup.record.spec);
  const found = await readInstallation(store, { spec: whole, namespace });
  const recorded = found.record.status === 'sound';
  // The spec of a record that is there counts, not the one of the backup.
  const { ledgerNamespace } = backup.record.spec;
  const spec: SpecRequest = { spec: recorded ? undefined : whole, namespace, ledgerNamespace };
  const snapshot = recorded ? await readInstallation(store, spec) : found;
  const restorable = restorableEntries(backup, toolVersion);
  const plan = planRestore(restorable, backup.record, await compare(snapshot, COMPLETE, now));
  const missing = restorable
    .map(({ object }) => object)
    .filter(({ ref }) => plan.steps.some((step) => step.action === 'create' && formatRef(step.ref) === formatRef(ref)));
  // The plan of `init` over what will then be there: what it refuses is refused before anything is written.
  const restored = withRestored(snapshot, missing, plan.writesRecord ? unready(backup.record) : undefined);
  const then = await compare(restored, COMPLETE, now);
  const seen = await look(restored.spec, await ifWhole(() => accessIn(then)));
  // Where record and root keys stay as they are, strange tenant keys are no worse off afterwards: they are named, no more.
  const stays = recorded && [...plan.steps, ...planChanges(then, now).steps].every(keepsRootKey);
  const init = planChanges(stays ? then : { ...then, seen }, now);
  const changes = init.steps.some(({ action, n }) => n === undefined && action !== 'keep');
  const generation = restoredGeneration(backup.record.generation, snapshot.projections.values(), changes);
  const entries = entriesOf(backup.record);
  const record = withBackup({ ...unready(backup.record), generation }, mark, entries);
  const findings = [...(stays ? strangerFindings({ ...then, seen }) : []), ...seenFindings({ ...then, seen })];
  const isNoted = found.record.status === 'sound' && notes(found.record.record, sha256);
  const { changedAt } = backup;
  const { installationId } = backup.record;
  return { mark, installationId, changedAt, isNoted, entries, plan, missing, record, init, spec, findings, isFormer };
}

function keepsRootKey({ key, n, action }: ObjectStep): boolean {
  return key !== ROOT_KEY || n === undefined || action === 'keep';
}

/** Creates what is missing, and then brings the rest in order as `init` does. Returns what that has done. */
export async function applyRestore(restoration: Restoration, ports: ApplyPorts): Promise<ReconcilePlan> {
  const { init, spec, plan } = restoration;
  await withLock(ports, () => createMissing(restoration, ports));
  const restored = plan.steps.filter(({ action }) => action === 'create');
  return reconcile(init, { ...COMPLETE, spec, createNamespaces: true, restored }, ports);
}

/**
 * The first root key goes first: of several runs its create decides whose keys these will be. The record is next: after
 * a kill `init` then knows which keys there were, and makes none anew.
 */
async function createMissing({ plan, missing, record }: Restoration, ports: ApplyPorts): Promise<void> {
  const { store, toolVersion } = ports;
  const namespaces = await store.missingNamespaces(allNamespaces(record.spec));
  if (namespaces.length > 0) await store.addNamespaces(namespaces);
  const firstRef = formatRef(ledgerSecret(record.spec, ROOT_KEY, 1));
  const first = missing.filter(({ ref }) => formatRef(ref) === firstRef);
  const others = missing.filter(({ ref }) => formatRef(ref) !== firstRef);
  const written = plan.writesRecord ? [recordObject(recordConfigMap(record.spec), record, toolVersion)] : [];
  for (const object of [...first, ...written, ...others]) await createOnly(object, record, ports);
}

async function createOnly(
  object: NewObject,
  { installationId }: InstallationRecord,
  { store, signal }: Pick<ApplyPorts, 'store' | 'signal'>,
): Promise<void> {
  signal.throwIfAborted();
  if ((await store.create(object)) === 'created') return;
  const name = formatRef(object.ref);
  const found = await store.get(object.ref);
  const owner = found === undefined || found.damage !== undefined ? undefined : installationOf(found);
  if (owner !== undefined && owner !== installationId) {
    throw new PaletteKeysError(
      'REFUSED',
      `another run was first: ${name} belongs to the installation ${owner}, the backup is of ${installationId}`,
      { hint: 'restore into an empty store, or use a backup of the installation that is there' },
    );
  }
  throw new PaletteKeysError('CONFLICT', `${name} was made by another run meanwhile`, {
    hint: 'run the command again: what is there by then is compared with the backup',
  });
}

function notes({ keys }: InstallationRecord, digest: string): boolean {
  const versions = Object.values(keys).flatMap((key) => key.versions);
  return versions.some(({ backups }) => backups.some(({ sha256 }) => sha256 === digest));
}

/** That it opens proves nothing: whoever has the recipient, which is public, can make a backup. */
function unexpected(file: string, found: string, expected: string): PaletteKeysError {
  const name = file === '-' ? 'standard input' : file;
  const message = `${name} is another file: SHA256:${found}, expected SHA256:${expected}`;
  return new PaletteKeysError('BACKUP_REJECTED', message, {
    hint: 'use the file whose digest was noted when it was made; nothing was written',
  });
}

function unready(record: InstallationRecord): InstallationRecord {
  return { ...record, ready: false };
}

/** The ledger entries of a backup, root keys first, as objects of our own making: only keys come from the file. */
function restorableEntries({ record, entries }: OpenedBackup, toolVersion: string): readonly RestorableEntry[] {
  const { installationId, spec } = record;
  const rank = ({ kind }: LedgerEntry): number => (kind === ROOT_KEY ? 0 : 1);
  return [...entries]
    .sort((a, b) => rank(a) - rank(b))
    .map((entry) => ({
      key: entry.kind,
      n: entry.n,
      kid: entry.facts.kid,
      object: ledgerObject(ledgerSecret(spec, entry.kind, entry.n), entry, { installationId, toolVersion }),
    }));
}

function withRestored(
  snapshot: Snapshot,
  missing: readonly NewObject[],
  record: InstallationRecord | undefined,
): Snapshot {
  const written = record === undefined ? [] : [recordObject(recordConfigMap(record.spec), record, '')];
  const restored = [...missing, ...written].map((object) => ({ ...object, version: '' }));
  const ledger = [...snapshot.ledger, ...restored];
  return { ...snapshot, ledger, record: readRecord(ledger), versions: readLedger(ledger, snapshot.spec) };
}

function checked(plain: Uint8Array): OpenedBackup {
  try {
    return openBackup(plain);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    throw new PaletteKeysError('BACKUP_REJECTED', `the backup was opened, but cannot be used: ${error.message}`, {
      hint: 'use another backup; nothing was written',
    });
  } finally {
    plain.fill(0);
  }
}
