import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { formatTime, type KindId } from '../ledger/entry.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { exposedIn } from '../ledger/replacement.ts';
import type { RotationContext } from './context.ts';
import type { RotationStep } from './gate.ts';
import { ROTATIONS } from './kinds.ts';
import type { Loss } from './rotate-request.ts';

/** What the operator has to want by name before a step is taken; undefined where nothing is lost by it. */
export function lossBy(
  step: RotationStep,
  version: VersionRecord,
  { kind, key, record }: RotationContext,
  now: Date,
): Loss | undefined {
  if (step.type === 'destroy') return lossOf(kind, version, record.spec, now);
  return step.type === 'reinstate' ? exposureOf(key, version) : undefined;
}

const DEED = 'destroy it';

/** What nobody could bring back, or a dump of the database may need: somebody has to type its kid. */
function lossOf(kind: KindId, version: VersionRecord, spec: InstallationSpec, now: Date): Loss | undefined {
  const { kid, backups, history, since } = version;
  if (backups.length === 0) {
    return {
      ...{ kid, deed: DEED },
      reason: `no backup holds ${kid}: destroyed, it is gone for ever`,
      remedy: 'palette-keys backup first; or run it on a terminal, and type the kid',
    };
  }
  const rotation = ROTATIONS[kind];
  if (rotation.type !== 'versions' || !rotation.policy.guardsData) return undefined;
  const retired = history.findLast(({ state }) => state === 'retired')?.at ?? since;
  const until = new Date(Date.parse(retired) + parseDuration(spec.rotation.databaseBackupRetention) * 1000);
  if (now >= until) return undefined;
  return {
    ...{ kid, deed: DEED },
    reason: `backups of the database from before ${retired}, when it was retired, may need ${kid} until ${formatTime(until)}`,
    remedy: 'wait until then (rotation.databaseBackupRetention); or run it on a terminal, and type the kid',
  };
}

/** What is accepted again though it was given up as compromised. */
function exposureOf(key: KeyRecord, { n, kid }: VersionRecord): Loss | undefined {
  if (!exposedIn(key).has(n)) return undefined;
  return {
    kid,
    deed: 'accept it again',
    reason: `v${n} was replaced as compromised: what somebody else makes with ${kid} is accepted again`,
    remedy: 'look at it with --dry-run, then give --yes; or run it on a terminal, and type the kid',
    yields: true,
  };
}
