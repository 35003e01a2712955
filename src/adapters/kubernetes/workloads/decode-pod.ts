import type { ObjectKind } from '../../../ports/object-ref.ts';
import type { Pod, Use } from '../../../ports/workloads.ts';
import { Garbled } from '../api/client.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../json.ts';

/** With it a Pod says which keys it has loaded: kids, with commas between them. */
const LOADED = 'palette-keys.dev/loaded-kids';

/** Where a Pod has its containers, and where their statuses. */
const KINDS = [
  ['initContainers', 'initContainerStatuses'],
  ['containers', 'containerStatuses'],
  ['ephemeralContainers', 'ephemeralContainerStatuses'],
] as const;

type Source = readonly [ObjectKind, string];

export function decodePod(json: JsonObject): Pod {
  const metadata = objectAt(json, 'metadata');
  const [namespace, name] = [textAt(metadata, 'namespace'), textAt(metadata, 'name')];
  if (namespace === undefined || name === undefined) throw new Garbled('it holds a Pod without a name');
  const spec = objectAt(json, 'spec');
  const status = objectAt(json, 'status');
  const containers = KINDS.flatMap(([kind]) => listAt(spec, kind)).filter((each) => !isOver(each, status));
  const volumes = volumesOf(spec);
  return {
    namespace,
    name,
    workload: workloadOf(metadata, namespace),
    finished: ['Succeeded', 'Failed'].includes(textAt(status, 'phase') ?? ''),
    leaving: textAt(metadata, 'deletionTimestamp') !== undefined,
    uses: containers.flatMap((container) => usesOf(container, volumes, namespace)),
    startedAt: startsOf(containers, status),
    loadedKids: (textAt(objectAt(metadata, 'annotations'), LOADED) ?? '')
      .split(',')
      .map((kid) => kid.trim())
      .filter((kid) => kid !== ''),
  };
}

/** Its controller; of a Deployment's ReplicaSet, which is named after it and a hash, the Deployment. */
function workloadOf(metadata: JsonObject, namespace: string): string | undefined {
  const owner = listAt(metadata, 'ownerReferences').find((each) => isObject(each) && each['controller'] === true);
  const [kind, name] = [textAt(owner, 'kind'), textAt(owner, 'name')];
  if (kind === undefined || name === undefined) return undefined;
  const hash = textAt(objectAt(metadata, 'labels'), 'pod-template-hash');
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return `Deployment/${namespace}/${name.slice(0, -hash.length - 1)}`;
  }
  return `${kind}/${namespace}/${name}`;
}

/** Secrets and ConfigMaps behind each volume; a projected one has several. */
function volumesOf(spec: JsonObject): ReadonlyMap<string, readonly Source[]> {
  return new Map(
    listAt(spec, 'volumes').map((volume) => {
      const projected = listAt(objectAt(volume, 'projected'), 'sources').flatMap((source) => [
        ...sourceOf('Secret', textAt(objectAt(source, 'secret'), 'name')),
        ...sourceOf('ConfigMap', textAt(objectAt(source, 'configMap'), 'name')),
      ]);
      const direct = [
        ...sourceOf('Secret', textAt(objectAt(volume, 'secret'), 'secretName')),
        ...sourceOf('ConfigMap', textAt(objectAt(volume, 'configMap'), 'name')),
      ];
      return [textAt(volume, 'name') ?? '', [...direct, ...projected]];
    }),
  );
}

function usesOf(
  container: unknown,
  volumes: ReadonlyMap<string, readonly Source[]>,
  namespace: string,
): readonly Use[] {
  const name = textAt(container, 'name') ?? '';
  const mounted = listAt(container, 'volumeMounts').flatMap((mount) => {
    const isFixed = (textAt(mount, 'subPath') ?? textAt(mount, 'subPathExpr') ?? '') !== '';
    const how = isFixed ? ('subPath' as const) : ('volume' as const);
    return (volumes.get(textAt(mount, 'name') ?? '') ?? []).map((source) => ({ source, how }));
  });
  const variables = listAt(container, 'env').flatMap((each) => {
    const from = objectAt(each, 'valueFrom');
    return [
      ...sourceOf('Secret', textAt(objectAt(from, 'secretKeyRef'), 'name')),
      ...sourceOf('ConfigMap', textAt(objectAt(from, 'configMapKeyRef'), 'name')),
    ];
  });
  const whole = listAt(container, 'envFrom').flatMap((each) => [
    ...sourceOf('Secret', textAt(objectAt(each, 'secretRef'), 'name')),
    ...sourceOf('ConfigMap', textAt(objectAt(each, 'configMapRef'), 'name')),
  ]);
  const fixed = [...variables, ...whole].map((source) => ({ source, how: 'env' as const }));
  return [...mounted, ...fixed].map(({ source: [kind, its], how }) => ({
    object: { kind, namespace, name: its },
    container: name,
    how,
  }));
}

function sourceOf(kind: ObjectKind, name: string | undefined): readonly Source[] {
  return name === undefined ? [] : [[kind, name]];
}

/**
 * When each container was started, also one that has come to its end: what it has read may live on in a volume. One that
 * waits will start with what the objects hold then. Of any other that does not say, the Pod's own start counts.
 */
function startsOf(containers: readonly unknown[], status: JsonObject): ReadonlyMap<string, Date> {
  const earliest = timeAt(status, 'startTime') ?? new Date(0);
  const isPending = textAt(status, 'phase') === 'Pending';
  return new Map(
    containers.flatMap((container): [string, Date][] => {
      const name = textAt(container, 'name') ?? '';
      const found = statusOf(name, status);
      if (found === undefined) return isPending ? [] : [[name, earliest]];
      const state = objectAt(found, 'state');
      const begun = [state['running'], state['terminated']].find(isObject);
      return begun === undefined ? [] : [[name, timeAt(begun, 'startedAt') ?? earliest]];
    }),
  );
}

/** A container that somebody has added for a look around never starts again. */
function isOver(container: unknown, status: JsonObject): boolean {
  const name = textAt(container, 'name');
  const found = listAt(status, 'ephemeralContainerStatuses').find((each) => textAt(each, 'name') === name);
  return isObject(objectAt(found, 'state')['terminated']);
}

/** No two containers of a Pod have the same name. */
function statusOf(name: string, status: JsonObject): unknown {
  return KINDS.flatMap(([, statuses]) => listAt(status, statuses)).find((each) => textAt(each, 'name') === name);
}

function timeAt(json: JsonObject, key: string): Date | undefined {
  const time = new Date(textAt(json, key) ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
