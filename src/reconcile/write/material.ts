import { type AsymmetricKey, generatePrivateKey } from '../../crypto/private-key.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Draft, VersionedKind } from '../../inventory/kind.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { Random } from '../../ports/random.ts';
import type { Emit } from '../../progress.ts';
import type { ApplyPorts } from '../ports.ts';

/**
 * Key pairs made at once, at the most. Generation runs on libuv's thread pool (4 threads), which the file system needs
 * too: one thread stays free, so that ledger entries are written while leaf keys are still being made.
 */
const MAX_PARALLEL = 3;

/** A leaf that will need a key; `place` is the `formatRef` of its object. */
export interface LeafNeed {
  readonly place: string;
  readonly bits: number;
}

/** New key material, made ahead on the thread pool in the order in which it was asked for, and kept across attempts. */
export class Material {
  readonly #drafts = new Map<KindId, Promise<Draft>>();
  readonly #leafKeys = new Map<string, Promise<AsymmetricKey>>();
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #emit: Emit;
  readonly #signal: AbortSignal;
  readonly #parallel: number;
  #running = 0;
  #done = 0;
  #total = 0;

  constructor({ emit, signal, processors }: Pick<ApplyPorts, 'emit' | 'signal' | 'processors'>) {
    this.#emit = emit;
    this.#signal = signal;
    this.#parallel = Math.min(processors, MAX_PARALLEL);
  }

  /** Begins to make what is not under way yet. */
  prepare(kinds: readonly VersionedKind[], leaves: readonly LeafNeed[], spec: InstallationSpec, random: Random): void {
    for (const kind of kinds) {
      if (!this.#drafts.has(kind.id))
        this.#drafts.set(
          kind.id,
          this.#queue(() => kind.generate(spec, random)),
        );
    }
    for (const { place, bits } of leaves) {
      if (this.#leafKeys.has(place)) continue;
      this.#leafKeys.set(
        place,
        this.#queue(() => generatePrivateKey({ type: 'rsa', bits })),
      );
    }
  }

  draft(kind: KindId): Promise<Draft> {
    return this.#drafts.get(kind) ?? Promise.reject(new Error(`no draft of ${kind}`));
  }

  /** The key for one leaf. It is given away once; another attempt needs another key. */
  leafKey(place: string): Promise<AsymmetricKey> {
    const key = this.#leafKeys.get(place) ?? Promise.reject(new Error(`no key for ${place}`));
    this.#leafKeys.delete(place);
    return key;
  }

  #queue<T>(make: () => Promise<T>): Promise<T> {
    this.#total += 1;
    this.#emit({ type: 'started', phase: 'generate', total: this.#total });
    const made = new Promise<T>((resolve, reject) => {
      if (this.#signal.aborted) reject(this.#signal.reason);
      this.#signal.addEventListener('abort', () => reject(this.#signal.reason), { once: true });
      this.#waiting.push(async () => {
        try {
          resolve(await make());
        } catch (error) {
          reject(error);
        }
      });
    });
    // Nobody may be waiting for it yet when it fails; whoever asks for it later sees the failure.
    made.catch(() => undefined);
    this.#next();
    return made;
  }

  #next(): void {
    while (this.#running < this.#parallel && !this.#signal.aborted) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running += 1;
      void job().finally(() => {
        this.#running -= 1;
        this.#done += 1;
        this.#emit({ type: 'advanced', phase: 'generate', done: this.#done, total: this.#total });
        this.#next();
      });
    }
  }
}
