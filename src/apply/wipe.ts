import type { Assessment } from '../plan/assess.ts';
import type { Entries } from '../ports/key-store.ts';

/** Overwrites the key bytes that an assessment holds. Best effort: strings and copies inside OpenSSL cannot be reached. */
export function wipe({ snapshot, rings }: Assessment): void {
  for (const object of [...snapshot.ledger, ...snapshot.projections.values(), ...snapshot.adoptable.values()]) {
    if (object.damage === undefined) wipeEntries(object.data);
  }
  for (const ring of rings.values()) {
    for (const { material } of ring) wipeEntries(material.entries);
  }
}

function wipeEntries(entries: Entries): void {
  for (const bytes of Object.values(entries)) bytes.fill(0);
}
