import {
  type Document,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import { DamagedError } from '../../../errors.ts';

/** `value` null: nothing is written after the key, or `null`. */
export interface Field {
  readonly key: Node;
  readonly value: Node | null;
}

export type Fields = ReadonlyMap<string, Field>;

/** A parsed file. Errors give line and column and never quote: the text may be a key, and the parser quotes it. */
export class YamlFile {
  readonly documents: readonly Document.Parsed[];
  readonly #lines = new LineCounter();

  constructor(bytes: Uint8Array) {
    const text = decode(bytes);
    this.documents = this.#parse(text).filter(({ contents }) => !isNull(contents));
  }

  damaged(reason: string, at?: Node | null): DamagedError {
    const offset = at?.range?.[0];
    return new DamagedError(offset === undefined ? reason : `${reason} (${this.#position(offset)})`);
  }

  /** A mapping's fields; of two with one key, neither can be believed. */
  fields(node: Node | null, what: string): Fields {
    if (!isMap(node)) throw this.damaged(`${what} is not a mapping`, node);
    const found = new Map<string, Field>();
    for (const { key, value } of (node as YAMLMap<Node, Node | null>).items) {
      if (!isScalar(key) || typeof key.value !== 'string')
        throw this.damaged(`${what} has a key that is not a string`, key);
      if (found.has(key.value)) throw this.damaged(`${what} has a key twice`, key);
      found.set(key.value, { key, value: isNull(value) ? null : value });
    }
    return found;
  }

  text({ key, value }: Field, what: string): string {
    if (isScalar(value) && typeof value.value === 'string') return value.value;
    throw this.damaged(`${what} is not a string`, value ?? key);
  }

  boolean({ key, value }: Field, what: string): boolean {
    if (isScalar(value) && typeof value.value === 'boolean') return value.value;
    throw this.damaged(`${what} is neither true nor false`, value ?? key);
  }

  #parse(text: string): readonly Document.Parsed<ParsedNode>[] {
    const documents = attempt(() =>
      parseAllDocuments(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        logLevel: 'silent',
        stringKeys: true,
        resolveKnownTags: false,
        // Found here in one pass; the parser compares every key with every other.
        uniqueKeys: false,
      }),
    );
    if (documents === undefined) throw new DamagedError('is not valid YAML');
    const found: readonly Document.Parsed<ParsedNode>[] = Array.isArray(documents) ? documents : [];
    for (const { errors, warnings } of found) {
      const first = errors[0] ?? warnings[0];
      if (first !== undefined) throw new DamagedError(`is not valid YAML (${this.#position(first.pos[0])})`);
    }
    return found;
  }

  #position(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `line ${line}, column ${col}`;
  }
}

function isNull(value: Node | null): boolean {
  return value === null || (isScalar(value) && value.value === null);
}

function decode(bytes: Uint8Array): string {
  const text = attempt(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  if (text === undefined) throw new DamagedError('is not UTF-8');
  return text;
}

/** For calls whose errors may quote what they were given: that they failed is all that may be known. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
