import type { Assessment } from '../plan/assess.ts';
import type { Snapshot } from '../plan/snapshot.ts';
import type { Entries } from '../ports/key-store.ts';

/**
 * Overwrites the key bytes that an assessment holds, but for those of objects that stand in `spared` too. Best effort:
 * strings and copies inside OpenSSL cannot be reached.
 */
export function wipe({ snapshot, rings }: Assessment, spared?: Snapshot): void {
  const needed = new Set([...(spared?.projections.values() ?? []), ...(spared?.adoptable.values() ?? [])]);
  for (const object of [...snapshot.ledger, ...snapshot.projections.values(), ...snapshot.adoptable.values()]) {
    if (object.damage === undefined && !needed.has(object)) wipeEntries(object.data);
  }
  for (const ring of rings.values()) {
    for (const { material } of ring) wipeEntries(material.entries);
  }
}

function wipeEntries(entries: Entries): void {
  for (const bytes of Object.values(entries)) bytes.fill(0);
}
