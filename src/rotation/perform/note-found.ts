import type { KindId } from '../../ledger/entry.ts';
import { confirmConsumers, noteScan } from '../evidence/confirm.ts';
import type { Gathered } from '../evidence/evidence.ts';
import type { Decision } from '../gate.ts';
import type { RotatePorts, RotationContext } from './request.ts';
import type { Log } from './rotation-log.ts';

/** Notes what has to be known the next time, once somebody has agreed to that. */
export async function proposeEvidence(
  decision: Pick<Extract<Decision, { open: false }>, 'remedy'>,
  gathered: Gathered | undefined,
  context: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<void> {
  const { kind, agree, dryRun } = context.input;
  // Also where it is refused: a scan that no longer counts must not stand there as if it did.
  const found = decision.remedy === undefined ? gathered : { confirmed: undefined, scanned: gathered?.scanned };
  const action = foundInWords(found, kind);
  if (dryRun || found === undefined || action === undefined) return;
  await agree({ kind, action, plan: undefined, irrevocable: undefined });
  await recordEvidence(found, context, log, ports);
}

/** Notes it: the consumers that were found to be current, and the first look that found nobody. Says whom nobody looked for. */
export async function recordEvidence(
  { confirmed, scanned, evidence }: Pick<Gathered, 'confirmed' | 'scanned'> & Partial<Pick<Gathered, 'evidence'>>,
  { input: { kind }, record }: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<void> {
  const users = evidence?.users;
  if (users?.status === 'unknown' && users.leaves !== undefined) {
    log.say(`the database server was not asked (${users.reason}): if it has a user ${users.leaves}, drop it by hand`);
  }
  if (confirmed !== undefined) await confirmConsumers(record, { kind, ...confirmed }, ports);
  if (scanned !== undefined) await noteScan(record, kind, scanned, ports);
  log.wrote ||= confirmed !== undefined || scanned !== undefined;
}

function foundInWords(found: Pick<Gathered, 'confirmed' | 'scanned'> | undefined, kind: KindId): string | undefined {
  const { confirmed, scanned } = found ?? {};
  if (confirmed !== undefined) return `note that all consumers of v${confirmed.version.n} of ${kind} are current`;
  if (scanned === undefined) return undefined;
  const { old, scan } = scanned;
  return `note that v${old.n} of ${kind} is ${scan === undefined ? 'needed again' : 'no longer needed'}`;
}
