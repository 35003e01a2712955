import { PaletteKeysError } from '../../errors.ts';
import { StoreChangedError } from '../errors.ts';

/** What a run has done so far, which is known where it fails too. */
export interface Done {
  /** In words; undefined where nothing was done. */
  words(): string | undefined;
  tell(): Promise<void>;
}

/** Tells also of work that failed. What the work throws goes first, with the failure of telling as a detail. */
export async function thenAudit<T>(done: Done, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const untold = await failureOf(done);
    throw untold === undefined ? error : withDetail(error, untold.message);
  }
  const untold = await failureOf(done);
  if (untold !== undefined) throw untold;
  return result;
}

/** Why the audit log lacks what was done; undefined where it has it, or nothing was done. */
async function failureOf(done: Done): Promise<Error | undefined> {
  const words = done.words();
  if (words === undefined) return undefined;
  try {
    await done.tell();
    return undefined;
  } catch (error) {
    const why = `${words}, but the audit log lacks it`;
    if (error instanceof PaletteKeysError) {
      const { code, message, hint, details } = error;
      return new PaletteKeysError(code, `${why}: ${message}`, { hint, details });
    }
    if (error instanceof StoreChangedError) {
      return new PaletteKeysError('CONFLICT', `${why}: ${error.message}`, { hint: 'note down that it was done' });
    }
    return new Error(why, { cause: error });
  }
}

/** The bug of somebody is passed on as it is: nothing but its stack says where it is. */
function withDetail(error: unknown, message: string): unknown {
  if (!(error instanceof PaletteKeysError)) return error;
  const { code, hint, cause, details } = error;
  return new PaletteKeysError(code, error.message, { hint, cause, details: [...details, { message }] });
}
