import { ledgerFacts } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';

/** Looks at a ledger again and again; notes every entry that changed, or went away. */
export class LedgerWatch {
  readonly faults: string[] = [];
  readonly #seen = new Map<string, string>();

  look(snapshot: Snapshot): void {
    const now = ledgerFacts(snapshot);
    for (const [place, facts] of this.#seen) {
      const found = now.get(place);
      if (found === undefined) this.faults.push(`${place} is gone`);
      else if (found !== facts) this.faults.push(`${place} was changed`);
    }
    for (const [place, facts] of now) this.#seen.set(place, facts);
  }

  /** What the test itself did to an object is no fault. */
  forget(place: string): void {
    this.#seen.delete(place);
  }

  /** Places of all entries that were ever seen. */
  get places(): readonly string[] {
    return [...this.#seen.keys()].sort();
  }
}
