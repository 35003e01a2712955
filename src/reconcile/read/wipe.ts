import type { Comparison } from '../plan/compare/compare.ts';
import type { Snapshot } from '../plan/snapshot.ts';

/** But for what stands in `spared` too. Best effort: strings and copies inside OpenSSL cannot be reached. */
export function wipe({ snapshot, rings }: Comparison, spared?: Snapshot): void {
  // What is restored from a projection shares its bytes.
  const needed = new Set(spared === undefined ? [] : bytesOf(spared));
  const materials = [...rings.values()].flat().flatMap(({ material }) => Object.values(material.entries));
  for (const bytes of [...bytesOf(snapshot), ...materials]) if (!needed.has(bytes)) bytes.fill(0);
}

/** Overwrites the key bytes however the work ends. Where it ends well, `takeOver` gets projections, and wipes them. */
export async function thenWipe<T>(
  read: Comparison,
  work: (read: Comparison) => Promise<T>,
  takeOver?: (projections: Snapshot) => void,
): Promise<T> {
  let kept: Snapshot | undefined;
  try {
    const result = await work(read);
    if (takeOver !== undefined) {
      kept = { ...read.snapshot, ledger: [] };
      takeOver(kept);
    }
    return result;
  } finally {
    wipe(read, kept);
  }
}

export function wipeSnapshot(snapshot: Snapshot): void {
  for (const bytes of bytesOf(snapshot)) bytes.fill(0);
}

function bytesOf({ ledger, projections, adoptable }: Snapshot): readonly Uint8Array[] {
  const objects = [...ledger, ...projections.values(), ...adoptable.values()];
  return objects.flatMap((object) => (object.damage === undefined ? Object.values(object.data) : []));
}
