/** What the tests of the Kubernetes store share: a cluster, stores that talk to it, and time that does not pass. */
import { openKubernetesStore } from '../../../src/adapters/kubernetes/open.ts';
import type { KubernetesOptions } from '../../../src/adapters/kubernetes/options.ts';
import type { Time } from '../../../src/adapters/kubernetes/time.ts';
import type { KeyStore, LockHolder, NewObject, StoredObject } from '../../../src/ports/key-store.ts';
import type { ObjectRef } from '../../../src/ports/object-ref.ts';

export const START_MS = 180_000;
const LEDGER = 'ledger';
export const HOLDER: LockHolder = { command: 'palette-keys init', user: 'tester', since: '2026-01-02T03:04:05Z' };
const OURS = { 'app.kubernetes.io/managed-by': 'palette-keys', 'palette-keys.dev/kind': 'test' };

/** Waits are noted, and over at once; the clock moves on by them. */
export class NoTime implements Time {
  readonly sleeps: number[] = [];
  #passed = 0;

  now(): number {
    return performance.now() + this.#passed;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.sleeps.push(ms);
    this.#passed += ms;
  }

  idle(_ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((_, reject) => whenAborted(signal, reject));
  }

  random(): number {
    return 0.5;
  }
}

/** As Node's own timers: at once if it has happened already. */
export function whenAborted(signal: AbortSignal, tell: (reason: unknown) => void): void {
  if (signal.aborted) tell(signal.reason);
  else signal.addEventListener('abort', () => tell(signal.reason));
}

export function open(options: Partial<KubernetesOptions> = {}): Promise<KeyStore> {
  return openKubernetesStore({
    ledgerNamespace: () => LEDGER,
    env: { PATH: process.env['PATH'] },
    signal: new AbortController().signal,
    actor: { host: 'test-host' },
    interactive: false,
    ...options,
  });
}

export function secret(namespace: string, name: string, change: Partial<NewObject> = {}): NewObject {
  return {
    ref: { kind: 'Secret', namespace, name },
    type: 'Opaque',
    immutable: false,
    labels: OURS,
    annotations: { 'palette-keys.dev/version': '1.2.3' },
    data: { key: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) },
    ...change,
  };
}

export function configMap(namespace: string, name: string, text = '{}'): NewObject {
  const ref: ObjectRef = { kind: 'ConfigMap', namespace, name };
  return { ...secret(namespace, name), ref, type: undefined, data: { text: new TextEncoder().encode(text) } };
}

export async function stored(store: KeyStore, ref: ObjectRef): Promise<StoredObject> {
  const found = await store.get(ref);
  if (found === undefined || found.damage !== undefined) throw new Error(`not stored: ${JSON.stringify(found)}`);
  return found;
}
