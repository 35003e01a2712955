/** A second version of the root key, active in the place of the first one, as a rotation leaves it. */
import { symmetricKid } from '../../src/crypto/kid.ts';
import { editRecord, ledgerRef, objectIn } from './installations.ts';
import type { MemoryStore } from './memory-store.ts';

const KEY = Buffer.alloc(32, 0x42);

export function withSecondRootKey(store: MemoryStore, { swapBack = false } = {}): void {
  const kid = symmetricKid('root-key', KEY);
  if (!swapBack) {
    const first = objectIn(store.snapshot(), ledgerRef('root-key'));
    store.put({ ...first, ref: ledgerRef('root-key', 2), data: { ...first.data, key: KEY, kid: Buffer.from(kid) } });
  }
  editRecord(store, (record) => {
    const { versions } = record.keys['root-key'];
    record.generation += 1;
    record.keys['root-key'].versions = [
      { ...versions[0], state: swapBack ? 'active' : 'trusted' },
      { ...versions[0], n: 2, kid, state: swapBack ? 'trusted' : 'active', backups: [] },
    ];
  });
}
