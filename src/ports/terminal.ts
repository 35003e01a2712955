export interface Output {
  /**
   * All of it, before it returns. False where the reader is gone (`| head`). Throws PaletteKeysError on a full disk.
   */
  write(text: string | Uint8Array): boolean;
}

export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where questions are asked and answered; opened when it is asked for. */
  readonly dialogue: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream };
  /** True where somebody is there to answer: stdin and stderr are terminals, and CI is not set. */
  readonly interactive: boolean;
  /** Levels of colour that stdout and stderr take: 0 none, 1 basic, 2 256, 3 all. */
  readonly colour: { readonly stdout: 0 | 1 | 2 | 3; readonly stderr: 0 | 1 | 2 | 3 };
  /** True where stdout is a terminal, and no place for binary data. */
  readonly shows: boolean;
  /** True where stderr is a terminal that a progress line can be redrawn on. */
  readonly redraws: boolean;
}
