import { type AsymmetricKey, generatePrivateKey } from '../../crypto/private-key.ts';
import { VERSIONED } from '../../inventory/index.ts';
import type { Draft } from '../../inventory/kind.ts';
import type { KindId } from '../../ledger/entry.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { ReconcilePlan } from '../plan/plan-changes.ts';
import type { ApplyPorts } from '../ports.ts';

/** One of libuv's 4 threads stays free: ledger entries are written while leaf keys are still being made. */
const MAX_PARALLEL = 3;

/** The key pair of one leaf certificate, for nothing else. */
export function newLeafKey(bits: number): Promise<AsymmetricKey> {
  return generatePrivateKey({ type: 'rsa', bits });
}

/** New key material, made ahead on the thread pool in the order in which it was asked for, and kept across attempts. */
export interface KeyPool {
  /** Begins to make the keys that a plan asks for, where they are not under way yet. */
  prepare(plan: Pick<ReconcilePlan, 'steps' | 'spec'>): void;
  draft(kind: KindId): Promise<Draft>;
  /** The key for one leaf, by the `formatRef` of its object. It is given away once; another attempt needs another key. */
  leafKey(place: string): Promise<AsymmetricKey>;
}

export function keyPool(ports: Pick<ApplyPorts, 'emit' | 'signal' | 'processors' | 'random' | 'newLeafKey'>): KeyPool {
  const queue = workQueue(ports);
  const drafts = new Map<KindId, Promise<Draft>>();
  const leafKeys = new Map<string, Promise<AsymmetricKey>>();
  return {
    prepare({ steps, spec }) {
      const isMade = (id: KindId) =>
        steps.some(
          ({ action, key, n, kid }) => action === 'create' && key === id && n !== undefined && kid === undefined,
        );
      for (const kind of VERSIONED) {
        if (drafts.has(kind.id) || !isMade(kind.id)) continue;
        const draft = queue(() => kind.generate(spec, ports.random));
        drafts.set(kind.id, draft);
      }
      const bits = spec.serviceCertificates.keySize;
      for (const { issues, ref } of steps) {
        const place = formatRef(ref);
        if (issues !== true || leafKeys.has(place)) continue;
        const key = queue(() => ports.newLeafKey(bits));
        leafKeys.set(place, key);
      }
    },
    draft: (kind) => drafts.get(kind) ?? Promise.reject(new Error(`no draft of ${kind}`)),
    leafKey(place) {
      const key = leafKeys.get(place) ?? Promise.reject(new Error(`no key for ${place}`));
      leafKeys.delete(place);
      return key;
    },
  };
}

/** Runs jobs in their order, a few at once; an interruption rejects all that are not done. */
function workQueue({ emit, signal, processors }: Pick<ApplyPorts, 'emit' | 'signal' | 'processors'>) {
  const parallel = Math.min(processors, MAX_PARALLEL);
  const waiting: (() => Promise<void>)[] = [];
  let [running, done, total] = [0, 0, 0];
  const next = (): void => {
    while (running < parallel && !signal.aborted) {
      const job = waiting.shift();
      if (job === undefined) return;
      running += 1;
      void job().finally(() => {
        running -= 1;
        emit({ type: 'advanced', phase: 'generate', done: ++done, total });
        next();
      });
    }
  };
  return <T>(make: () => Promise<T>): Promise<T> => {
    total += 1;
    emit({ type: 'started', phase: 'generate', total });
    const made = new Promise<T>((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      waiting.push(async () => {
        try {
          resolve(await make());
        } catch (error) {
          reject(error);
        }
      });
    });
    // Nobody may be waiting for it yet when it fails; whoever asks for it later sees the failure.
    made.catch(() => undefined);
    next();
    return made;
  };
}
