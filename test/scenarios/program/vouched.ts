/** An operator who vouches for each change in a folder, as often as a run asks for it. */
import { type Outcome, run } from '../../support/program.ts';
import { readRecord } from './store.ts';

/** `--assume-consumers-current`, for the generation that the folder's record is at. */
export function wordFor(folder: string): string {
  return `--assume-consumers-current=${readRecord(folder).generation}`;
}

/** Runs `rotate` until it no longer asks for the word: the last outcome, with what all of them said on stderr. */
export async function vouched(folder: string, args: readonly string[]): Promise<Outcome> {
  let said = '';
  for (let runs = 0; ; runs++) {
    const outcome = await run(['rotate', ...args, '--dir', folder, wordFor(folder)]);
    said += outcome.stderr;
    if (outcome.code !== 6 || !/a folder does not show what runs/i.test(outcome.stderr) || runs === 5) {
      return { ...outcome, stderr: said };
    }
  }
}
