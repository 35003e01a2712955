import { type BackupEntry, type OpenedBackup, openBackup } from '../backup/open.ts';
import { sha256Hex } from '../crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { recordConfigMap } from '../installation/names.ts';
import { formatTime } from '../ledger/entry.ts';
import { recordObject } from '../ledger/record.ts';
import { assess } from '../plan/assess.ts';
import { type InitPlan, planInit } from '../plan/init.ts';
import { planRestore, type RestorePlan } from '../plan/restore.ts';
import type { InitRequest, Snapshot } from '../plan/snapshot.ts';
import type { NewObject, StoredObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import type { OpenWith } from '../ports/sealer.ts';
import { type BackedUp, type BackupMark, type BackupPorts, entriesOf, withBackup } from './backup.ts';
import { gather, type SpecRequest } from './gather.ts';
import type { ApplyPorts } from './ports.ts';

const REQUEST: InitRequest = { adopt: false, restore: false };

/** A backup that was opened and checked, and what restoring it would do. */
export interface Restoration {
  readonly backup: OpenedBackup;
  readonly mark: BackupMark;
  readonly entries: readonly BackedUp[];
  readonly plan: RestorePlan;
  /** What `init` will do once the ledger is there. */
  readonly init: InitPlan;
  readonly spec: SpecRequest;
}

/** Opens a backup, checks every key in it, and plans. Writes nothing. Throws BACKUP_REJECTED. */
export async function previewRestore(
  { file, key }: { readonly file: string; readonly key: OpenWith },
  { store, clock, files, sealer }: Pick<ApplyPorts, 'store' | 'clock'> & BackupPorts,
): Promise<Restoration> {
  const bytes = await files.read(file);
  const backup = checked(await sealer.open(bytes, key));
  const mark = { file, sha256: sha256Hex(bytes), at: formatTime(clock.now()), recipients: [] };
  const spec: SpecRequest = { spec: backup.record.spec, namespace: undefined };
  const snapshot = await gather(store, spec);
  const now = clock.now();
  const there = await assess(snapshot, REQUEST, now);
  const entries = backup.entries.map(({ kind, entry, object }) => ({
    key: kind,
    n: entry.n,
    kid: entry.facts.kid,
    object,
  }));
  const plan = planRestore(entries, backup.record, there);
  // The plan of `init` over what will then be there: what it refuses is refused before anything is written.
  const init = planInit(await assess(withRestored(snapshot, backup, plan), REQUEST, now), now);
  const recorded = there.record.status === 'sound' ? { spec: undefined, namespace: undefined } : spec;
  return { backup, mark, entries: entriesOf(backup.record), plan, init, spec: recorded };
}

/** Writes the record, not ready yet, and then the missing ledger entries, the first root key before all others. */
export async function applyRestore(
  { backup, mark, entries, plan }: Restoration,
  { store, clock, actor, toolVersion, signal }: ApplyPorts,
): Promise<void> {
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  try {
    const missing = await store.missingNamespaces(backup.namespaces);
    if (missing.length > 0) await store.addNamespaces(missing);
    const wanted = new Set(plan.steps.filter(({ action }) => action === 'create').map(({ ref }) => formatRef(ref)));
    const first = (entry: BackupEntry): number => (entry.kind === 'root-key' ? entry.entry.n : Number.MAX_SAFE_INTEGER);
    // The record first: should this run be killed, `init` knows which keys there were, and makes none of them anew.
    if (plan.writesRecord) {
      const record = { ...withBackup(backup.record, mark, entries), ready: false };
      await createOnly(recordObject(recordConfigMap(record.spec), record, toolVersion), { store, signal });
    }
    for (const { object } of [...backup.entries].sort((a, b) => first(a) - first(b))) {
      if (wanted.has(formatRef(object.ref))) await createOnly(object, { store, signal });
    }
  } finally {
    await lock.release();
  }
}

async function createOnly(object: NewObject, { store, signal }: Pick<ApplyPorts, 'store' | 'signal'>): Promise<void> {
  signal.throwIfAborted();
  const { ref, type, immutable, labels, annotations, data } = object;
  if ((await store.create({ ref, type, immutable, labels, annotations, data })) === 'created') return;
  throw new PaletteKeysError('CONFLICT', `${formatRef(ref)} was made by another run meanwhile`, {
    hint: 'run the command again: what is there by then is compared with the backup',
  });
}

/** The snapshot as it will be after the restoration. */
function withRestored(snapshot: Snapshot, backup: OpenedBackup, plan: RestorePlan): Snapshot {
  const wanted = new Set(plan.steps.filter(({ action }) => action === 'create').map(({ ref }) => formatRef(ref)));
  const restored: StoredObject[] = backup.entries
    .map(({ object }) => object)
    .filter(({ ref }) => wanted.has(formatRef(ref)));
  const unready = recordObject(recordConfigMap(backup.record.spec), { ...backup.record, ready: false }, '');
  const record = plan.writesRecord ? [{ ...unready, version: '' }] : [];
  return { ...snapshot, ledger: [...snapshot.ledger, ...restored, ...record] };
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
