import { parseDuration } from '../../installation/duration.ts';
import type { ConsumerSpec, InstallationSpec } from '../../installation/spec.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import type { Pod, Use } from '../../ports/workloads.ts';

/** A container that starts while the kubelet still has the object from before in its cache gets that one. */
const KUBELET_CACHE_MS = 2 * 60_000;

export interface StalePod {
  readonly pod: Pod;
  readonly reason: string;
  /** False where starting it anew is of no use, or where it only has to wait. */
  readonly restarts: boolean;
}

/** From when on a container that is started gets what the object holds since `changedAt`. */
export function settledAt(changedAt: Date): Date {
  return new Date(changedAt.getTime() + KUBELET_CACHE_MS + 1000);
}

export interface Consumption {
  readonly spec: Pick<InstallationSpec, 'consumers' | 'rotation'>;
  readonly pods: readonly Pod[];
  /** Objects, with the time of their last change. */
  readonly objects: ReadonlyMap<string, { readonly ref: ObjectRef; readonly changedAt: Date }>;
  /** Objects of the kind that the spec no longer names: no change reaches them. */
  readonly orphanedObjects: ReadonlySet<string>;
  /** A Pod that says it has loaded this one is current; undefined where that proves nothing. */
  readonly kid: string | undefined;
  /** False where no consumer notices a change by itself, whatever the spec says. */
  readonly reloads: boolean;
  /** Pods (`<namespace>/<name>`) that somebody vouches for. */
  readonly ignored: ReadonlySet<string>;
}

/** Pods that have not picked up the last change of what they use. Mounted is not loaded: a container counts once it was started after. */
export function stalePods(consumption: Consumption, now: Date): readonly StalePod[] {
  const { pods, ignored, kid } = consumption;
  return pods
    .filter(({ finished, namespace, name }) => !finished && !ignored.has(`${namespace}/${name}`))
    .filter(({ loadedKids }) => kid === undefined || !loadedKids.includes(kid))
    .flatMap((pod): StalePod[] => {
      const reasons = usesOf(pod, consumption).flatMap((use) => whyStale(use, pod, consumption, now) ?? []);
      const first = reasons.find(({ restarts }) => restarts) ?? reasons[0];
      return first === undefined ? [] : [{ pod, ...first }];
    });
}

/** Declared consumers without a Pod, not even one that has ended: scaled to nothing, between runs, or misspelt. */
export function consumersWithoutPods(
  { consumers }: Pick<InstallationSpec, 'consumers'>,
  pods: readonly Pod[],
  objects: Iterable<Pick<ObjectRef, 'name'>>,
): readonly string[] {
  const names = new Set([...objects].map(({ name }) => name));
  const without = consumers.filter(
    (consumer) => names.has(consumer.object) && !pods.some((pod) => isPodOf(pod, consumer)),
  );
  return [...new Set(without.map(({ workload }) => workload))].sort();
}

/** Workloads that read the active key alone, as far as one can tell: what nobody has declared is taken to. */
export function singleReaders(
  spec: Pick<InstallationSpec, 'consumers'>,
  pods: readonly Pod[],
  objects: readonly ObjectRef[],
): readonly string[] {
  const declared = spec.consumers.filter(({ object }) => objects.some(({ name }) => name === object));
  const single = declared.filter(({ reads }) => reads === 'single').map(({ workload }) => workload);
  const places = new Set(objects.map(formatRef));
  const undeclared = pods
    .filter(({ finished, uses }) => !finished && uses.some(({ object }) => places.has(formatRef(object))))
    .filter((pod) => !declared.some((consumer) => isPodOf(pod, consumer)))
    .map((pod) => pod.workload ?? `Pod/${pod.namespace}/${pod.name}`);
  return [...new Set([...single, ...undeclared])].sort();
}

/** What its containers use of the objects, and what the spec says that it reads through the API. */
function usesOf(pod: Pod, { spec, objects, orphanedObjects }: Consumption): readonly Use[] {
  const seen = pod.uses.filter(
    ({ object }) => objects.has(formatRef(object)) || orphanedObjects.has(formatRef(object)),
  );
  const declared = spec.consumers
    .filter((consumer) => isPodOf(pod, consumer))
    .flatMap((consumer) => [...objects.values()].filter(({ ref }) => ref.name === consumer.object))
    .filter(({ ref }) => !seen.some(({ object }) => formatRef(object) === formatRef(ref)));
  const containers = [...pod.startedAt.keys()];
  return [
    ...seen,
    ...declared.flatMap(({ ref }) => containers.map((container): Use => ({ object: ref, container, how: 'volume' }))),
  ];
}

function whyStale(use: Use, pod: Pod, consumption: Consumption, now: Date): Omit<StalePod, 'pod'> | undefined {
  const name = formatRef(use.object);
  if (consumption.orphanedObjects.has(name)) {
    const way = `--ignore-pod ${pod.namespace}/${pod.name} leaves it out`;
    return { reason: `it uses ${name}, which the spec no longer names: no change reaches it; ${way}`, restarts: false };
  }
  const changedAt = consumption.objects.get(name)?.changedAt;
  if (changedAt === undefined) return undefined;
  const changed = changedAt.getTime();
  // What does not run yet will start with what the object holds then.
  const started = pod.startedAt.get(use.container)?.getTime() ?? now.getTime();
  if (started > changed + KUBELET_CACHE_MS) return undefined;
  const consumer = consumption.spec.consumers.find((each) => isPodOf(pod, each) && each.object === use.object.name);
  if (consumption.reloads && consumer?.reload === 'watch' && use.how === 'volume') {
    const { syncPeriod } = consumption.spec.rotation;
    if (now.getTime() >= changed + parseDuration(syncPeriod) * 1000) return undefined;
    return { reason: `${name} reaches it within ${syncPeriod}`, restarts: false };
  }
  return { reason: `container ${use.container} was not started since ${name} changed`, restarts: true };
}

function isPodOf(pod: Pod, { workload }: ConsumerSpec): boolean {
  if (pod.workload === workload) return true;
  if (!workload.startsWith('CronJob/') || pod.workload === undefined) return false;
  // A CronJob's Pods belong to its Jobs, which its controller names after it and the minute.
  const minute = /^Job(\/.+)-\d+$/.exec(pod.workload);
  return minute !== null && `CronJob${minute[1]}` === workload;
}
