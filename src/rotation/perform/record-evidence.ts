import type { RotationContext } from '../context.ts';
import { confirmConsumers, noteScan } from '../evidence/confirm.ts';
import type { FoundEvidence, Gathered } from '../facts/gathered.ts';
import type { Tell } from '../history.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing, RotatePorts } from './ports.ts';

/** Records what has to be known the next time, once the operator has agreed to that. */
export async function proposeEvidence(
  { gathered, of }: Extract<Action, { type: 'recordEvidence' }>,
  { context, ports, tell }: Performing,
): Promise<Performed> {
  const { kind } = context;
  await ports.agree({ kind, action: describeFound(gathered, kind), plan: undefined, irrevocable: undefined });
  await recordEvidence(gathered, context, { ports, tell });
  tell({ type: 'recorded', evidence: of });
  return 'same';
}

/** Records the consumers that were found to be current, and the first look that found nothing. Names who was not asked. */
export async function recordEvidence(
  { confirmed, scanned, evidence }: FoundEvidence & Partial<Pick<Gathered, 'evidence'>>,
  { kind, record }: Pick<RotationContext, 'kind' | 'record'>,
  { ports, tell }: { readonly ports: RotatePorts; readonly tell: Tell },
): Promise<void> {
  const users = evidence?.users;
  if (users?.status === 'unknown' && users.leaves !== undefined) {
    const text = `the database server was not asked (${users.reason}): if it has a user ${users.leaves}, drop it by hand`;
    tell({ type: 'note', text });
  }
  if (confirmed !== undefined) await confirmConsumers(record, { kind, ...confirmed }, ports);
  if (scanned !== undefined) await noteScan(record, kind, scanned, ports);
  if (confirmed !== undefined || scanned !== undefined) tell({ type: 'recorded' });
}

function describeFound({ confirmed, scanned }: FoundEvidence, kind: string): string {
  if (confirmed !== undefined) return `note that all consumers of v${confirmed.version.n} of ${kind} are current`;
  if (scanned === undefined) throw new Error('no evidence to record');
  const { old, scan } = scanned;
  return `note that v${old.n} of ${kind} is ${scan === undefined ? 'needed again' : 'no longer needed'}`;
}
