/** What proves who we are. */
export interface Grant {
  readonly authorization?: string | undefined;
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** A way to log in whose proof changes with time. */
export interface LoginSource {
  /** What is valid now; asked before every request. */
  current(signal: AbortSignal): Promise<Grant>;
  /** The server did not accept that one: forget it, unless there is a newer one already. True where asking again may help. */
  forget(refused: Grant): boolean;
}

export interface LoginHost {
  readonly env: NodeJS.ProcessEnv;
  /** Whether login plugins may ask questions on the terminal. */
  readonly interactive: boolean;
  readonly timeoutMs: number;
  /** Ends the wait for a file that is a pipe. */
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

export function bearer(token: string): Grant {
  return { authorization: `Bearer ${token}` };
}

/** What may stand in a header (RFC 6750, section 2.1, and what else people use). */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
