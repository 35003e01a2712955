import crypto, { createHash, type KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Random } from '../../src/ports/random.ts';

/** Bytes that look random, are the same in every run of a test, and never come twice from one seed. */
export function seededRandom(seed: string): Random {
  let block = 0;
  return {
    bytes: (length) => {
      const parts: Buffer[] = [];
      for (let made = 0; made < length; made += 32) {
        parts.push(createHash('sha256').update(`${seed}/${block++}`).digest());
      }
      return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
    },
  };
}

/** Whole numbers from 0 to below `limit`, the same for every run of one seed. */
export function seededNumbers(seed: string): (limit: number) => number {
  const random = seededRandom(seed);
  return (limit) => Buffer.from(random.bytes(4)).readUInt32BE() % limit;
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

type Done = (error: Error | null, publicKey?: KeyObject, privateKey?: KeyObject) => void;
type Generate = (type: string, options: { readonly modulusLength?: number }, done: Done) => void;

/**
 * RSA key pairs are what an installation costs: 70 ms each, where all the rest takes 20. While the pool is in place,
 * node:crypto answers `generateKeyPair('rsa', …)` with pairs that it made before in this process, in the order in which
 * it made them. They are real; `rewind` alone makes one come a second time. So a test that runs one scenario many times
 * pays for its keys once, and within the scenario no key is ever handed out twice.
 */
export class RsaPool {
  readonly #pairs = new Map<number, Pair[]>();
  #next = new Map<number, number>();
  readonly #real = crypto.generateKeyPair as unknown as Generate;

  /** Pairs that were asked for since the last `rewind`, or ever. */
  get taken(): number {
    return [...this.#next.values()].reduce((sum, count) => sum + count, 0);
  }

  install(): void {
    replace((type, options, done) => this.#generate(type, options, done));
  }

  uninstall(): void {
    replace(this.#real);
  }

  /** Where to `rewind` to, so that the pairs that were handed out until now stay the only ones of their kind. */
  mark(): ReadonlyMap<number, number> {
    return new Map(this.#next);
  }

  rewind(mark: ReadonlyMap<number, number>): void {
    this.#next = new Map(mark);
  }

  #generate(type: string, options: { readonly modulusLength?: number }, done: Done): void {
    if (type === 'rsa') this.#pooled(options, done);
    else this.#real(type, options, done);
  }

  #pooled(options: { readonly modulusLength?: number }, done: Done): void {
    const bits = options.modulusLength ?? 0;
    const index = this.#next.get(bits) ?? 0;
    this.#next.set(bits, index + 1);
    const pairs = this.#pairs.get(bits) ?? [];
    this.#pairs.set(bits, pairs);
    const made = pairs[index];
    if (made !== undefined) {
      setImmediate(() => done(null, made.publicKey, made.privateKey));
      return;
    }
    this.#real('rsa', options, (error, publicKey, privateKey) => {
      if (publicKey !== undefined && privateKey !== undefined) pairs[index] = { publicKey, privateKey };
      done(error, publicKey, privateKey);
    });
  }
}

/** The named exports of node:crypto, which src imports, follow those of its default export. */
function replace(generateKeyPair: Generate): void {
  Object.assign(crypto, { generateKeyPair });
  syncBuiltinESMExports();
}
