import { recordConfigMap } from '../../../installation/names.ts';
import { formatTime } from '../../../ledger/entry.ts';
import { newestNoted } from '../../../ledger/noted-times.ts';
import { isOlder } from '../../../ledger/record.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import type { Comparison } from '../compare/compare.ts';
import { judgeClock } from '../judge-clock.ts';
import { type Finding, finding } from './finding.ts';

export function clockFindings(
  { record, snapshot }: Pick<Comparison, 'record' | 'snapshot'>,
  now: Date,
): readonly Finding[] {
  if (record.status !== 'sound') return [];
  const doubt = judgeClock({ now, newestNoted: newestNoted(record.record) });
  if (doubt === undefined) return [];
  const yes = isOlder(record.record) ? ' --yes' : '';
  const remedy = `set the clock of this machine (NTP); if it is right: palette-keys init --accept-clock ${formatTime(now)}${yes}`;
  return [finding('CLOCK_BEHIND_RECORD', formatRef(recordConfigMap(snapshot.spec)), doubt.message, remedy)];
}
