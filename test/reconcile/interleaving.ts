import type { KeyStore, LockHolder } from '../../src/ports/key-store.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { seededNumbers } from '../support/random.ts';

/**
 * Lets several runs work on one store at once, without a lock that keeps them apart. Before and after every call a run
 * waits for its turn; whose turn is next, a seed decides. So one seed is one order of all calls of all runs.
 */
export class Interleaving {
  readonly #inner: MemoryStore;
  readonly #choose: (limit: number) => number;
  readonly #waiting: (() => void)[] = [];

  /** `inner` has to be locked, once, by whoever makes this. */
  constructor(inner: MemoryStore, seed: string) {
    this.#inner = inner;
    this.#choose = seededNumbers(seed);
  }

  /** The store as one run sees it. */
  client(): KeyStore {
    const inner = this.#inner;
    const turn = (): Promise<void> => this.#turn();
    const take = async <T>(act: () => Promise<T>): Promise<T> => {
      await turn();
      const result = await act();
      await turn();
      return result;
    };
    return {
      kind: inner.kind,
      cluster: undefined,
      location: inner.location,
      ledgerNamespaces: () => take(() => inner.ledgerNamespaces()),
      list: (namespace, without) => take(() => inner.list(namespace, without)),
      get: (ref) => take(() => inner.get(ref)),
      create: (object) => take(() => inner.create(object)),
      replace: (object, version) => take(() => inner.replace(object, version)),
      remove: (ref, version) => take(() => inner.remove(ref, version)),
      missingNamespaces: (namespaces) => take(() => inner.missingNamespaces(namespaces)),
      addNamespaces: (namespaces) => take(() => inner.addNamespaces(namespaces)),
      leftovers: (search) => take(() => inner.leftovers(search)),
      lock: (_holder: LockHolder) => take(async () => ({ release: async () => undefined })),
    };
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#next());
    });
  }

  #next(): void {
    const [chosen] = this.#waiting.splice(this.#choose(this.#waiting.length), 1);
    chosen?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
