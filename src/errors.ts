export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 70 | 130 | 143;

interface ErrorEntry {
  readonly exit: ExitCode;
  readonly docs: string;
}

/** Every error that the program can end with. The codes are stable; scripts may rely on them. */
export const ERRORS = {
  USAGE: { exit: 2, docs: 'A flag, an argument or their combination is wrong.' },
  SPEC_INVALID: { exit: 2, docs: 'The installation spec has mistakes; all of them are listed.' },
  CONFIRMATION_NEEDED: {
    exit: 2,
    docs: 'The run would change what exists, there is no terminal to ask on, and --yes was not given.',
  },
  NO_STORE: { exit: 1, docs: 'Neither a cluster in reach nor --dir.' },
  STORE_UNAVAILABLE: { exit: 1, docs: 'The store could not be read or written.' },
  DISK_FULL: { exit: 1, docs: 'No space is left for the store, or a quota is used up.' },
  PERMISSION_DENIED: { exit: 1, docs: 'The operating system or the API server denied an access.' },
  UNAUTHENTICATED: { exit: 1, docs: 'The API server did not accept the login, or there was none to be had.' },
  TIMED_OUT: { exit: 1, docs: 'The API server did not answer in time.' },
  REJECTED: {
    exit: 1,
    docs: 'The API server does not accept an object as it is to be written; its reasons are listed.',
  },
  KUBECONFIG_INVALID: { exit: 1, docs: 'The kubeconfig cannot be read, or what it says cannot be used.' },
  ACCESS_DENIED: {
    exit: 1,
    docs: 'The cluster denies something that the run needs; all of it is listed, with the RBAC that grants it.',
  },
  NAMESPACE_MISSING: { exit: 1, docs: 'The cluster lacks a namespace of the spec.' },
  LINK_UNSUPPORTED: { exit: 1, docs: 'The file system of --dir has no hard links.' },
  LOCK_HELD: { exit: 1, docs: 'Another run holds the lock; it is named.' },
  CONFLICT: { exit: 1, docs: 'Something else changed the store meanwhile; run the command again.' },
  NOT_INSTALLED: { exit: 1, docs: 'The store holds no installation.' },
  CLOCK_IMPLAUSIBLE: {
    exit: 1,
    docs: "The clock contradicts the release date, the newest time in the record, or the API server's clock.",
  },
  CANCELLED: { exit: 1, docs: 'The question was answered with no; nothing was written.' },
  DATABASE_UNAVAILABLE: {
    exit: 1,
    docs: 'The database of the tenant keys cannot be reached, has no primary, or failed.',
  },
  DATABASE_UNTRUSTED: {
    exit: 1,
    docs: "The certificate of the database's server is not vouched for, or not for the name it was reached by.",
  },
  DATABASE_DENIED: { exit: 1, docs: 'The database did not accept the login, or denies the user an operation.' },
  TENANT_KEYS_BROKEN: {
    exit: 5,
    docs: 'Documents of tenant keys are malformed or cannot be opened; they are named, and nothing was written.',
  },
  BACKUP_REJECTED: { exit: 4, docs: 'The backup file cannot be opened, is damaged, or is not a backup.' },
  CERTIFICATE_REJECTED: { exit: 4, docs: 'The certificate or the key cannot be used; all that is wrong is listed.' },
  NOT_SERVED: { exit: 1, docs: 'The new certificate is stored, but the server did not show it in time.' },
  REFUSED: { exit: 5, docs: 'A step would lose, overwrite or expose a key; nothing was written.' },
  UNSAFE_DIRECTORY: {
    exit: 5,
    docs: 'The folder of --dir, or something in it, is a symlink, belongs to somebody else or can be read by others.',
  },
  NOT_A_STORE: { exit: 2, docs: 'The folder of --dir holds other files and no installation.' },
  RECORD_TOO_NEW: { exit: 5, docs: 'The record was written by a newer palette-keys.' },
  TWO_INSTALLATIONS: { exit: 5, docs: 'The store holds objects of more than one installation.' },
  ROTATION_WAITS: {
    exit: 6,
    docs: '`rotate` has done all that is safe now, and waits; for what, or until when, is printed.',
  },
  INTERRUPTED: { exit: 130, docs: 'Ctrl-C (SIGINT); a re-run completes.' },
  TERMINATED: { exit: 143, docs: 'SIGTERM; a re-run completes.' },
  BUG: { exit: 70, docs: 'An internal error; please report it.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** One reason for a refusal or a warning; `code` is stable UPPER_SNAKE. */
export interface ErrorDetail {
  readonly message: string;
  readonly remedy?: string;
}

/** What a user can act on; it never holds key material. Everything else that is thrown is a bug (exit 70). */
export class PaletteKeysError extends Error {
  override readonly name = 'PaletteKeysError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: readonly ErrorDetail[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint: string; cause?: unknown; details?: readonly ErrorDetail[] },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }
}

export function notInstalled(
  { location }: { readonly location: string },
  hint = 'palette-keys init makes one; if there should be one, check --dir and who you are',
): PaletteKeysError {
  return new PaletteKeysError('NOT_INSTALLED', `${location} holds no installation`, { hint });
}

/** A mistake on the command line; nothing was written. */
export function usageError(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', message, { hint });
}

/** A stored value cannot be what it should be; `message` says why, without quoting it. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/** What `work` yields, or what `instead` makes of the damage that it found. */
export function unlessDamaged<T, D>(work: () => T, instead: (damage: string) => D): T | D {
  try {
    return work();
  } catch (error) {
    if (error instanceof DamagedError) return instead(error.message);
    throw error;
  }
}
