import { sha256Hex } from '../crypto/digest.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import { allNamespaces, recordConfigMap } from '../installation/names.ts';
import { formatTime, type KindId, type LedgerEntry, ledgerObject } from '../ledger/entry.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import { firstRootKey } from '../ledger/known-spec.ts';
import { ANNOTATION } from '../ledger/metadata.ts';
import { recordObject } from '../ledger/record.ts';
import type { Ring } from '../ledger/ring.ts';
import { utf8 } from '../ledger/text.ts';
import { pendingName } from '../ports/backup-files.ts';
import type { SealFor } from '../ports/sealer.ts';
import { StoreChangedError } from '../reconcile/errors.ts';
import type { EscrowHook, FirstKeys, StagedEscrow } from '../reconcile/escrow-hook.ts';
import type { Comparison } from '../reconcile/plan/compare/compare.ts';
import { type Finding, finding } from '../reconcile/plan/findings/finding.ts';
import { nextRecord } from '../reconcile/plan/next-record.ts';
import { hasAuditLog } from '../reconcile/plan/snapshot.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import type { WrittenRecord } from '../reconcile/write/record.ts';
import { updateRecord } from '../reconcile/write/update-record.ts';
import { type BackupMark, type BackupPorts, entriesOf, recipientsOf, stageBackup, withBackup } from './backup.ts';
import { type EscrowState, escrowState } from './plan/escrow-state.ts';
import { encodeList } from './plan/list.ts';
import { checkOpens } from './plan/open.ts';

export interface Escrow extends BackupPorts {
  readonly file: string;
  readonly to: SealFor;
}

/** What there is of the escrow, and the digest (SHA-256, hex) of its file, where that is made already. */
interface EscrowSeen {
  readonly state: EscrowState;
  readonly sha256: string | undefined;
}

/** The escrow for a run of reconcile: it is staged before the ledger, noted in the record, and then gets its name. */
export function escrowHook(escrow: Escrow): EscrowHook {
  return {
    look: async (found) => {
      const seen = await seeEscrow(escrow, found);
      return {
        findings: findingsOf(escrow, seen),
        isDue: seen.state === 'note' || seen.state === 'place',
        beforeFirstWrite: async (first, ports) => {
          const annotations = seen.state === 'make' ? await stageEscrow(escrow, first, found, ports) : {};
          const made = { ...seen, sha256: annotations[ANNOTATION.escrow] ?? seen.sha256 };
          return { annotations, finish: (written) => finishEscrow(escrow, made, written, ports) };
        },
      };
    },
  };
}

async function seeEscrow({ file, files }: Escrow, comparison: Comparison): Promise<EscrowSeen> {
  const { record, snapshot, versions } = comparison;
  const root = record.status === 'sound' ? record.record.keys[ROOT_KEY]?.versions.find(({ n }) => n === 1) : undefined;
  const isMissing = [...versions.values()].flat().some(({ action }) => action === 'create' || action === 'adopt');
  const rest = isMissing ? 'partial' : 'whole';
  const [placed, staged] = [await files.digest(file), await files.digest(pendingName(file))];
  const notes = firstRootKey(snapshot.ledger)?.annotations;
  // Another run may have made other keys since.
  const isOfThese = notes?.[ANNOTATION.escrowKeys] === digestOfKids(entriesInLedger(comparison));
  const first = isOfThese ? notes?.[ANNOTATION.escrow] : undefined;
  const state = escrowState({
    ...{ file, placed, staged, first },
    noted: (root?.backups ?? []).map(({ sha256 }) => sha256),
    ledger: comparison.ledger.size === 0 ? 'empty' : rest,
    completed: hasAuditLog(snapshot),
  });
  return { state, sha256: state === 'note' ? first : staged };
}

function findingsOf({ file }: Escrow, { state }: EscrowSeen): readonly Finding[] {
  if (state !== 'unknown') return [];
  const message = 'an older palette-keys noted no digest: whether this file is the escrow of these keys is not known';
  return [finding('ESCROW_UNKNOWN', file, message, `palette-keys backup --out ${file}.new --recipient age1…`)];
}

/**
 * Stages a proved backup of the first keys. Returns annotations for the first root key, SHA-256 (hex) of the file and
 * of its kids; where that key is there already, it gets them. Throws StoreChangedError.
 */
async function stageEscrow(
  escrow: Escrow,
  { installationId, entries: make }: FirstKeys,
  found: Comparison,
  ports: ApplyPorts,
): Promise<StagedEscrow['annotations']> {
  const { spec, ledger } = found.snapshot;
  const entries = [...entriesInLedger(found), ...(await make())];
  const { clock, toolVersion, store, signal } = ports;
  const rings = new Map(entries.map((entry): [KindId, Ring] => [entry.kind, [{ ...entry, state: 'active' }]]));
  const record = nextRecord(undefined, { installationId, spec, rings, projections: [], now: clock.now() });
  const objects = [
    ...entries.map((entry) =>
      ledgerObject(ledgerSecret(spec, entry.kind, entry.n), entry, { installationId, toolVersion }),
    ),
    recordObject(recordConfigMap(spec), record, toolVersion),
  ];
  const list = encodeList(allNamespaces(spec), objects);
  let sha256: string;
  try {
    checkOpens(list);
    ({ sha256 } = await stageBackup(list, escrow, { ...escrow, clock }));
  } finally {
    list.fill(0);
  }
  const notes = { [ANNOTATION.escrow]: sha256, [ANNOTATION.escrowKeys]: digestOfKids(entries) };
  const root = firstRootKey(ledger);
  signal.throwIfAborted();
  if (root === undefined) return notes;
  const { version, ...object } = root;
  const noted = await store.replace({ ...object, annotations: { ...object.annotations, ...notes } }, version);
  if (noted === 'conflict') throw new StoreChangedError('the first root key was changed by another run');
  return notes;
}

function entriesInLedger({ ledger }: Comparison): readonly LedgerEntry[] {
  return [...ledger.values()].flat().flatMap((item) => (item.damage === undefined ? [item.entry] : []));
}

function digestOfKids(entries: readonly LedgerEntry[]): string {
  const lines = entries.map(({ kind, n, facts }) => `${kind} ${n} ${facts.kid}`).sort();
  return sha256Hex(utf8(lines.join('\n')));
}

/** Notes the escrow in the record that was written with the keys it holds, and then gives the file its name. */
async function finishEscrow(
  { file, to, files }: Escrow,
  { state, sha256 }: EscrowSeen,
  written: WrittenRecord,
  ports: ApplyPorts,
): Promise<WrittenRecord> {
  if (sha256 === undefined || state === 'done' || state === 'unknown') return written;
  const mark: BackupMark = { file, sha256, at: formatTime(ports.clock.now()), recipients: recipientsOf(to) };
  const held = entriesOf(written.record);
  const { ledgerNamespace } = written.record.spec;
  const noted =
    state === 'place' ? written : await updateRecord(ledgerNamespace, (now) => withBackup(now, mark, held), ports);
  if ((await files.digest(file)) !== sha256) await files.place(file, sha256);
  return noted;
}
