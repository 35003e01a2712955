/** The word of an operator who has done what the run before asked for. */
import { recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';

/** `--assume-consumers-current`, for the generation that the record is at. */
export function word(store: MemoryStore): string {
  return `--assume-consumers-current=${recordIn(store.snapshot()).generation}`;
}
