import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { FoundObject, KeySearch, KeyStore, Lock, NewObject, StoredObject } from '../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';

export interface OverlayStore extends KeyStore {
  /** When the object was last written here; undefined where it was not. */
  writtenAt(ref: ObjectRef): Date | undefined;
}

interface Written {
  /** Undefined where it was removed. */
  readonly object: StoredObject | undefined;
  readonly at: Date;
}

/** Takes no lock. A cluster judges each write by a dry run: access, admission, namespaces are the real run's. */
export function overlayStore(base: KeyStore, cluster: Cluster | undefined, clock: Clock): OverlayStore {
  const written = new Map<string, Written>();
  const added = new Set<string>();
  let revision = 0;

  const get = async (ref: ObjectRef): Promise<FoundObject | undefined> => {
    const own = written.get(formatRef(ref));
    if (own !== undefined) return own.object === undefined ? undefined : copy(own.object);
    return base.get(ref);
  };
  const put = (object: NewObject): void => {
    revision += 1;
    const version = `rehearsal-${revision}`;
    written.set(formatRef(object.ref), { object: copy({ ...object, version }), at: clock.now() });
  };
  /** The first write of an object is the one that the cluster can judge: it knows nothing of those before. */
  const ask = async (object: NewObject, version: string | undefined): Promise<void> => {
    if (base.cluster === undefined || written.has(formatRef(object.ref))) return;
    await base.cluster.tryWrite(object, version);
  };

  return {
    kind: base.kind,
    location: base.location,
    cluster,
    writtenAt: (ref) => written.get(formatRef(ref))?.at,
    ledgerNamespaces: () => base.ledgerNamespaces(),
    async list(namespace, without) {
      const found = (await base.list(namespace, without)).filter(({ ref }) => !written.has(formatRef(ref)));
      const own = [...written.values()].flatMap(({ object }) =>
        object?.ref.namespace === namespace && !isLeftOut(object, without) ? [copy(object)] : [],
      );
      return [...found, ...own].sort((a, b) => (order(a.ref) < order(b.ref) ? -1 : 1));
    },
    get,
    async create(object) {
      if ((await get(object.ref)) !== undefined) return 'exists';
      await ask(object, undefined);
      put(object);
      return 'created';
    },
    async replace(object, version) {
      if ((await get(object.ref))?.version !== version) return 'conflict';
      await ask(object, version);
      put(object);
      return 'replaced';
    },
    async remove(ref, version) {
      if ((await get(ref))?.version !== version) return 'conflict';
      written.set(formatRef(ref), { object: undefined, at: clock.now() });
      return 'removed';
    },
    missingNamespaces: async (namespaces) =>
      (await base.missingNamespaces(namespaces)).filter((namespace) => !added.has(namespace)),
    async addNamespaces(namespaces) {
      for (const namespace of namespaces) added.add(namespace);
    },
    leftovers: (search: KeySearch) => base.leftovers(search),
    lock: async (): Promise<Lock> => ({ release: async () => undefined }),
  };
}

/** Readers wipe what they were given. */
function copy(object: StoredObject): StoredObject {
  const data = Object.fromEntries(Object.entries(object.data).map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
  return { ...object, data };
}

function isLeftOut({ labels }: StoredObject, without: string | undefined): boolean {
  return without !== undefined && labels['palette-keys.dev/kind'] === without;
}

function order({ kind, name }: ObjectRef): string {
  return `${kind}/${name}`;
}
