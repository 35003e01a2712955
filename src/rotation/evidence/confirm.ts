import { formatTime, type KindId } from '../../ledger/entry.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import type { InstallationRecord, KeyRecord, VersionRecord } from '../../ledger/record.ts';
import { appendAudit } from '../../reconcile/audit/log.ts';
import { checkClock } from '../../reconcile/clock/check.ts';
import { lockNow, withLock } from '../../reconcile/lock.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { updateRecord } from '../../reconcile/write/update-record.ts';
import { confirmationOf, entryName, withConfirmation } from '../facts/confirmation.ts';
import type { Confirmed, ScanNote } from '../facts/gathered.ts';
import { withFirstScan } from '../facts/scans.ts';

/** In the audit log first. Whoever was quicker is believed; a state that was left is not confirmed. */
export async function confirmConsumers(
  before: InstallationRecord,
  { kind, version, by, ignored, instead, at }: Confirmed & { readonly kind: KindId },
  ports: ApplyPorts,
): Promise<void> {
  const now = ports.clock.now();
  const confirmedAt = formatTime(at);
  const source = by === 'operator' ? "on the operator's word" : 'by their Pods';
  const without = ignored.length === 0 ? '' : `, without ${ignored.join(', ')}`;
  const object = `consumers are current ${source}${without}`;
  const evidence = (key: KeyRecord): KeyRecord['evidence'] =>
    confirmationOf(key, version, now)?.at.getTime() !== instead?.at.getTime()
      ? key.evidence
      : withConfirmation(key, version, { confirmedAt, by, ...(ignored.length === 0 ? {} : { ignored }) });
  await writeConfirmation(before, { kind, versions: [version], object, evidence }, ports);
}

/** Notes the first look that found nobody who needs an old version, or that it no longer counts. */
export async function noteScan(
  before: InstallationRecord,
  kind: KindId,
  { old, active, scan }: ScanNote,
  ports: ApplyPorts,
  take = lockNow,
): Promise<void> {
  const who = kind === ROOT_KEY ? 'tenant key' : 'session';
  const object =
    scan === undefined
      ? `${who}s may need it again`
      : `no ${who} needs it, as of ${formatTime(scan.begun)}, in ${scan.location}`;
  const evidence = (key: KeyRecord): KeyRecord['evidence'] => withFirstScan(key, old, active, scan);
  await writeConfirmation(before, { kind, versions: [old, active], object, evidence }, ports, take);
}

/** In the audit log alone. */
export async function noteFound(
  before: InstallationRecord,
  { kind, old, object }: { readonly kind: KindId; readonly old: VersionRecord; readonly object: string },
  ports: ApplyPorts,
): Promise<void> {
  await writeConfirmation(before, { kind, versions: [old], object, evidence: undefined }, ports);
}

/** Writes to the audit log, and changes the evidence of a kind, unless one of the versions that it is about has left its state. */
async function writeConfirmation(
  before: InstallationRecord,
  {
    kind,
    versions,
    object,
    evidence,
  }: {
    readonly kind: KindId;
    readonly versions: readonly [VersionRecord, ...VersionRecord[]];
    readonly object: string;
    readonly evidence: ((key: KeyRecord) => KeyRecord['evidence']) | undefined;
  },
  ports: ApplyPorts,
  take = lockNow,
): Promise<void> {
  // Waits are counted from this time, by whoever looks next.
  if (ports.store.cluster !== undefined) await checkClock(ports.store.cluster, ports.clock);
  const [version] = versions;
  const work = async (): Promise<void> => {
    const changes = [
      { action: 'confirm', object: `${kind} v${version.n} ${version.state}: ${object}`, key: kind, kid: version.kid },
    ];
    await appendAudit(before, { changes, result: 'done' }, ports);
    if (evidence === undefined) return;
    const change = (record: InstallationRecord): InstallationRecord => {
      const key = record.keys[kind];
      const current = new Set(key?.versions.map(entryName));
      if (key === undefined || versions.some((each) => !current.has(entryName(each)))) return record;
      return { ...record, keys: { ...record.keys, [kind]: { ...key, evidence: evidence(key) } } };
    };
    await updateRecord(before.spec.ledgerNamespace, change, ports);
  };
  await withLock(ports, work, take);
}
