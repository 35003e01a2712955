import { type ErrorDetail, PaletteKeysError } from '../../errors.ts';
import { formatPath, type Mistake } from './mistakes.ts';

/** More are counted, but not listed. */
const MAX_LISTED = 1000;

export function specInvalid(source: string, mistakes: readonly ErrorDetail[]): PaletteKeysError {
  const more = mistakes.length - MAX_LISTED;
  const details = mistakes.slice(0, MAX_LISTED);
  if (more > 0) details.push({ message: `${source}: and ${more} more` });
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  return new PaletteKeysError('SPEC_INVALID', `${source} has ${count}`, {
    hint: 'Correct what is listed. `palette-keys init --print-config` shows every field with its default.',
    details,
  });
}

/** `jwt.algorithm: must be …`. */
export function toDetail({ path, message, remedy }: Pick<Mistake, 'path' | 'message' | 'remedy'>): ErrorDetail {
  const subject = path.length === 0 ? 'the spec ' : `${formatPath(path)}: `;
  return { message: subject + message, ...(remedy !== undefined && { remedy }) };
}
