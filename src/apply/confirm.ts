import { formatTime, type KindId } from '../ledger/entry.ts';
import type { InstallationRecord, VersionRecord } from '../ledger/record.ts';
import { entryName, withConfirmation } from '../rotation/machine.ts';
import { appendAudit } from './audit.ts';
import type { ApplyPorts } from './ports.ts';
import { updateRecord } from './update-record.ts';

/**
 * Notes that all consumers of a version were found to be current in its present state, in the audit log first. Whoever
 * was quicker is believed, and a state that was left meanwhile is not confirmed.
 */
export async function confirmConsumers(
  before: InstallationRecord,
  { kind, version, by }: { readonly kind: KindId; readonly version: VersionRecord; readonly by: 'pods' | 'operator' },
  ports: ApplyPorts,
): Promise<void> {
  const { store, clock, actor } = ports;
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  try {
    const confirmedAt = formatTime(clock.now());
    const source = by === 'operator' ? "on the operator's word" : 'by their Pods';
    const object = `${kind} v${version.n} ${version.state}: consumers are current ${source}`;
    await appendAudit(
      before,
      { changes: [{ action: 'confirm', object, key: kind, kid: version.kid }], result: 'done' },
      ports,
    );
    const note = (record: InstallationRecord): InstallationRecord => {
      const key = record.keys[kind];
      const current = key?.versions.find(({ n }) => n === version.n);
      if (key === undefined || current === undefined || entryName(current) !== entryName(version)) return record;
      if (Object.hasOwn(key.evidence, entryName(version))) return record;
      const evidence = withConfirmation(key, version, { confirmedAt, by });
      return { ...record, keys: { ...record.keys, [kind]: { ...key, evidence } } };
    };
    await updateRecord(before.spec.ledgerNamespace, note, ports);
  } finally {
    await lock.release();
  }
}
