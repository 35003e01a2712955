import type { NewObject } from './new-object.ts';
import type { ObjectRef } from './object-ref.ts';
import type { Workloads } from './workloads.ts';

/** One right that a run needs, as an API server checks it. `name` undefined: any name (create and list have none). */
export interface AccessNeed {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'delete';
  /** API group; empty for the core group. */
  readonly group: '' | 'coordination.k8s.io';
  readonly resource: 'secrets' | 'configmaps' | 'namespaces' | 'leases' | 'events';
  /** Undefined for what has no namespace. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** What only a live cluster can tell; a directory has none of it. */
export interface Cluster {
  readonly workloads: Workloads;
  /** `v1.35.4`. */
  version(): Promise<string>;
  /** The API server's clock (its Date header), to the second. */
  now(): Promise<Date>;
  /** The present user as the API server sees it: `system:serviceaccount:<namespace>:<name>`, or a name. */
  user(): Promise<string>;
  /** Those of the needs that the present user is denied; all are asked, none is used. */
  denied(needs: readonly AccessNeed[]): Promise<readonly AccessNeed[]>;
  /** By a dry run; `version`: the one that is replaced. Throws what the write would throw. */
  tryWrite(object: NewObject, version: string | undefined): Promise<void>;
  /** Records a Kubernetes Event about an object. Best effort: never throws, never waits long. */
  event(about: ObjectRef, reason: string, message: string): Promise<void>;
}
