import { expect, test } from 'vitest';
import { init, installation, smallSpec, storeWith } from '../support/installations.ts';
import { RsaPool } from '../support/random.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { memoryStore } from '../support/memory-store.ts';
import { formatRef } from '../../src/ports/key-store.ts';

test('probe', async () => {
  const pool = new RsaPool();
  if (process.env.POOL) pool.install();
  const m0 = pool.mark();
  for (let i = 0; i < 2; i++) {
    pool.rewind(m0);
    const t = performance.now();
    const store = memoryStore();
    const faulty = new FaultyStore(store);
    console.log('start'); const plan = await init(faulty, { spec: smallSpec() });
    console.log(performance.now() - t, pool.taken, faulty.writes, plan.changes);
    const t2 = performance.now();
    await init(store, {});
    console.log('again', performance.now() - t2);
    if (i === 0) console.log(faulty.log.map((w) => `${w.n} ${w.operation} ${w.object}`).join('\n'));
  }
  pool.uninstall();
});
