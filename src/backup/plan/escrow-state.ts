import { PaletteKeysError } from '../../errors.ts';

export interface EscrowFacts {
  readonly file: string;
  /** Of FILE; undefined where it is not there. */
  readonly placed: string | undefined;
  /** Of FILE.pending. */
  readonly staged: string | undefined;
  /** Of the backups that the record notes for the first root key. */
  readonly noted: readonly string[];
  /** What the first root key carries since it was made. */
  readonly first: string | undefined;
  /** How much of the first keys the ledger holds. */
  readonly ledger: 'empty' | 'partial' | 'whole';
  /** True where a run came to its end before. */
  readonly completed: boolean;
}

/** What to do about the escrow. `unknown`: FILE is there, and nothing says whether it is the escrow. */
export type EscrowState = 'make' | 'note' | 'place' | 'done' | 'unknown';

/** Throws REFUSED where FILE holds keys that the store lacks, or others, and USAGE where it is too late for an escrow. */
export function escrowState(facts: EscrowFacts): EscrowState {
  const { file, placed, staged, noted, first, ledger, completed } = facts;
  if (placed !== undefined) return stateOfPlaced({ ...facts, placed });
  if (ledger === 'empty') return 'make';
  if (noted.length > 0) return staged !== undefined && noted.includes(staged) ? 'place' : 'done';
  if (completed) {
    const message = '--escrow is for the first run into an empty store; this one holds keys already';
    throw new PaletteKeysError('USAGE', message, {
      hint: `leave --escrow out; palette-keys backup --out ${file} makes a backup of the keys that are there`,
    });
  }
  return ledger === 'whole' && staged !== undefined && staged === first ? 'note' : 'make';
}

function stateOfPlaced({ file, placed, noted, first, ledger }: EscrowFacts & { readonly placed: string }): EscrowState {
  if (ledger === 'empty') {
    const message = `${file} is there, but the store is empty: it may hold the only copy of the keys`;
    const hint = `palette-keys restore ${file}; for new keys name another file`;
    throw new PaletteKeysError('REFUSED', message, { hint });
  }
  if (noted.includes(placed)) return 'done';
  if (placed === first) return 'note';
  if (noted.length === 0 && first === undefined) return 'unknown';
  throw new PaletteKeysError('REFUSED', `${file} is there, but it is not the escrow of this installation`, {
    hint: 'name another file; nothing was written',
  });
}
