import { itemsOf, withItem } from './evidence.ts';
import type { KeyRecord } from './record.ts';

/**
 * Namespaces that had a service until the spec no longer named one there: the CA bundle stays, and Pods may use it. They stand
 * in the evidence of the CA, for the record keeps no older spec.
 */

/** Sorted; empty where there were none. */
export function releasedIn({ evidence }: Pick<KeyRecord, 'evidence'>): readonly string[] {
  return itemsOf(evidence, 'released-namespaces').at(-1)?.namespaces ?? [];
}

/** The key with those that are in `before` and not in `next`; one that is in use again is forgotten. */
export function withReleased(key: KeyRecord, before: readonly string[], next: readonly string[]): KeyRecord {
  const noted = releasedIn(key);
  const namespaces = [...new Set([...noted, ...before])].filter((name) => !next.includes(name)).sort();
  if (namespaces.length === noted.length && namespaces.every((name, at) => name === noted[at])) return key;
  return { ...key, evidence: withItem(key.evidence, { type: 'released-namespaces', namespaces }) };
}
