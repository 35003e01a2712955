/** Backup files, which hold keys, though encrypted. */
export interface BackupFiles {
  /**
   * The bytes of a file (`-` is standard input), piece by piece. Throws PaletteKeysError: USAGE where there is none, or it
   * is a device; BACKUP_REJECTED where it is larger than 1 GB.
   */
  read(path: string): AsyncIterable<Uint8Array>;
  /**
   * Makes a file, whole or not at all, 0600, never over another one. It is written under a temporary name in the same
   * folder, synced, read back and given to `check`; what `check` throws leaves nothing behind.
   */
  create(path: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void>;
}
