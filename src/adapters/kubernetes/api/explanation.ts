import type { ErrorCode } from '../../../errors.ts';

/** Who asked whom; for errors. */
export interface Circumstances {
  /** `context NAME (https://…)`. */
  readonly where: string;
  /** Where the login comes from. */
  readonly login: string;
  readonly timeoutMs: number;
}

/** What a failure is called, and what to do about it. */
export interface Explanation {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

export const IN_BETWEEN =
  'something between here and the API server speaks for it: check the address in the kubeconfig, HTTPS_PROXY and NO_PROXY';
