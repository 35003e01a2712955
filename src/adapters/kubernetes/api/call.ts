import type { ObjectKind, ObjectRef } from '../../../ports/object-ref.ts';
import type { JsonObject } from '../json.ts';
import type { Mask } from './mask.ts';

export type ApiGroup = '' | 'apps' | 'batch' | 'coordination.k8s.io' | 'authorization.k8s.io' | 'authentication.k8s.io';

/** What is asked of the API server: a verb on a resource, as RBAC sees it. */
export interface Target {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'delete';
  readonly group: ApiGroup;
  readonly resource: string;
  readonly namespace: string | undefined;
  /** Of `create` too, where it is the object's own. */
  readonly name: string | undefined;
}

export interface Call extends Target {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** Hides what is secret in the body, should the server quote it. */
  readonly mask?: Mask;
  /** Of what is not a resource: `/version`. */
  readonly path?: string;
}

export const RESOURCE: Readonly<Record<ObjectKind, string>> = { Secret: 'secrets', ConfigMap: 'configmaps' };

/** By which the server tells who owns which field; and what it does not know is refused instead of dropped. */
const WRITING = { fieldManager: 'palette-keys', fieldValidation: 'Strict' };

export function getting({ kind, namespace, name }: ObjectRef): Call {
  return { verb: 'get', group: '', resource: RESOURCE[kind], namespace, name };
}

export function writing(target: Target, body: JsonObject, mask?: Mask): Call {
  return { ...target, query: WRITING, body, ...(mask === undefined ? {} : { mask }) };
}

const METHODS = { get: 'GET', list: 'GET', create: 'POST', update: 'PUT', delete: 'DELETE' } as const;

export function methodOf({ verb }: Target): string {
  return METHODS[verb];
}

export function isWrite({ verb }: Target): boolean {
  return verb === 'create' || verb === 'update' || verb === 'delete';
}

/** Path and query. Names are RFC 1123 labels or subdomains; whatever else they hold stays within its segment. */
export function pathOf({ verb, group, resource, namespace, name, query, path }: Call): string {
  if (path !== undefined) return path;
  const segments = [
    ...(group === '' ? ['api', 'v1'] : ['apis', group, 'v1']),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource,
    ...(name === undefined || verb === 'create' ? [] : [name]),
  ];
  const parameters = new URLSearchParams(query).toString();
  return `/${segments.map(encodeURIComponent).join('/')}${parameters === '' ? '' : `?${parameters}`}`;
}

/** `get Secret ns/name`, for errors. */
export function describeTarget({ verb, resource, namespace, name }: Target): string {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  return `${verb} ${resource}${name === undefined ? '' : `/${name}`}${where}`;
}
