import type { Target } from './call.ts';

/** What the API server says of a request that it did not carry out (a Status object). */
export interface ApiStatus {
  readonly reason: string;
  readonly message: string;
  /** Of what it is about: the resource, as `secrets`, and the object's name. */
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly causes: readonly { readonly reason: string; readonly field: string; readonly message: string }[];
}

export type Problem =
  /** No complete answer. The server may have acted all the same. */
  | { readonly type: 'no-answer'; readonly code: string }
  /** A success that does not hold what it should: something in between has spoken, or a part is missing. */
  | { readonly type: 'garbled'; readonly http: number; readonly what: string }
  /** Another status than success; without `status` it does not come from an API server, or from its outermost layer. */
  | {
      readonly type: 'refused';
      readonly http: number;
      readonly status: ApiStatus | undefined;
      readonly contentType: string;
    };

/** A request that failed. It knows what was asked, and nothing of what was sent along. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly target: Target;
  readonly problem: Problem;
  readonly retryAfterMs: number | undefined;

  constructor(target: Target, problem: Problem, retryAfterMs?: number) {
    super(problem.type);
    const { verb, group, resource, namespace, name } = target;
    this.target = { verb, group, resource, namespace, name };
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  get http(): number {
    return this.problem.type === 'no-answer' ? 0 : this.problem.http;
  }

  get status(): ApiStatus | undefined {
    return this.problem.type === 'refused' ? this.problem.status : undefined;
  }
}

/** Only a 404 that the API server says about this very object means 'it is not there'. A proxy's does not. */
export function isMissing(error: unknown): error is ApiFailure {
  return isAbout(error, 404, 'NotFound');
}

export function isTaken(error: unknown): error is ApiFailure {
  return isAbout(error, 409, 'AlreadyExists');
}

export function isConflict(error: unknown): error is ApiFailure {
  return isAbout(error, 409, 'Conflict');
}

function isAbout(error: unknown, http: number, reason: string): error is ApiFailure {
  if (!(error instanceof ApiFailure) || error.http !== http) return false;
  const { status, target } = error;
  return status?.reason === reason && status.kind === target.resource && status.name === target.name;
}

const TRANSIENT: readonly number[] = [408, 429, 500, 502, 503, 504];

/** The certificate, the kubeconfig, the proxy: trying again changes nothing. */
const HOPELESS =
  /^(?:PROXY_4.*|TOO_LARGE|ERR_TLS_CERT_ALTNAME_INVALID|ERR_INVALID_.*|UNABLE_TO_.*|.*CERT.*|.*_CA|HPE_.*)$/;

export function isTransient({ problem }: ApiFailure): boolean {
  if (problem.type === 'no-answer') return !HOPELESS.test(problem.code);
  if (problem.type === 'garbled') return true;
  // A 409 that is not about the object: several requests changed a ResourceQuota at a time.
  return TRANSIENT.includes(problem.http) || (problem.http === 409 && problem.status?.reason === 'Conflict');
}

/** Whether the server may have acted all the same. Only its own refusal, or 'too many requests', rules that out. */
export function isAmbiguous({ problem }: ApiFailure): boolean {
  if (problem.type !== 'refused') return !(problem.type === 'no-answer' && HOPELESS.test(problem.code));
  if (problem.http === 429) return false;
  return problem.http >= 500 || problem.http === 408 || problem.http === 409 || problem.status === undefined;
}
