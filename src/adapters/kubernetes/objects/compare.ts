import type { Entries, NewObject } from '../../../ports/key-store.ts';

type Texts = Readonly<Record<string, string>>;

/** Webhooks may add labels and annotations, but no entries: the key bytes tell whose object it is. */
export function holds(there: NewObject, wanted: NewObject): boolean {
  return (
    hasSameContents(there, wanted) &&
    includes(there.labels, wanted.labels) &&
    includes(there.annotations, wanted.annotations)
  );
}

export function isEqual(there: NewObject, wanted: NewObject): boolean {
  return (
    holds(there, wanted) && includes(wanted.labels, there.labels) && includes(wanted.annotations, there.annotations)
  );
}

function hasSameContents(a: NewObject, b: NewObject): boolean {
  return a.type === b.type && a.immutable === b.immutable && haveSameEntries(a.data, b.data);
}

function haveSameEntries(a: Entries, b: Entries): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSame(a[name], b[name]));
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

function includes(all: Texts, some: Texts): boolean {
  return Object.entries(some).every(([name, text]) => all[name] === text);
}
