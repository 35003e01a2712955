import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';
import type { Pod, Workloads } from '../../ports/workloads.ts';

const ROLLED_OUT = /^(Deployment|StatefulSet|DaemonSet)\//;

export function overlayWorkloads(
  base: Workloads,
  clock: Clock,
  writtenAt: (ref: ObjectRef) => Date | undefined,
): Workloads {
  const restarted = new Map<string, Date>();
  const after = (pod: Pod): Pod => {
    const at = pod.workload === undefined || pod.finished ? undefined : restarted.get(pod.workload);
    if (at === undefined) return pod;
    return {
      ...pod,
      startedAt: new Map([...pod.startedAt.keys()].map((container) => [container, at])),
      loadedKids: [],
    };
  };
  return {
    pods: async (namespaces) => (await base.pods(namespaces)).map(after),
    changedAt: async (ref) => writtenAt(ref) ?? (await base.changedAt(ref)),
    exists: (workload) => base.exists(workload),
    async restart(workload) {
      if (!ROLLED_OUT.test(workload)) return false;
      restarted.set(workload, clock.now());
      return true;
    },
    isReady: async () => true,
  };
}

/** A cluster whose clock goes on as the rehearsal's does, and that is told nothing. */
export function overlayCluster(base: Cluster, workloads: Workloads, elapsed: () => number): Cluster {
  return {
    workloads,
    version: () => base.version(),
    now: async () => new Date((await base.now()).getTime() + elapsed()),
    user: () => base.user(),
    denied: (needs) => base.denied(needs),
    tryWrite: (object, version) => base.tryWrite(object, version),
    event: async () => undefined,
  };
}
