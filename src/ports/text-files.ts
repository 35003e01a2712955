/** Files that the user names, outside any store: specs, certificates, requests. */
export interface TextFiles {
  /**
   * `-` is stdin; undefined where there is none. Throws PaletteKeysError; USAGE for a device or over `limit` (1 MB).
   */
  read(path: string, limit?: '64 MB'): Promise<string | undefined>;
  /** The bytes of a file. Throws as `read` does; USAGE also where there is none, or it is over 1 MB. */
  readBytes(path: string): Promise<Uint8Array>;
  /** Looks, before anything is done, whether `writeNew` could make that file now, and throws as it does. */
  checkNew(path: string): Promise<void>;
  /** Writes a new file, readable by its owner alone. Throws PaletteKeysError; USAGE where the name is taken. */
  writeNew(path: string, text: string): Promise<void>;
}
