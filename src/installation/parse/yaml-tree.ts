import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type YAMLMap } from 'yaml';

import type { Path } from './mistakes.ts';

/** What is deeper than this is no spec, and following it might exhaust the stack. */
const MAX_DEPTH = 64;

const NOTHING: Spot['inside'] = new Map();

/** A value as plain data, and where it is written. Offsets count from the start of the text. */
export interface Spot {
  /** Undefined where the value was refused. */
  readonly value: unknown;
  readonly at: number;
  /** Where its key is; the same as `at` for what has none. */
  readonly keyAt: number;
  readonly inside: ReadonlyMap<string | number, Spot>;
}

export interface TreeMistake {
  readonly at: number;
  readonly path: Path;
  readonly message: string;
}

export interface Tree {
  readonly root: Spot;
  readonly mistakes: readonly TreeMistake[];
}

interface Reading {
  readonly mistakes: TreeMistake[];
  /** The values that an alias may name: those that were complete before it. */
  readonly anchors: Map<string, Spot>;
}

/** Nothing is evaluated: tags are refused, and aliases share their value, so that they take no memory. */
export function readTree(node: ParsedNode): Tree {
  const reading: Reading = { mistakes: [], anchors: new Map() };
  return { root: readNode(node, [], undefined, reading), mistakes: reading.mistakes };
}

function readNode(node: ParsedNode | null, path: Path, keyAt: number | undefined, reading: Reading): Spot {
  const at = startOf(node) ?? keyAt ?? 0;
  const place = { at, keyAt: keyAt ?? at };
  const refuse = (message: string): Spot => {
    reading.mistakes.push({ at, path: path.slice(0, MAX_DEPTH / 8), message });
    return { ...place, value: undefined, inside: NOTHING };
  };
  if (node === null) return { ...place, value: null, inside: NOTHING };
  if (path.length > MAX_DEPTH) return refuse('is nested too deeply');
  if (isAlias(node)) {
    const target = reading.anchors.get(node.source);
    return target === undefined ? refuse('is an alias of nothing that is complete before it') : { ...target, ...place };
  }
  if (node.tag !== undefined) return refuse('has a tag, which is not supported');
  const spot = { ...place, ...readContent(node, path, reading) };
  if (node.anchor !== undefined) reading.anchors.set(node.anchor, spot);
  return spot;
}

function readContent(node: ParsedNode, path: Path, reading: Reading): Pick<Spot, 'value' | 'inside'> {
  if (isScalar(node)) return { value: node.value, inside: NOTHING };
  if (isMap(node)) return readMap(node, path, reading);
  const items = isSeq(node) ? node.items : [];
  const spots = items.map((item, i) => readNode(item as ParsedNode | null, [...path, i], undefined, reading));
  return { value: spots.map((spot) => spot.value), inside: new Map(spots.entries()) };
}

function readMap(node: YAMLMap, path: Path, reading: Reading): Pick<Spot, 'value' | 'inside'> {
  const inside = new Map<string, Spot>();
  for (const pair of node.items) {
    const keyNode = pair.key as ParsedNode;
    const keyAt = startOf(keyNode) ?? 0;
    const key = isScalar(keyNode) && keyNode.tag === undefined ? keyNode.value : undefined;
    if (typeof key !== 'string') {
      reading.mistakes.push({ at: keyAt, path, message: 'has a key that is not plain text' });
    } else if (inside.has(key)) {
      reading.mistakes.push({ at: keyAt, path: [...path, key], message: 'is there twice' });
    } else {
      inside.set(key, readNode(pair.value as ParsedNode | null, [...path, key], keyAt, reading));
    }
  }
  // Object.fromEntries defines its keys, so that `__proto__` is one like any other.
  return { value: Object.fromEntries(Array.from(inside, ([key, spot]) => [key, spot.value])), inside };
}

/** Undefined for an empty value, which has a place but nothing written there. */
function startOf(node: ParsedNode | null): number | undefined {
  const [start, end] = node?.range ?? [0, 0];
  return start === end ? undefined : start;
}
