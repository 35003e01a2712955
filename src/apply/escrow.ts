import { encodeList } from '../backup/list.ts';
import { checkOpens } from '../backup/open.ts';
import { PaletteKeysError } from '../errors.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import { allNamespaces, recordConfigMap } from '../installation/names.ts';
import { type LedgerEntry, ledgerObject } from '../ledger/entry.ts';
import { recordObject } from '../ledger/record.ts';
import type { Ring } from '../ledger/ring.ts';
import type { Assessment } from '../plan/assess.ts';
import { nextRecord } from '../plan/next-record.ts';
import type { SealFor } from '../ports/sealer.ts';
import { type BackupMark, type BackupPorts, entriesOf, withBackup, writeBackup } from './backup.ts';
import type { ApplyPorts } from './ports.ts';
import type { WrittenRecord } from './record.ts';
import { updateRecord } from './update-record.ts';

/** A backup that is made of the first keys before the store holds any of them. */
export interface Escrow extends BackupPorts {
  readonly file: string;
  readonly to: SealFor;
}

/** Writes and proves the backup of keys that are about to be written for the first time. */
export async function writeEscrow(
  escrow: Escrow,
  entries: readonly LedgerEntry[],
  installationId: string,
  { snapshot: { spec } }: Assessment,
  { clock, toolVersion }: ApplyPorts,
): Promise<BackupMark> {
  const rings = new Map(entries.map((entry): [string, Ring] => [entry.kind, [{ ...entry, state: 'active' }]]));
  const record = nextRecord(undefined, { installationId, spec, rings, projections: [], now: clock.now() });
  const objects = [
    ...entries.map((entry) =>
      ledgerObject(ledgerSecret(spec, entry.kind, entry.n), entry, { installationId, toolVersion }),
    ),
    recordObject(recordConfigMap(spec), record, toolVersion),
  ];
  const list = encodeList(allNamespaces(spec), objects);
  try {
    checkOpens(list);
    return await writeBackup(list, escrow, { ...escrow, clock });
  } finally {
    list.fill(0);
  }
}

/** Notes the escrow in the record that was written with the keys it holds. */
export async function rememberEscrow(
  mark: BackupMark,
  written: WrittenRecord,
  ports: ApplyPorts,
): Promise<WrittenRecord> {
  const held = entriesOf(written.record);
  return updateRecord(written.record.spec.ledgerNamespace, (record) => withBackup(record, mark, held), ports);
}

/** An escrow is of first keys; whoever has some already makes a backup. */
export function refuseEscrow({ installationId, ledger }: Assessment): void {
  if (installationId === undefined && ledger.size === 0) return;
  throw new PaletteKeysError(
    'USAGE',
    '--escrow is for the first run into an empty store; this one holds keys already',
    {
      hint: 'palette-keys init without --escrow, then palette-keys backup',
    },
  );
}

/** Another run was first: the keys in the escrow file are nobody's. */
export function escrowInVain(file: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `another run made the keys meanwhile; those in ${file} were not used`, {
    hint: `delete ${file}; then palette-keys backup makes a backup of the keys that are in use`,
  });
}
