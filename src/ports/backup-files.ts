/** Backup files, which hold keys, though encrypted. */
export interface BackupFiles {
  /**
   * The bytes of a file (`-` is standard input), piece by piece. Throws PaletteKeysError: USAGE where there is none, or it
   * is a device; BACKUP_REJECTED where it is larger than 1 GB.
   */
  read(path: string): AsyncIterable<Uint8Array>;
  /** SHA-256 (hex) of a file; undefined where there is none. Throws USAGE for what is no file. */
  digest(path: string): Promise<string | undefined>;
  /**
   * Writes `bytes` to `pendingName(path)`, 0600, whole or not at all, over an older one. It is synced, read back and given
   * to `check`; what `check` throws leaves nothing behind.
   */
  stage(path: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void>;
  /**
   * Gives what was staged its name, never over another file. Throws USAGE where the name is taken, and CONFLICT where what
   * is staged there does not have this SHA-256 (hex).
   */
  place(path: string, sha256: string): Promise<void>;
}

/** Where a file stands until the record holds its digest. */
export function pendingName(path: string): string {
  return `${path}.pending`;
}
