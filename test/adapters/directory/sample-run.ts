import type { KeyStore, NewObject } from '../../../src/ports/key-store.ts';

/** A small run that makes every kind of write. Done again, it changes nothing. */
export async function sampleRun(store: KeyStore): Promise<void> {
  const lock = await store.lock({ command: 'sample', user: 'tester', since: '2026-01-01T00:00:00Z' });
  try {
    await store.addNamespaces(['other', 'team']);
    await store.create(secret('palette-key-root-key-v1', 'root key'));
    await inParallel(store.create(secret('palette-a', 'a')), store.create(configMap('text\n')));
    const next = configMap('other text\n');
    const found = await store.get(next.ref);
    if (found !== undefined) await store.replace(next, found.version);
    await store.list('team');
  } finally {
    await lock.release();
  }
}

/** As Promise.all, but nothing is still running when it returns. */
async function inParallel(...work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

function secret(name: string, key: string): NewObject {
  return object({ kind: 'Secret', namespace: 'team', name }, 'Opaque', { key });
}

function configMap(text: string): NewObject {
  return object({ kind: 'ConfigMap', namespace: 'team', name: 'palette-c' }, undefined, { text });
}

function object(ref: NewObject['ref'], type: NewObject['type'], texts: Readonly<Record<string, string>>): NewObject {
  const entries = Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)] as const);
  return {
    ...{ ref, type, immutable: false, annotations: {}, data: Object.fromEntries(entries) },
    labels: { 'app.kubernetes.io/managed-by': 'palette-keys' },
  };
}
