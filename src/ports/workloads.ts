import type { ObjectRef } from './object-ref.ts';

/** One way in which a container gets at an object. */
export interface Use {
  readonly object: ObjectRef;
  readonly container: string;
  /** A volume follows the object; a file mounted by subPath and a variable keep what they were started with. */
  readonly how: 'volume' | 'subPath' | 'env';
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** What made it: `Deployment/<namespace>/<name>`; undefined for a Pod that somebody made by hand. */
  readonly workload: string | undefined;
  /** It has ended, and will not start again. */
  readonly finished: boolean;
  /** It is being deleted: on a dead node that never ends. */
  readonly leaving: boolean;
  readonly uses: readonly Use[];
  /** When each container was started, also one that has ended; one that will start is not in it. */
  readonly startedAt: ReadonlyMap<string, Date>;
  /** Kids that it says it has loaded, where it says so. */
  readonly loadedKids: readonly string[];
}

export interface Workloads {
  /** All Pods of the namespaces. Throws PERMISSION_DENIED where one may not see them. */
  pods(namespaces: readonly string[]): Promise<readonly Pod[]>;
  /** When the object was last changed, by whomever, as the store last met it; undefined where it is not there. */
  changedAt(ref: ObjectRef): Promise<Date | undefined>;
  /** Whether the workload is there, with Pods or without. Throws PERMISSION_DENIED where one may not see it. */
  exists(workload: string): Promise<boolean>;
  /**
   * As `kubectl rollout restart`; false for other kinds. REFUSED where it would not reach the Pods, as while paused.
   */
  restart(workload: string, at: Date): Promise<boolean>;
  /** True once the Pods of that restart are all there and ready. */
  isReady(workload: string): Promise<boolean>;
}
