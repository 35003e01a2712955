import type { KeyRecord } from './record.ts';

/**
 * Namespaces that had a service until the spec no longer named one there: the CA bundle stays, and Pods may use it. They stand
 * in the evidence of the CA, for the record keeps no older spec.
 */

const ENTRY = 'namespaces.before';

/** Sorted; empty where there were none, or what is noted cannot be read. */
export function releasedIn({ evidence }: Pick<KeyRecord, 'evidence'>): readonly string[] {
  const found = evidence[ENTRY];
  return Array.isArray(found) && found.every((name) => typeof name === 'string') ? found : [];
}

/** The key with those that are in `before` and not in `next`; one that is in use again is forgotten. */
export function withReleased(key: KeyRecord, before: readonly string[], next: readonly string[]): KeyRecord {
  const noted = releasedIn(key);
  const released = [...new Set([...noted, ...before])].filter((name) => !next.includes(name)).sort();
  if (released.length === noted.length && released.every((name, at) => name === noted[at])) return key;
  return { ...key, evidence: { ...key.evidence, [ENTRY]: released } };
}
