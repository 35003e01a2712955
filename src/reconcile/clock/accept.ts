import { RECORD_NAME } from '../../installation/names.ts';
import { formatTime } from '../../ledger/entry.ts';
import { newestNoted, withAcceptedClock } from '../../ledger/noted-times.ts';
import { type InstallationRecord, RECORD_KEY, takesAnchor } from '../../ledger/record.ts';
import { appendAudit } from '../audit/log.ts';
import { withLock } from '../lock.ts';
import { judgeClock } from '../plan/judge-clock.ts';
import type { ApplyPorts } from '../ports.ts';
import { readBack } from '../write/record.ts';
import { updateRecord } from '../write/update-record.ts';
import { clockImplausible } from './check.ts';

/**
 * Later times in the record count no longer: audit log first, then one update. An older record is only accepted where
 * `migrates` has it; else CLOCK_IMPLAUSIBLE names `migration`, the command that does both.
 */
export async function acceptClock(
  ledgerNamespace: string,
  { migrates, migration }: { readonly migrates: boolean; readonly migration: string },
  ports: ApplyPorts,
): Promise<void> {
  const found = await readBack(ports.store, ledgerNamespace);
  if (found === undefined) return;
  const newest = newestNoted(found.record);
  const doubt = judgeClock({ now: ports.clock.now(), newestNoted: newest });
  if (doubt === undefined) return;
  if (!takesAnchor(found.record) && !migrates) throw clockImplausible(doubt, migration);
  await withLock(ports, async () => {
    const { spec } = found.record;
    const object = `ConfigMap/${spec.ledgerNamespace}/${RECORD_NAME}: times up to ${newest} count no longer`;
    const changes = [{ action: 'accept-clock', object, key: RECORD_KEY }];
    await appendAudit(found.record, { changes, result: 'done' }, ports);
    const accepted = (record: InstallationRecord): InstallationRecord =>
      withAcceptedClock(record, formatTime(ports.clock.now()));
    await updateRecord(ledgerNamespace, accepted, ports);
  });
}

/** A record out of a backup, with the clock accepted. Throws CLOCK_IMPLAUSIBLE where it is newer and nobody accepted it. */
export function recordByClock(
  record: InstallationRecord,
  { accepted, command }: { readonly accepted: boolean; readonly command: string },
  { clock }: Pick<ApplyPorts, 'clock'>,
): InstallationRecord {
  const doubt = judgeClock({ now: clock.now(), newestNoted: newestNoted(record) });
  if (doubt === undefined) return record;
  if (!accepted) throw clockImplausible({ message: `${doubt.message}, which is in the backup` }, command);
  // An older record takes no acceptance: it is restored as it is, and `init` migrates it.
  return takesAnchor(record) ? withAcceptedClock(record, formatTime(clock.now())) : record;
}
