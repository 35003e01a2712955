/** A KeyStore whose writes fail when a test says so; everything else goes to the store inside. */
import { PaletteKeysError } from '../../src/errors.ts';
import type {
  FoundObject,
  KeySearch,
  KeyStore,
  Leftover,
  Lock,
  LockHolder,
  NewObject,
} from '../../src/ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../src/ports/object-ref.ts';

/** One create, replace, remove or addNamespaces; `object` is as in plans, or the namespaces. */
export interface Write {
  /** From 1. */
  readonly n: number;
  readonly operation: 'create' | 'replace' | 'remove' | 'addNamespaces';
  readonly object: string;
}

/** 'after': the write is done, and then the answer is lost. */
export type Moment = 'before' | 'after';

export class FaultyStore implements KeyStore {
  readonly kind: KeyStore['kind'];
  readonly cluster: KeyStore['cluster'];
  readonly location: string;
  /** All that were asked for, also those that failed. */
  readonly log: Write[] = [];
  readonly #inner: KeyStore;
  #fault: { readonly n: number; readonly moment: Moment; readonly error: Error; readonly kills: boolean } | undefined;
  #onWrite: (write: Write) => void | Promise<void> = () => undefined;
  #dead: Error | undefined;

  constructor(inner: KeyStore) {
    this.#inner = inner;
    this.kind = inner.kind;
    this.cluster = inner.cluster;
    this.location = inner.location;
  }

  get writes(): number {
    return this.log.length;
  }

  /** The n-th write throws; those after it succeed again. */
  failAt(n: number, moment: Moment, error: Error = outage()): this {
    this.#fault = { n, moment, error, kills: false };
    return this;
  }

  /** From the n-th write on every call throws, reads too, and the lock stays: what a killed process leaves behind. */
  killAt(n: number, moment: Moment, error: Error = new Error('killed')): this {
    this.#fault = { n, moment, error, kills: true };
    return this;
  }

  /** Called before each write, for instance to let another run come in between. */
  onWrite(callback: (write: Write) => void | Promise<void>): this {
    this.#onWrite = callback;
    return this;
  }

  ledgerNamespaces(): Promise<readonly string[]> {
    return this.#alive(() => this.#inner.ledgerNamespaces());
  }

  list(namespace: string, without?: string): Promise<readonly FoundObject[]> {
    return this.#alive(() => this.#inner.list(namespace, without));
  }

  get(ref: ObjectRef): Promise<FoundObject | undefined> {
    return this.#alive(() => this.#inner.get(ref));
  }

  create(object: NewObject): Promise<'created' | 'exists'> {
    return this.#write('create', formatRef(object.ref), () => this.#inner.create(object));
  }

  replace(object: NewObject, version: string): Promise<'replaced' | 'conflict'> {
    return this.#write('replace', formatRef(object.ref), () => this.#inner.replace(object, version));
  }

  remove(ref: ObjectRef, version: string): Promise<'removed' | 'conflict'> {
    return this.#write('remove', formatRef(ref), () => this.#inner.remove(ref, version));
  }

  missingNamespaces(namespaces: readonly string[]): Promise<readonly string[]> {
    return this.#alive(() => this.#inner.missingNamespaces(namespaces));
  }

  addNamespaces(namespaces: readonly string[]): Promise<void> {
    return this.#write('addNamespaces', namespaces.join(','), () => this.#inner.addNamespaces(namespaces));
  }

  leftovers(search: KeySearch): Promise<readonly Leftover[]> {
    return this.#alive(() => this.#inner.leftovers(search));
  }

  async lock(holder: LockHolder): Promise<Lock> {
    const lock = await this.#alive(() => this.#inner.lock(holder));
    return { release: async () => (this.#dead === undefined ? lock.release() : undefined) };
  }

  async #write<T>(operation: Write['operation'], object: string, act: () => Promise<T>): Promise<T> {
    return this.#alive(async () => {
      const write: Write = { n: this.log.length + 1, operation, object };
      this.log.push(write);
      await this.#onWrite(write);
      const fault = this.#fault?.n === write.n ? this.#fault : undefined;
      if (fault?.kills === true) this.#dead = fault.error;
      if (fault?.moment === 'before') throw fault.error;
      const result = await act();
      if (fault !== undefined) throw fault.error;
      return result;
    });
  }

  /** What a killed process had in flight may still be carried out, but it learns of nothing any more. */
  async #alive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#dead !== undefined) throw this.#dead;
    const result = await act();
    if (this.#dead !== undefined) throw this.#dead;
    return result;
  }
}

function outage(): PaletteKeysError {
  return new PaletteKeysError('STORE_UNAVAILABLE', 'injected fault', { hint: 'Run the command again.' });
}
