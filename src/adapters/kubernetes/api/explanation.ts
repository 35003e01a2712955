import type { ErrorCode } from '../../../errors.ts';

export interface Circumstances {
  /** `context NAME (https://…)`. */
  readonly where: string;
  readonly login: string;
  readonly timeoutMs: number;
}

export interface Explanation {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

export const IN_BETWEEN =
  'something between here and the API server speaks for it: check the address in the kubeconfig, HTTPS_PROXY and NO_PROXY';
