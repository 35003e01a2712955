import type { InstallationSpec } from '../installation/spec.ts';
import type { KindId } from '../ledger/entry.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { doubtOf, inWords } from './census.ts';
import type { Rotation } from './kinds.ts';
import { confirmationOf, isLeftover, openStep } from './machine.ts';
import type { CensusEvidence, Gate } from './situation.ts';
import { formerSpecOf, soakFrom } from './soak.ts';

/** One step of the road, and when it can be taken if nobody has to be waited for. */
export interface PlannedStep {
  readonly action: string;
  /** Undefined where it comes with the step before, or never. */
  readonly earliest: Date | undefined;
  /** What it waits for, in words. */
  readonly condition: string;
}

/** The whole road of a rotation from where it is now to its end; with a census it says how many records need a version. */
export function planRoad(
  kind: KindId,
  rotation: Rotation,
  key: KeyRecord | undefined,
  spec: InstallationSpec,
  now: Date,
  census?: CensusEvidence,
): readonly PlannedStep[] {
  if (rotation.type === 'leaves')
    return [
      { action: `issue the certificates of ${kind} anew`, earliest: now, condition: 'at once: the CA stays the same' },
    ];
  if (rotation.type === 'imported')
    return [{ action: 'import the next one', earliest: undefined, condition: 'palette-keys import-cert' }];
  if (rotation.type === 'none' || key === undefined) return [];
  const road = versionedRoad(rotation.gate, rotation.keepsTrusted === true, key, spec, now);
  return rotation.keepsTrusted === true ? [...road, ...keptRoad(rotation.gate, key, census)] : road;
}

function versionedRoad(
  gate: Gate,
  keepsTrusted: boolean,
  key: KeyRecord,
  spec: InstallationSpec,
  now: Date,
): readonly PlannedStep[] {
  const { versions } = key;
  const active = versions.find(({ state }) => state === 'active');
  const open = openStep(versions, { keepsTrusted });
  const promote = (n: number, earliest: Date): PlannedStep => ({
    action: `promote v${n}`,
    earliest,
    condition: gate.conditions.promote,
  });
  const waits = { spec, former: formerSpecOf(key, spec) };
  const soak = (type: 'promote' | 'retire', at: Date): number => soakFrom(gate, type, waits, at);
  const retire = (n: number, earliest: Date | undefined): PlannedStep => ({
    action: `retire v${n}`,
    earliest,
    condition: gate.conditions.retire,
  });
  if (active === undefined) return [];
  if (open?.type === 'retire')
    return [
      retire(
        open.n,
        after(active, (at) => soak('retire', at), key, now),
      ),
    ];
  const target = open?.type === 'promote' ? versions.find(({ n }) => n === open.n) : undefined;
  const next = target?.n ?? Math.max(...versions.map(({ n }) => n)) + 1;
  const promoted =
    target === undefined ? plus(now, soak('promote', now)) : after(target, (at) => soak('promote', at), key, now);
  const publish: PlannedStep = { action: `publish v${next}`, earliest: now, condition: 'at once: nobody uses it yet' };
  return [
    ...(target === undefined ? [publish] : []),
    promote(next, promoted),
    ...(keepsTrusted ? [] : [retire(active.n, plus(promoted, soak('retire', promoted)))]),
  ];
}

/** What the rotation leaves trusted, and what those before it have: it goes when nothing needs it, and nobody knows when. */
function keptRoad(
  { conditions }: Gate,
  { versions }: KeyRecord,
  census: CensusEvidence | undefined,
): readonly PlannedStep[] {
  const old = versions.filter((version) => version.state === 'active' || isLeftover(version));
  return old.map(({ n, kid }) => ({
    action: `retire v${n}`,
    earliest: undefined,
    condition: census === undefined ? conditions.retire : `${conditions.retire}; now ${found(census, kid)}`,
  }));
}

function found(census: CensusEvidence, kid: string): string {
  if (census.status === 'unknown') return `nobody knows how many do (${census.reason})`;
  return doubtOf(census, undefined)?.reason ?? inWords(census, kid);
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
