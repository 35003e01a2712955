import type { Target } from './call.ts';
import { type Circumstances, type Explanation, IN_BETWEEN } from './explanation.ts';
import type { ApiStatus, Problem } from './failure.ts';

type Refusal = Extract<Problem, { type: 'refused' }>;

const AGAIN = 'run the command again: it goes on where it stopped';

export function explainRefusal(problem: Refusal, target: Target, circumstances: Circumstances): Explanation {
  const { http, status, contentType } = problem;
  if (http === 401) return unauthenticated(circumstances);
  if (http === 429)
    return { code: 'STORE_UNAVAILABLE', what: 'the API server has too much to do (HTTP 429)', hint: AGAIN };
  if (status === undefined) {
    const type = contentType === '' ? 'no content type' : contentType;
    return {
      code: http === 504 || http === 408 ? 'TIMED_OUT' : 'STORE_UNAVAILABLE',
      what: `HTTP ${http} (${type}), which is not how an API server answers this`,
      hint: IN_BETWEEN,
    };
  }
  if (http === 403) return forbidden(status, target);
  if (http === 404) return notFound(status, target);
  if (http === 409) return { code: 'CONFLICT', what: told(status, http), hint: AGAIN };
  if (http === 400 || http === 413 || http === 422) return rejected(status, http);
  if (http === 504 || http === 408) return { code: 'TIMED_OUT', what: told(status, http), hint: AGAIN };
  return { code: 'STORE_UNAVAILABLE', what: told(status, http), hint: `see to the API server, then ${AGAIN}` };
}

function unauthenticated({ login }: Circumstances): Explanation {
  return {
    code: 'UNAUTHENTICATED',
    what: `the API server does not accept the login (HTTP 401) of ${login}`,
    hint: 'a token or a client certificate may have expired: log in again, or get a new kubeconfig; try: kubectl auth whoami',
  };
}

const RBAC = /\bUser "([^"]*)" cannot ([\w-]+) resource "([^"]*)"/;

/** RBAC says whom it took us for; admission (quotas, policies, webhooks) says why it does not want the object. */
function forbidden(status: ApiStatus, { namespace, name }: Target): Explanation {
  if (status.causes.some(({ reason }) => reason === 'NamespaceTerminating'))
    return terminating(`namespace ${namespace}`);
  // With --as, what is forbidden may be the impersonation: so it is the message that says what, not the request.
  const [, user, verb, resource] = RBAC.exec(status.message) ?? [];
  if (user === undefined) {
    return {
      code: 'PERMISSION_DENIED',
      what: `the API server refuses it: ${told(status, 403)}`,
      hint: 'a quota, an admission policy or a webhook decides about that: ask who looks after the cluster',
    };
  }
  const which = [resource, status.name ?? (verb === 'impersonate' ? undefined : name)].filter(Boolean).join(' ');
  const isNamespaced = namespace !== undefined && verb !== 'impersonate';
  return {
    code: 'PERMISSION_DENIED',
    what: `user "${user}" may not ${verb} ${which} ${isNamespaced ? `in namespace ${namespace}` : 'in the cluster'}`,
    hint: `have a role grant it; what is granted now: kubectl auth can-i --list${isNamespaced ? ` -n ${namespace}` : ''}`,
  };
}

function notFound(status: ApiStatus, { resource, namespace }: Target): Explanation {
  if (status.kind === 'namespaces') {
    return {
      code: 'STORE_UNAVAILABLE',
      what: `there is no namespace ${status.name ?? namespace}`,
      hint: 'make it, or let --create-namespaces do so',
    };
  }
  return {
    code: 'STORE_UNAVAILABLE',
    what: `the API server knows no ${resource}, or something in between says so: ${told(status, 404)}`,
    hint: IN_BETWEEN,
  };
}

/** The fields and the reasons, which name keys and sizes, and whose message has been masked. */
function rejected(status: ApiStatus, http: number): Explanation {
  const causes = status.causes.map(({ field, message }) => [field, message].filter(Boolean).join(': '));
  return {
    code: 'REJECTED',
    what: `the API server does not accept the object: ${causes.length > 0 ? causes.join('; ') : told(status, http)}`,
    hint: 'see to what it says; if a policy or a webhook of the cluster says it, ask who looks after the cluster',
  };
}

function terminating(what: string): Explanation {
  return {
    code: 'CONFLICT',
    what: `${what} is being deleted`,
    hint: 'wait until it is gone (a finalizer may hold it: kubectl get -o yaml shows it), then run the command again',
  };
}

function told({ message, reason }: ApiStatus, http: number): string {
  return `${message || reason || 'no reason given'} (HTTP ${http})`;
}
