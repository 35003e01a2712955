import { type ErrorCode, type ErrorDetail, PaletteKeysError } from '../../errors.ts';
import { codeOf } from '../system/file-failures.ts';

/** `ENOENT` and its like; Node's own `ERR_…` codes are faults of the program, not of the file system. */
export function errno(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** The only error that means 'it is not there'. ENOTDIR, ELOOP, ESTALE … mean that something is wrong. */
export function isMissing(error: unknown): boolean {
  return errno(error) === 'ENOENT';
}

/** undefined for what is not there; every other failure stays one. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Turns what the operating system said into words; everything else goes through untouched. */
export async function explainingFailures<T>(location: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errno(error);
    throw code === undefined ? error : explain(code, error as NodeJS.ErrnoException, location);
  }
}

export function notDeleted(error: unknown, path: string): unknown {
  const code = errno(error);
  if (code === undefined) return error;
  const { code: known, what } = EXPLANATIONS[code] ?? OTHER;
  return new PaletteKeysError(
    known,
    `${path}: a temp file, which may hold a key, was not deleted: ${what} (unlink: ${code})`,
    {
      hint: 'check the disk or the mount, then run the command again: it deletes the file',
      cause: error,
    },
  );
}

export function alsoLeft(error: unknown, path: string): unknown {
  const code = errno(error);
  const told = code === undefined ? error : explain(code, error as NodeJS.ErrnoException, path);
  if (!(told instanceof PaletteKeysError)) return told;
  const detail: ErrorDetail = {
    message: `${path}: a temp file, which may hold a key, was not deleted`,
    remedy: 'run the command again: it deletes the file',
  };
  return new PaletteKeysError(told.code, told.message, {
    hint: told.hint,
    details: [...told.details, detail],
    cause: error,
  });
}

interface Explanation {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

const FULL = 'make room there, then run the command again: it goes on where it stopped';
const DENIED =
  'run palette-keys as the user whom the folder belongs to, or check the permissions of the folders above it';

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: { code: 'DISK_FULL', what: 'no space is left on the device', hint: FULL },
  EDQUOT: { code: 'DISK_FULL', what: 'the disk quota is used up', hint: FULL },
  EACCES: { code: 'PERMISSION_DENIED', what: 'permission denied', hint: DENIED },
  EPERM: { code: 'PERMISSION_DENIED', what: 'operation not permitted', hint: DENIED },
  EROFS: {
    code: 'PERMISSION_DENIED',
    what: 'the file system is read-only',
    hint: 'mount it writable, or give --dir a folder on another file system',
  },
};

const OTHER: Explanation = {
  code: 'STORE_UNAVAILABLE',
  what: 'the file system reported an error',
  hint: 'check the disk or the mount, then run the command again: it goes on where it stopped',
};

function explain(code: string, error: NodeJS.ErrnoException, location: string): PaletteKeysError {
  const found = EXPLANATIONS[code] ?? OTHER;
  const call = error.syscall === undefined ? code : `${error.syscall}: ${code}`;
  return new PaletteKeysError(found.code, `${error.path ?? location}: ${found.what} (${call})`, {
    hint: found.hint,
    cause: error,
  });
}
