import { DamagedError } from '../errors.ts';
import type { Entries } from '../ports/key-store.ts';

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** An entry's bytes. Throws DamagedError where it is missing or empty. */
export function entry(entries: Entries, name: string): Uint8Array {
  const bytes = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (bytes === undefined) throw new DamagedError(`entry ${name} is missing`);
  if (bytes.length === 0) throw new DamagedError(`entry ${name} is empty`);
  return bytes;
}

/** An entry as text. Throws DamagedError where it is missing, empty or not UTF-8. */
export function textEntry(entries: Entries, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(entry(entries, name));
  } catch (error) {
    if (error instanceof DamagedError) throw error;
    throw new DamagedError(`entry ${name} is not UTF-8 text`);
  }
}

/** A JSON entry, parsed. Throws DamagedError; a parser's message is never passed on, for it quotes the input. */
export function jsonEntry(entries: Entries, name: string): unknown {
  const text = textEntry(entries, name);
  try {
    return JSON.parse(text);
  } catch {
    throw new DamagedError(`entry ${name} is not JSON`);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
