/** Files that the user names, outside any store: the spec to read, the spec that the wizard writes. */
export interface TextFiles {
  /** The text of a file, or undefined where there is none. Throws PaletteKeysError for every other failure. */
  read(path: string): Promise<string | undefined>;
  /** Writes a new file, readable by its owner alone. Throws PaletteKeysError; USAGE where the name is taken. */
  writeNew(path: string, text: string): Promise<void>;
}
