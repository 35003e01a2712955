import { constants } from 'node:os';
import { PaletteKeysError } from '../../errors.ts';

/** What the operating system said of a file that the user named, in our words; what is none of its codes stays as it is. */
export function fileFailure(verb: 'read' | 'write', file: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || error instanceof PaletteKeysError) return error;
  if (code === 'ENOENT') {
    const what = verb === 'read' ? 'there is no such file' : 'the folder for it is not there';
    return new PaletteKeysError('USAGE', `${file}: ${what}`, { hint: 'check the path, and that the disk is mounted' });
  }
  if (code === 'EISDIR') {
    return new PaletteKeysError('USAGE', `${file} is a folder, not a file`, {
      hint: 'name the file in it',
      cause: error,
    });
  }
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  const kind = denied ? 'PERMISSION_DENIED' : 'STORE_UNAVAILABLE';
  return new PaletteKeysError(full ? 'DISK_FULL' : kind, `cannot ${verb} ${file} (${code})`, {
    hint: full ? 'make room there, and run the command again' : 'check the path and who you are',
    cause: error,
  });
}

/** The code of a failure that has one, `ENOENT` and its like. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  // libuv has no name for it, and says `Unknown system error -122`.
  return 'errno' in error && error.errno === -constants.errno.EDQUOT ? 'EDQUOT' : String(error.code);
}
