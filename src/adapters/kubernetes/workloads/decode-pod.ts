import type { ObjectKind } from '../../../ports/object-ref.ts';
import type { Pod, Use } from '../../../ports/workloads.ts';
import { Garbled } from '../api/client.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../json.ts';

/** With it a Pod says which keys it has loaded: kids, with commas between them. */
const LOADED = 'palette-keys.dev/loaded-kids';

type Source = readonly [ObjectKind, string];

/** A Pod as the server has it (core/v1), down to what matters for keys. */
export function decodePod(json: JsonObject): Pod {
  const metadata = objectAt(json, 'metadata');
  const [namespace, name] = [textAt(metadata, 'namespace'), textAt(metadata, 'name')];
  if (namespace === undefined || name === undefined) throw new Garbled('it holds a Pod without a name');
  const spec = objectAt(json, 'spec');
  const status = objectAt(json, 'status');
  const containers = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')];
  const volumes = volumesOf(spec);
  return {
    namespace,
    name,
    workload: workloadOf(metadata, namespace),
    finished: ['Succeeded', 'Failed'].includes(textAt(status, 'phase') ?? ''),
    leaving: textAt(metadata, 'deletionTimestamp') !== undefined,
    uses: containers.flatMap((container) => usesOf(container, volumes, namespace)),
    startedAt: startsOf(status),
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

/** When each container was started, also one that has come to its end: what it has read may live on in a volume. */
function startsOf(status: JsonObject): ReadonlyMap<string, Date> {
  const statuses = [...listAt(status, 'initContainerStatuses'), ...listAt(status, 'containerStatuses')];
  return new Map(
    statuses.flatMap((each): [string, Date][] => {
      const state = objectAt(each, 'state');
      const started =
        textAt(objectAt(state, 'running'), 'startedAt') ?? textAt(objectAt(state, 'terminated'), 'startedAt');
      const time = new Date(started ?? Number.NaN);
      return Number.isNaN(time.getTime()) ? [] : [[textAt(each, 'name') ?? '', time]];
    }),
  );
}
