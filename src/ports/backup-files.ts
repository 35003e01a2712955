/** Backup files, which hold keys, though encrypted. */
export interface BackupFiles {
  /** A file (`-` is stdin) in pieces. Throws USAGE where there is none, or a device; BACKUP_REJECTED over 1 GB. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** SHA-256 (hex) of a file; undefined where there is none. Throws USAGE for what is no file. */
  digest(path: string): Promise<string | undefined>;
  /** Whole or not at all to `pendingName(path)`, 0600, synced, read back; what `check` throws leaves nothing behind. */
  stage(path: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void>;
  /** Gives it its name. Throws USAGE where that is taken, CONFLICT where what is staged has another SHA-256 (hex). */
  place(path: string, sha256: string): Promise<void>;
}

/** Where a file stands until the record holds its digest. */
export function pendingName(path: string): string {
  return `${path}.pending`;
}
