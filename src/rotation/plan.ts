import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { formatTime, type KindId } from '../ledger/entry.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { replacementsIn } from '../ledger/replacement.ts';
import { describeCensus, doubtOf } from './facts/census.ts';
import { confirmationOf } from './facts/confirmation.ts';
import { type Leaf, reissuableAt } from './facts/leaves.ts';
import { formerSpecOf, soakFrom } from './facts/soak.ts';
import type { CensusEvidence, Gate } from './gate.ts';
import type { Rotation } from './kinds.ts';
import { isSuperseded, nextStep, type RotationIntent } from './machine.ts';

export interface PlannedStep {
  readonly action: string;
  /** Undefined where it comes with the step before, or never. */
  readonly earliest: Date | undefined;
  readonly condition: string;
}

export interface Departure extends Pick<RotationIntent, 'again' | 'compromised'> {
  readonly key: KeyRecord | undefined;
  /** The certificates of a kind that has no versions. */
  readonly leaves: readonly Leaf[];
  readonly now: Date;
}

export function planRotation(
  kind: KindId,
  rotation: Rotation,
  spec: InstallationSpec,
  departure: Departure,
  census?: CensusEvidence,
): readonly PlannedStep[] {
  const { key } = departure;
  if (rotation.type === 'leaves') return [leafStep(kind, spec, departure)];
  if (rotation.type === 'imported')
    return [{ action: 'import the next one', earliest: undefined, condition: 'palette-keys import-cert' }];
  if (rotation.type === 'none' || key === undefined) return [];
  const steps = versionSteps(rotation, key, spec, departure);
  return rotation.policy.keepsTrusted ? [...steps, ...keptSteps(rotation.gate, key, census)] : steps;
}

function leafStep(kind: KindId, { rotation }: InstallationSpec, { leaves, again, now }: Departure): PlannedStep {
  const action = `issue the certificates of ${kind} anew`;
  const times = leaves.map((leaf) => reissuableAt(leaf, parseDuration(rotation.minInterval)).getTime());
  const from = new Date(Math.min(...times));
  if (again || times.length === 0 || from <= now)
    return { action, earliest: now, condition: 'at once: the CA stays the same' };
  return { action, earliest: from, condition: 'they were issued a moment ago; --again issues them anew before' };
}

function versionSteps(
  { gate, policy }: Extract<Rotation, { type: 'versions' }>,
  key: KeyRecord,
  spec: InstallationSpec,
  { again, compromised, now }: Departure,
): readonly PlannedStep[] {
  const { versions } = key;
  const { keepsTrusted } = policy;
  const active = versions.find(({ state }) => state === 'active');
  const minInterval = parseDuration(spec.rotation.minInterval);
  const replacements = replacementsIn(key);
  const guardsData = policy.guardsData || policy.guardsReturns;
  const isKept = keepsTrusted && versions.some(isSuperseded);
  const endedAt = isKept && active !== undefined ? confirmationOf(key, active, now)?.at : undefined;
  const intent = { mayStart: true, again, compromised, minInterval, replacements, keepsTrusted, endedAt, guardsData };
  const open = nextStep(versions, intent, now);
  const when = (type: 'promote' | 'retire') =>
    compromised && gate.soak(type, spec, true) < gate.soak(type, spec, false)
      ? `${gate.conditions[type]}; --compromised skips the time`
      : gate.conditions[type];
  const step = (type: 'promote' | 'retire', n: number, earliest: Date): PlannedStep => {
    return { action: `${type} v${n}`, earliest, condition: when(type) };
  };
  const waits = { spec, former: formerSpecOf(key, spec), compromised };
  const soak = (type: 'promote' | 'retire', at: Date): number => soakFrom(gate, type, waits, at);
  if (active === undefined) return [];
  const exposed = open.type === 'retire' && versions.find(({ n }) => n === open.n)?.state === 'published';
  if (open.type === 'retire' && !exposed) {
    const due = after(active, (at) => soak('retire', at), key, now);
    return [step('retire', open.n, due)];
  }
  const target = open.type === 'promote' ? versions.find(({ n }) => n === open.n) : undefined;
  const next = target?.n ?? Math.max(...versions.map(({ n }) => n)) + 1;
  const tooRecent = open.type === 'too-recent' ? open : undefined;
  const from = tooRecent?.until ?? now;
  const promoted =
    target === undefined ? plus(from, soak('promote', from)) : after(target, (at) => soak('promote', at), key, now);
  const condition =
    tooRecent === undefined
      ? (gate.conditions.publish ?? 'at once: nobody uses it yet')
      : `already rotated, or made, at ${formatTime(tooRecent.since)}; --again rotates before`;
  const publish: PlannedStep = { action: `publish v${next}`, earliest: from, condition };
  return [
    ...(open.type === 'retire' ? [step('retire', open.n, now)] : []),
    ...(target === undefined ? [publish] : []),
    step('promote', next, promoted),
    ...(keepsTrusted ? [] : [step('retire', active.n, plus(promoted, soak('retire', promoted)))]),
  ];
}

/** What the rotation leaves trusted, and what those before it have: it goes when nothing needs it, and nobody knows when. */
function keptSteps(
  { conditions }: Gate,
  { versions }: KeyRecord,
  census: CensusEvidence | undefined,
): readonly PlannedStep[] {
  const old = versions.filter((version) => version.state === 'active' || isSuperseded(version));
  return old.map(({ n, kid }) => ({
    action: `retire v${n}`,
    earliest: undefined,
    condition: census === undefined ? conditions.retire : `${conditions.retire}; now ${found(census, kid)}`,
  }));
}

function found(census: CensusEvidence, kid: string): string {
  if (census.status !== 'counted') {
    return `nobody knows how many do (${census.status === 'none' ? 'there is no database' : census.reason})`;
  }
  return doubtOf(census, undefined)?.reason ?? describeCensus(census, kid);
}

/** The time after consumers of the version were found to be current; where they were not yet, as if they were now. */
function after(version: VersionRecord, soak: (at: Date) => number, key: KeyRecord, now: Date): Date {
  const at = confirmationOf(key, version, now)?.at ?? now;
  const due = plus(at, soak(at));
  return due > now ? due : now;
}

function plus(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}
