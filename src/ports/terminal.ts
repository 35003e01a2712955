/** Where results, messages and questions go. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** True where somebody is there to answer: stdin and stderr are terminals, and CI is not set. */
  readonly interactive: boolean;
  /** Levels of colour that stdout and stderr take: 0 none, 1 basic, 2 256, 3 all. */
  readonly colour: { readonly stdout: 0 | 1 | 2 | 3; readonly stderr: 0 | 1 | 2 | 3 };
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  /** True where stderr is a terminal that a progress line can be redrawn on. */
  readonly redraws: boolean;
}
