/** A KeyStore in memory, for unit tests: the directory's semantics without its files. */
import { PaletteKeysError } from '../../src/errors.ts';
import { asManifest } from '../../src/ledger/traces.ts';
import type {
  FoundObject,
  KeySearch,
  KeyStore,
  Leftover,
  Lock,
  LockHolder,
  NewObject,
  StoredObject,
} from '../../src/ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../src/ports/object-ref.ts';

interface State {
  readonly namespaces: Set<string>;
  readonly objects: Map<string, FoundObject>;
  revision: number;
  holder: LockHolder | undefined;
}

/** Everything that a store held at one moment. */
export interface Snapshot {
  readonly namespaces: readonly string[];
  readonly objects: readonly FoundObject[];
}

export interface MemoryStore extends KeyStore {
  /** All objects, whosever they are, sorted as `list` sorts them. */
  snapshot(): Snapshot;
  /** Makes the contents those of the snapshot; versions are new, as after a restore from elsewhere. */
  restore(snapshot: Snapshot): void;
  /** Another run on the same contents. */
  again(): MemoryStore;
  /** As again, after the run that held the lock was killed. */
  afterCrash(): MemoryStore;
  /** What somebody does past the program: no version is asked for, nothing is checked. */
  put(object: NewObject): void;
  damage(ref: ObjectRef, reason: string): void;
  take(ref: ObjectRef): void;
}

/** `kind` is what the store says that it is. */
export function memoryStore(kind: KeyStore['kind'] = 'directory'): MemoryStore {
  return new Memory(kind, { namespaces: new Set(), objects: new Map(), revision: 0, holder: undefined });
}

class Memory implements MemoryStore {
  readonly kind: KeyStore['kind'];
  readonly cluster = undefined;
  readonly location = 'memory';
  readonly #state: State;
  #locked = false;

  constructor(kind: KeyStore['kind'], state: State) {
    this.kind = kind;
    this.#state = state;
  }

  async ledgerNamespaces(): Promise<readonly string[]> {
    const found = this.#all().filter(({ ref: { kind, name } }) =>
      kind === 'ConfigMap' ? name === 'palette-keys-installation' : /key-root-key-v[1-9]\d*$/.test(name),
    );
    return [...new Set(found.map(({ ref }) => ref.namespace))].sort();
  }

  async list(namespace: string, without?: string): Promise<readonly FoundObject[]> {
    const found = this.#all().filter(({ ref }) => ref.namespace === namespace);
    return found
      .filter(
        (object) =>
          object.damage !== undefined ||
          (object.labels['app.kubernetes.io/managed-by'] === 'palette-keys' &&
            (without === undefined || object.labels['palette-keys.dev/kind'] !== without)),
      )
      .map(copy);
  }

  async get(ref: ObjectRef): Promise<FoundObject | undefined> {
    const found = this.#state.objects.get(formatRef(ref));
    return found === undefined ? undefined : copy(found);
  }

  async create(object: NewObject): Promise<'created' | 'exists'> {
    const { namespaces, objects } = this.#state;
    const { namespace } = object.ref;
    if (!namespaces.has(namespace)) throw new Error(`${formatRef(object.ref)}: its namespace has not been added`);
    if (objects.has(formatRef(object.ref))) return 'exists';
    this.put(object);
    return 'created';
  }

  async replace(object: NewObject, version: string): Promise<'replaced' | 'conflict'> {
    this.#assertLocked();
    const current = this.#state.objects.get(formatRef(object.ref));
    if (current?.version !== version) return 'conflict';
    if (current.damage === undefined) {
      if (current.immutable && fixedParts(current) !== fixedParts(object)) {
        throw new Error(`${formatRef(object.ref)} is immutable`);
      }
      if (allParts(current) === allParts(object)) return 'replaced';
    }
    this.put(object);
    return 'replaced';
  }

  async remove(ref: ObjectRef, version: string): Promise<'removed' | 'conflict'> {
    this.#assertLocked();
    if (this.#state.objects.get(formatRef(ref))?.version !== version) return 'conflict';
    this.take(ref);
    return 'removed';
  }

  async missingNamespaces(namespaces: readonly string[]): Promise<readonly string[]> {
    return [...new Set(namespaces)].filter((namespace) => !this.#state.namespaces.has(namespace));
  }

  async addNamespaces(namespaces: readonly string[]): Promise<void> {
    this.#assertLocked();
    for (const namespace of namespaces) this.#state.namespaces.add(namespace);
  }

  async leftovers({ known, namespaces, find }: KeySearch): Promise<readonly Leftover[]> {
    return this.#all().flatMap((object) => {
      const place = formatRef(object.ref);
      const isLooked = object.ref.kind === 'Secret' && namespaces.includes(object.ref.namespace) && !known.has(place);
      if (!isLooked || object.damage !== undefined) return [];
      const kids = find(asManifest(object));
      return kids.length === 0 ? [] : [{ place, isTemp: false, kids, command: `delete ${place}` }];
    });
  }

  async lock(holder: LockHolder): Promise<Lock> {
    const state = this.#state;
    if (state.holder !== undefined) {
      const { command, user, since } = state.holder;
      throw new PaletteKeysError('LOCK_HELD', `memory is locked: '${command}' by ${user}, since ${since}`, {
        hint: 'Wait until it has finished.',
      });
    }
    state.holder = holder;
    this.#locked = true;
    return {
      release: async () => {
        if (state.holder !== holder) return;
        state.holder = undefined;
        this.#locked = false;
      },
    };
  }

  snapshot(): Snapshot {
    return { namespaces: [...this.#state.namespaces].sort(), objects: this.#all().map(copy) };
  }

  restore({ namespaces, objects }: Snapshot): void {
    this.#state.namespaces.clear();
    this.#state.objects.clear();
    for (const namespace of namespaces) this.#state.namespaces.add(namespace);
    for (const object of objects) {
      if (object.damage === undefined) this.put(object);
      else this.damage(object.ref, object.damage);
    }
  }

  again(): MemoryStore {
    return new Memory(this.kind, this.#state);
  }

  afterCrash(): MemoryStore {
    this.#state.holder = undefined;
    this.#locked = false;
    return this.again();
  }

  put(object: NewObject): void {
    const { ref, type, immutable, labels, annotations, data } = object;
    this.#set({ ref, type, immutable, labels, annotations, data, version: this.#nextVersion() });
  }

  damage(ref: ObjectRef, reason: string): void {
    this.#set({ ref, damage: reason, version: this.#nextVersion() });
  }

  take(ref: ObjectRef): void {
    this.#state.objects.delete(formatRef(ref));
  }

  #set(object: FoundObject): void {
    this.#state.objects.set(formatRef(object.ref), copy(object));
  }

  #all(): readonly FoundObject[] {
    return [...this.#state.objects.values()].sort((a, b) => (formatRef(a.ref) < formatRef(b.ref) ? -1 : 1));
  }

  #nextVersion(): string {
    this.#state.revision += 1;
    return String(this.#state.revision);
  }

  #assertLocked(): void {
    if (!this.#locked) throw new Error('changing what exists needs the lock of the store');
  }
}

/** Nobody gets hold of the store's own bytes. */
function copy(object: FoundObject): FoundObject {
  return structuredClone(object);
}

function fixedParts({ immutable, type, data }: StoredObject | NewObject): string {
  return JSON.stringify([
    immutable,
    type,
    sorted(data).map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]),
  ]);
}

function allParts(object: StoredObject | NewObject): string {
  return JSON.stringify([fixedParts(object), sorted(object.labels), sorted(object.annotations)]);
}

function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
