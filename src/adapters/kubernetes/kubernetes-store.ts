import { asManifest } from '../../ledger/traces.ts';
import type {
  FoundObject,
  KeySearch,
  KeyStore,
  Leftover,
  Lock,
  LockHolder,
  NewObject,
  StoredObject,
} from '../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import type { ProcessIdentity } from '../directory/lock/process-identity.ts';
import type { ApiClient } from './api/client.ts';
import { explained } from './api/explain.ts';
import type { Circumstances } from './api/explanation.ts';
import { KubernetesCluster } from './cluster.ts';
import { acquireLock } from './lease/lock.ts';
import { addNamespace, hasNamespace } from './namespaces.ts';
import { find, listAll } from './objects/read.ts';
import { Seen } from './objects/seen.ts';
import { createOnce, removeVersion, replaceVersion } from './objects/write.ts';

const OURS = 'app.kubernetes.io/managed-by=palette-keys';
const RECORD = 'palette-keys-installation';
const ROOT_KEYS = `${OURS},palette-keys.dev/kind=root-key`;

export interface KubernetesStoreParts {
  readonly client: ApiClient;
  readonly circumstances: Circumstances;
  readonly location: string;
  readonly self: ProcessIdentity;
  readonly ledgerNamespace: () => string;
  readonly ledgerHints: readonly string[];
  readonly warn: (message: string) => void;
}

export class KubernetesStore implements KeyStore {
  readonly kind = 'kubernetes';
  readonly location: string;
  readonly cluster: KubernetesCluster;
  readonly #parts: KubernetesStoreParts;
  readonly #seen = new Seen();

  constructor(parts: KubernetesStoreParts) {
    this.#parts = parts;
    this.location = parts.location;
    this.cluster = new KubernetesCluster(parts.client, this.#seen, parts.self.origin.host, (work) =>
      this.#explained(work),
    );
  }

  /** Only where one was told to look: to look everywhere, one would have to be allowed to read everybody's Secrets. */
  ledgerNamespaces(): Promise<readonly string[]> {
    return this.#explained(async () => {
      const hints = [...new Set(this.#parts.ledgerHints)].sort();
      const found = await Promise.all(hints.map((hint) => this.#holdsLedger(hint)));
      return hints.filter((_, n) => found[n]);
    });
  }

  list(namespace: string, without?: string): Promise<readonly FoundObject[]> {
    return this.#explained(async () => {
      const { client } = this.#parts;
      const selector = without === undefined ? OURS : `${OURS},palette-keys.dev/kind!=${without}`;
      const lists = await Promise.all([
        listAll(client, 'ConfigMap', namespace, selector),
        listAll(client, 'Secret', namespace, OURS),
      ]);
      return lists.flatMap(sorted);
    });
  }

  get(ref: ObjectRef): Promise<FoundObject | undefined> {
    return this.#explained(async () => {
      const found = await find(this.#parts.client, ref);
      if (found === undefined) this.#seen.forget(ref);
      else this.#seen.note(found);
      return found?.stored;
    });
  }

  create(object: NewObject): Promise<'created' | 'exists'> {
    return this.#explained(() => createOnce(this.#parts.client, object));
  }

  replace(object: NewObject, version: string): Promise<'replaced' | 'conflict'> {
    return this.#explained(() => replaceVersion(this.#parts.client, this.#seen, object, version));
  }

  remove(ref: ObjectRef, version: string): Promise<'removed' | 'conflict'> {
    return this.#explained(() => removeVersion(this.#parts.client, ref, version));
  }

  missingNamespaces(namespaces: readonly string[]): Promise<readonly string[]> {
    return this.#explained(async () => {
      const asked = [...new Set(namespaces)];
      const there = await Promise.all(asked.map((name) => hasNamespace(this.#parts.client, name)));
      return asked.filter((_, n) => !there[n]);
    });
  }

  addNamespaces(namespaces: readonly string[]): Promise<void> {
    return this.#explained(async () => {
      for (const name of new Set(namespaces)) await addNamespace(this.#parts.client, name);
    });
  }

  leftovers({ known, namespaces, find: search }: KeySearch): Promise<readonly Leftover[]> {
    return this.#explained(async () => {
      const lists = namespaces.map((namespace) => listAll(this.#parts.client, 'Secret', namespace));
      return (await Promise.all(lists)).flat().flatMap((object): Leftover[] => {
        const place = formatRef(object.ref);
        const kids = known.has(place) ? [] : search(asManifest(object));
        const command = `kubectl delete secret -n ${object.ref.namespace} ${object.ref.name}`;
        return kids.length === 0 ? [] : [{ place, isTemp: false, kids, command }];
      });
    });
  }

  lock(holder: LockHolder): Promise<Lock> {
    const { client, self, warn, ledgerNamespace } = this.#parts;
    return this.#explained(() => acquireLock({ client, self, warn, namespace: ledgerNamespace() }, holder));
  }

  async #holdsLedger(namespace: string): Promise<boolean> {
    const { client } = this.#parts;
    if ((await find(client, { kind: 'ConfigMap', namespace, name: RECORD })) !== undefined) return true;
    const candidates = await listAll(client, 'Secret', namespace, ROOT_KEYS);
    return candidates.some(({ ref }) => /key-root-key-v[1-9]\d*$/.test(ref.name));
  }

  #explained<T>(work: () => Promise<T>): Promise<T> {
    return explained(this.#parts.circumstances, work);
  }
}

function sorted(objects: readonly StoredObject[]): readonly StoredObject[] {
  return objects.toSorted((a, b) => (a.ref.name < b.ref.name ? -1 : 1));
}
