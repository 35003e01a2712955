import { ledgerSecret } from '../../../installation/ledger-name.ts';
import { INVENTORY, isWanted, projectionsOf, VERSIONED } from '../../../inventory/index.ts';
import type { Projection, VersionedKind } from '../../../inventory/kind.ts';
import { installationIdOf, type LedgerView, type RecordView } from '../../../inventory/ledger-view.ts';
import { formatTime, type KindId } from '../../../ledger/entry.ts';
import { isManaged } from '../../../ledger/metadata.ts';
import { activeSinceOf, isOlder, type KeyRecord } from '../../../ledger/record.ts';
import type { Ring, Rings } from '../../../ledger/ring.ts';
import { formatRef, type ObjectRef } from '../../../ports/object-ref.ts';
import { openChange } from '../change.ts';
import { changeOf, type Purpose } from '../intent.ts';
import { isOpening } from '../next-record.ts';
import { hasAuditLog, type Snapshot, type TenantsSeen } from '../snapshot.ts';
import { adoptableKey, keysOf, readHoldings } from './holding.ts';
import { compareLeaf, type LeafAssessment } from './leaf.ts';
import { compareComputed, type Outcome, outdated, type ProjectionContext } from './projection.ts';
import { ringFrom, type Stranger, type VersionItem } from './version-item.ts';
import { compareVersions } from './versions.ts';

export interface ComparedProjection {
  readonly projection: Projection;
  readonly outcome: Outcome;
  /** There for leaf certificates. */
  readonly leaf: LeafAssessment | undefined;
}

/** Everything that can be known of an installation from one snapshot. It holds key bytes, and never leaves the process. */
export interface Comparison {
  readonly snapshot: Snapshot;
  readonly installationId: string | undefined;
  readonly record: RecordView;
  readonly ledger: LedgerView;
  readonly versions: ReadonlyMap<KindId, readonly VersionItem[]>;
  readonly rings: Rings;
  readonly projections: readonly ComparedProjection[];
  /** The one kind that the run is for, if it is for one. */
  readonly scope: KindId | undefined;
  readonly seen: TenantsSeen | undefined;
  /** True where the run raises the schemaVersion of a record that an older build wrote. */
  readonly migrates: boolean;
  /** True for `init`, which alone migrates the record and anchors a broken audit log anew. */
  readonly isInit: boolean;
}

/** Compares what is there with what should be. Pure; throws TWO_INSTALLATIONS alone. */
export async function compare(snapshot: Snapshot, purpose: Purpose, now: Date): Promise<Comparison> {
  const { intent, seen } = purpose;
  const { record, versions: ledger } = snapshot;
  const installationId = installationIdOf(snapshot.ledger, record);
  const known = ringsOfLedger(ledger, record);
  const projections = projectionsOf(snapshot.spec, known);
  const asked = changeOf(intent);
  const change = openChange(asked, record);
  const holdings = await readHoldings(projections, snapshot);
  const versions = new Map<KindId, readonly VersionItem[]>();
  const rings = new Map<KindId, Ring>();
  for (const kind of VERSIONED) {
    const items = compareVersions({
      kind,
      isMade: kind.policy.madeByInit && isWanted(kind, snapshot.spec),
      items: ledger.get(kind.id) ?? [],
      recorded: recordedOf(kind, record),
      held: keysOf(holdings, kind.id),
      adoptable: adoptableKey(kind, snapshot, now),
      stranger: strangerOf(kind, snapshot, projections),
      hasDependents:
        // The record is gone, but the audit log tells of runs that came to their end: every kind had a version.
        (record.status !== 'sound' && hasAuditLog(snapshot)) ||
        VERSIONED.some(({ id, dependsOn }) => dependsOn.includes(kind.id) && ledger.has(id)) ||
        projections.some(({ from, ref }) => from.includes(kind.id) && isTrace(snapshot, ref)),
      intent,
      change: change?.kind === kind.id ? change : undefined,
      now: formatTime(now),
    });
    versions.set(kind.id, items);
    const ring = ringFrom(items);
    if (ring !== undefined) rings.set(kind.id, ring);
  }
  const context: ProjectionContext = {
    snapshot,
    installationId,
    rings,
    expected: expectedPlaces(record, known),
    // A run that takes such keys in writes the first record itself, on the way.
    replacesLost: intent.type === 'adopt' && (record.status !== 'sound' || isOpening(record.record)),
    intent,
    now,
  };
  const wanted = change === undefined ? projections : projectionsOf(snapshot.spec, new Map([...known, ...rings]));
  const held = change === undefined ? holdings : await readHoldings(wanted, snapshot);
  const compared = await Promise.all(wanted.map((projection) => compareProjection(projection, held, context)));
  const scope = asked?.whole === false ? asked.kind : undefined;
  const pending = [...versions].flatMap(([kind, items]) => (items.some(isPending) ? [kind] : []));
  return {
    ...{ snapshot, installationId, record, ledger, versions, rings, scope, seen },
    isInit: purpose.migrates === true,
    migrates: purpose.migrates === true && record.status === 'sound' && isOlder(record.record),
    projections: compared
      .map((projection) => followed(projection, pending))
      // Whatever is wrong with another, the run was not made for it; `status` tells.
      .map((each) => (concerns(each, scope) ? each : { ...each, outcome: { action: 'keep' } })),
  };
}

/** True where a run for that kind may touch the projection; without a kind, every run may. */
function concerns({ projection: { kind, from } }: ComparedProjection, scope: KindId | undefined): boolean {
  return scope === undefined || kind === scope || from.includes(scope);
}

/** A version that the run will make; whatever is computed from the kind's versions will show it. */
function isPending(item: VersionItem): boolean {
  return item.action === 'create' && item.state === 'published';
}

function followed(compared: ComparedProjection, pending: readonly KindId[]): ComparedProjection {
  const { projection, outcome } = compared;
  const kind = projection.from.find((id) => pending.includes(id));
  if (kind === undefined || outcome.action !== 'keep') return compared;
  return { ...compared, outcome: { ...outcome, ...outdated(`it will hold the new version of ${kind}`) } };
}

async function compareProjection(
  projection: Projection,
  holdings: Awaited<ReturnType<typeof readHoldings>>,
  context: ProjectionContext,
): Promise<ComparedProjection> {
  if (projection.source === 'issued') {
    const leaf = compareLeaf(projection, context);
    return { projection, outcome: unlessImmutable(leaf.outcome, projection, context), leaf };
  }
  const holding = holdings.get(formatRef(projection.ref));
  if (holding === undefined) throw new Error(`no holding of ${formatRef(projection.ref)}`);
  const outcome = unlessImmutable(await compareComputed(projection, holding, context), projection, context);
  return { projection, outcome, leaf: undefined };
}

/** Somebody made it immutable: no server would take a change of it. */
function unlessImmutable(outcome: Outcome, { ref }: Projection, { snapshot }: ProjectionContext): Outcome {
  const found = snapshot.projections.get(formatRef(ref));
  if (outcome.replaces !== true || found === undefined || found.damage !== undefined || !found.immutable)
    return outcome;
  return {
    action: 'blocked',
    reason: `${outcome.reason}; but somebody made it immutable, so that it cannot be changed`,
    code: outcome.code ?? 'PROJECTION_OUTDATED',
    remedy: 'delete it; palette-keys init then makes it anew from the ledger',
  };
}

/** Rings as ledger and record have them, before anything is decided: enough to know which projections there are. */
export function ringsOfLedger(ledger: LedgerView, record: RecordView): Rings {
  if (record.status !== 'sound') return new Map();
  return new Map(
    INVENTORY.flatMap(({ id }): [KindId, Ring][] => {
      const recorded = record.record.keys[id]?.versions ?? [];
      const items = ledger.get(id) ?? [];
      const ring = recorded.flatMap((version) => {
        const item = items.find(({ n }) => n === version.n);
        if (item === undefined || item.damage !== undefined) return [];
        return [{ ...item.entry, state: version.state, activeSince: activeSinceOf(version) }];
      });
      return ring.length === 0 ? [] : [[id, ring]];
    }),
  );
}

/** Of what comes in by a command of its own a sound record knows every version, even if that is none. */
function recordedOf({ id, policy }: VersionedKind, record: RecordView): KeyRecord | undefined {
  if (record.status !== 'sound') return undefined;
  return record.record.keys[id] ?? (policy.madeByInit ? undefined : { versions: [], evidence: [] });
}

/** What stands where the first version would be written, or a key made by hand that the run would pass by. */
function strangerOf(
  { id, adoption }: VersionedKind,
  { spec, unmanagedObjects, adoptable }: Snapshot,
  projections: readonly Projection[],
): Stranger | undefined {
  const taken = ledgerSecret(spec, id, 1);
  if (unmanagedObjects.has(formatRef(taken))) return { ref: taken, holds: 'a name of the ledger' };
  const handmade = adoption?.from(spec);
  if (handmade === undefined || !adoptable.has(formatRef(handmade))) return undefined;
  const isProjection = projections.some(({ ref }) => formatRef(ref) === formatRef(handmade));
  return isProjection ? undefined : { ref: handmade, holds: 'a key' };
}

/** True for an object that this program once wrote, or that cannot be read any more. */
function isTrace({ projections }: Snapshot, ref: ObjectRef): boolean {
  const found = projections.get(formatRef(ref));
  return found !== undefined && (found.damage !== undefined || isManaged(found));
}

function expectedPlaces(record: RecordView, rings: Rings): ReadonlySet<string> {
  if (record.status !== 'sound' || !record.record.ready) return new Set();
  return new Set(projectionsOf(record.record.spec, rings).map(({ ref }) => formatRef(ref)));
}
