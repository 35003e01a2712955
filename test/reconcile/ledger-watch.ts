import type { KeyStore } from '../../src/ports/key-store.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { ledgerFacts } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';

/** Looks at a ledger again and again; notes every entry that changed, or went away. */
export class LedgerWatch {
  readonly faults: string[] = [];
  readonly #seen = new Map<string, string>();

  /** Looks before every write of a run that has to do with the ledger; no other write can change it. */
  over(memory: MemoryStore, run: KeyStore): FaultyStore {
    return new FaultyStore(run).onWrite(({ object }) => {
      if (/key-.+-v\d+$/.test(object)) this.look(memory.snapshot());
    });
  }

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
}
