import { DamagedError, unlessDamaged } from '../../../errors.ts';
import { factsOf } from '../../../inventory/forms.ts';
import type { ComputedProjection, HeldKey, Projection, VersionedKind } from '../../../inventory/kind.ts';
import type { KindId } from '../../../ledger/entry.ts';
import type { StoredObject } from '../../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../../ports/object-ref.ts';
import type { Snapshot } from '../snapshot.ts';

export interface Holding {
  readonly projection: ComputedProjection;
  readonly found: StoredObject | undefined;
  /** Why it cannot be believed; `keys` is empty then. */
  readonly damage: string | undefined;
  readonly keys: readonly HeldKey[];
}

export async function readHoldings(
  projections: readonly Projection[],
  snapshot: Snapshot,
): Promise<ReadonlyMap<string, Holding>> {
  const holdings = projections
    .filter((projection) => projection.source === 'computed')
    .map(async (projection): Promise<[string, Holding]> => {
      const name = formatRef(projection.ref);
      return [name, await readHolding(projection, snapshot)];
    });
  return new Map(await Promise.all(holdings));
}

async function readHolding(projection: ComputedProjection, snapshot: Snapshot): Promise<Holding> {
  const found = snapshot.projections.get(formatRef(projection.ref));
  if (found === undefined) return { projection, found, damage: undefined, keys: [] };
  if (found.damage !== undefined) return { projection, found: undefined, damage: found.damage, keys: [] };
  try {
    return { projection, found, damage: undefined, keys: await projection.inspect(found.data) };
  } catch (error) {
    if (error instanceof DamagedError) return { projection, found, damage: error.message, keys: [] };
    throw error;
  }
}

/** A key that some projection holds whole, so that its ledger entry can be written from it. */
export interface HeldMaterial {
  readonly ref: ObjectRef;
  readonly key: HeldKey;
}

export function keysOf(holdings: ReadonlyMap<string, Holding>, kind: KindId): readonly HeldMaterial[] {
  return [...holdings.values()].flatMap(({ projection, keys }) =>
    keys.filter((key) => key.kind === kind).map((key) => ({ ref: projection.ref, key })),
  );
}

export type Adoptable =
  | { readonly ref: ObjectRef; readonly held: HeldMaterial; readonly damage?: undefined }
  | { readonly ref: ObjectRef; readonly damage: string };

/** What `--adopt` may take in as the first version of a kind; undefined where there is no such Secret. */
export function adoptableKey(kind: VersionedKind, snapshot: Snapshot, now: Date): Adoptable | undefined {
  const ref = kind.adoption?.from(snapshot.spec);
  const found = ref === undefined ? undefined : snapshot.adoptable.get(formatRef(ref));
  if (kind.adoption === undefined || ref === undefined || found === undefined) return undefined;
  if (found.damage !== undefined) return { ref, damage: found.damage };
  const { adoption } = kind;
  const take = (): Adoptable => {
    const material = adoption.takeIn(found.data, snapshot.spec, now);
    return { ref, held: { ref, key: { kind: kind.id, kid: factsOf(kind, material).kid, state: 'active', material } } };
  };
  return unlessDamaged(take, (damage) => ({ ref, damage }));
}
