import { withReplacement } from '../../ledger/replacement.ts';
import type { Change } from '../plan/change.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import type { ApplyPorts } from '../ports.ts';
import { updateRecord } from './update-record.ts';

/** Under the lock, before the ledger is written: after a kill the same command takes that entry up. */
export async function noteReplacements(
  { versions, snapshot }: Comparison,
  change: Change | undefined,
  ports: ApplyPorts,
): Promise<void> {
  if (change?.compromised !== true) return;
  const { kind, generation } = change;
  const made = (versions.get(kind) ?? []).flatMap((item) => (item.action === 'create' ? [item.n] : []));
  if (made.length === 0) return;
  await updateRecord(
    snapshot.spec.ledgerNamespace,
    (record) => {
      const key = record.keys[kind];
      if (key === undefined || record.generation !== generation) return record;
      const evidence = made.reduce(withReplacement, key.evidence);
      return { ...record, keys: { ...record.keys, [kind]: { ...key, evidence } } };
    },
    ports,
  );
}
