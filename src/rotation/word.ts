import { PaletteKeysError } from '../errors.ts';
import type { InstallationRecord } from '../ledger/record.ts';

/** `--assume-consumers-current`: the operator vouches for what no evidence shows. */
export interface Word {
  /** The generation of the record that it was given for; undefined where the flag came without one. */
  readonly generation: number | undefined;
  /** True where a person gave it on a terminal: without a generation it counts there only. */
  readonly onTerminal: boolean;
  /** The same command with the word for that generation. */
  command(generation: number): string;
}

const FLAG = '--assume-consumers-current';

export function flagFor(generation: number): string {
  return `${FLAG}=${generation}`;
}

/**
 * The one generation that the word counts for, as the record is when the run begins. Every transition raises it, so
 * that none of this run, nor of a killed one, is covered. Throws USAGE.
 */
export function countsFor(
  word: Word | undefined,
  { generation, ready }: Pick<InstallationRecord, 'generation' | 'ready'>,
): number | undefined {
  if (word === undefined) return undefined;
  const useless = (message: string): PaletteKeysError =>
    new PaletteKeysError('USAGE', message, { hint: ready ? vouch(word, generation) : INTERRUPTED });
  if (word.generation === undefined && !word.onTerminal)
    throw useless(`${FLAG} without a generation counts on a terminal only`);
  if (word.generation !== undefined && word.generation > generation) {
    throw useless(`generation ${word.generation} is not there yet: the record is at ${generation}`);
  }
  // What a killed run has left half written was never there for anybody to load.
  if (!ready) return undefined;
  return word.generation ?? generation;
}

const vouch = (word: Word, generation: number): string =>
  `the record is at generation ${generation}; if all consumers have loaded it, run:\n${word.command(generation)}`;

const INTERRUPTED = `a run was interrupted: run the command without ${FLAG}; it completes that run, and prints the generation`;
