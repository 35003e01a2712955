import type { InstallationRecord } from '../../ledger/record.ts';
import { StoreChangedError } from '../errors.ts';
import type { ApplyPorts } from '../ports.ts';
import { readBack, storeRecord, type WrittenRecord } from './record.ts';

const ATTEMPTS = 5;

/** Changes the record that stands in the store now; one that others changed meanwhile is read again. */
export async function updateRecord(
  ledgerNamespace: string,
  change: (record: InstallationRecord) => InstallationRecord,
  ports: ApplyPorts,
): Promise<WrittenRecord> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await readBack(ports.store, ledgerNamespace);
    if (current === undefined) break;
    try {
      return await storeRecord(change(current.record), current.version, ports);
    } catch (error) {
      if (!(error instanceof StoreChangedError)) throw error;
    }
  }
  throw new StoreChangedError('the record is gone, or others keep changing it');
}
