import { createHash, randomBytes } from 'node:crypto';

/**
 * The bytes that the n-th call for random bytes yields in a canary run. They are letters, so that they also show where a
 * program takes them for text; no eight of them in a row come again by chance.
 */
export function canary(n: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32) {
    createHash('sha256').update(`canary ${n} ${at}`).digest().copy(bytes, at);
  }
  return bytes.map((byte) => (byte & 0x20 ? 0x41 : 0x61) + (byte % 26));
}

/** Keys are canaries. Shorter values are not: ids and serial numbers, which everybody may see. */
export function canaryRandom(): { bytes(length: number): Uint8Array } {
  let calls = 0;
  return {
    bytes: (length) => {
      if (length < 32) return randomBytes(length);
      calls += 1;
      return canary(calls, length);
    },
  };
}

const WINDOW = 8;

/** Finds parts of secrets, eight bytes or more, whatever they are encoded in. */
export class LeakFinder {
  readonly #windows = new Map<string, string>();

  /** `name` is what a leak is called. */
  add(name: string, secret: Uint8Array): void {
    const text = Buffer.from(secret).toString('latin1');
    for (let at = 0; at + WINDOW <= text.length; at += 1) this.#windows.set(text.slice(at, at + WINDOW), name);
  }

  addCanaries(): void {
    for (let n = 1; n <= 60; n += 1) this.add(`canary ${n}`, canary(n, 1024));
  }

  /** The names of the secrets of which `haystack` holds a part, with the encoding that it was found in. */
  leaksIn(haystack: string | Uint8Array): readonly string[] {
    const text = Buffer.from(haystack as Uint8Array).toString('latin1');
    const found = new Set<string>();
    for (const [encoding, bytes] of decodings(text)) {
      for (let at = 0; at + WINDOW <= bytes.length; at += 1) {
        const name = this.#windows.get(bytes.slice(at, at + WINDOW));
        if (name !== undefined) found.add(`${name} (${encoding})`);
      }
    }
    return [...found];
  }
}

/** The text itself, and what parts of it mean as base64, base64url, hex, and lists of numbers; as latin1. */
function* decodings(text: string): Generator<readonly [encoding: string, bytes: string]> {
  yield ['raw', text];
  // PEM and YAML break lines, JSON writes the breaks as \n, dumps have colons or spaces between the bytes.
  const joined = text.replaceAll(/\\[nrt]|\s/g, '');
  for (const version of new Set([text, joined])) {
    for (const [run] of version.matchAll(/[A-Za-z0-9+/_-]{11,}/g)) {
      const standard = run.replaceAll('-', '+').replaceAll('_', '/');
      for (let at = 0; at < 4; at += 1) yield ['base64', Buffer.from(standard.slice(at), 'base64').toString('latin1')];
    }
  }
  for (const [run] of text.matchAll(/(?:[0-9a-fA-F][\s:]?){16,}/g)) {
    const digits = run.replaceAll(/[\s:]/g, '');
    for (let at = 0; at < 2; at += 1) yield ['hex', Buffer.from(digits.slice(at), 'hex').toString('latin1')];
  }
  for (const [run] of text.matchAll(/(?:\d{1,3},\s*){7,}\d{1,3}/g)) {
    yield ['numbers', Buffer.from(run.split(',').map(Number)).toString('latin1')];
  }
}
