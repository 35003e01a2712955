/** Backup files, which hold keys, though encrypted. */
export interface BackupFiles {
  /** The bytes of a file (`-` is standard input). Throws PaletteKeysError; USAGE where there is none. */
  read(path: string): Promise<Uint8Array>;
  /**
   * Makes a file, whole or not at all, 0600, never over another one. It is written under a temporary name in the same
   * folder, synced, read back and given to `check`; what `check` throws leaves nothing behind.
   */
  create(path: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void>;
}
