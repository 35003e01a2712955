/** What goes wrong with one write of a run, and the proof that a second run puts it right. */
import { describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { FaultyStore, type Moment } from '../support/faulty-store.ts';
import { init, type RunOptions, storeWith } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';
import { faultsOf, type Versions } from './checker.ts';
import { LedgerWatch } from './ledger-watch.ts';

/** A store, and a run of `init` that has something to do on it. */
export interface Scenario {
  readonly title: string;
  readonly start: () => Snapshot;
  readonly options: RunOptions;
  /** What the record says in the end. */
  readonly spec: InstallationSpec;
  readonly versions: Versions;
}

const outage = new PaletteKeysError('STORE_UNAVAILABLE', 'injected', { hint: 'none' });
const interrupt = new PaletteKeysError('INTERRUPTED', 'injected', { hint: 'none' });

/** Makes the n-th write of a run go wrong; what it answers, the run ends with, unless it came too late. */
type Disturb = (store: FaultyStore, n: number) => { readonly signal?: AbortSignal; readonly error: Error };

const failing =
  (moment: Moment): Disturb =>
  (store, n) => {
    store.failAt(n, moment, outage);
    return { error: outage };
  };

const killing =
  (moment: Moment): Disturb =>
  (store, n) => {
    const error = new Error('killed');
    store.killAt(n, moment, error);
    return { error };
  };

const interrupting: Disturb = (store, n) => {
  const controller = new AbortController();
  store.onWrite((write) => {
    if (write.n === n) controller.abort(interrupt);
  });
  return { signal: controller.signal, error: interrupt };
};

const disturbances: readonly (readonly [string, Disturb])[] = [
  ['fails', failing('before')],
  ['is done, but seems to have failed', failing('after')],
  ['kills the run before it is done', killing('before')],
  ['kills the run after it is done', killing('after')],
  ['is done while the user interrupts the run', interrupting],
];

/** Runs the scenario undisturbed, and then with every write going wrong in every way. */
export function disturbEveryWrite({ title, start, options, spec, versions }: Scenario, rewind: () => void): void {
  describe(title, () => {
    test('does what it should, and a second run writes nothing', async () => {
      rewind();
      const memory = storeWith(start());
      const plan = await init(memory, options);
      expect(plan.steps.map(({ action }) => action)).not.toContain('blocked');
      expect(faultsOf(memory.snapshot(), spec, versions)).toEqual([]);
      const second = new FaultyStore(memory.again());
      await init(second, options);
      expect(second.log).toEqual([]);
    });

    test.each(disturbances)('converges in a second run, whichever write %s', async (_, disturb) => {
      rewind();
      const undisturbed = new FaultyStore(storeWith(start()));
      await init(undisturbed, options);
      const { writes } = undisturbed;
      expect(writes).toBeGreaterThan(3);
      const faults: string[] = [];
      for (let n = 1; n <= writes; n++) {
        rewind();
        const found = await disturbed(start(), options, (store) => disturb(store, n));
        const all = [...found.faults, ...faultsOf(found.snapshot, spec, versions)];
        faults.push(...all.map((fault) => `write ${n} of ${writes}: ${fault}`));
      }
      expect(faults).toEqual([]);
    });
  });
}

async function disturbed(
  start: Snapshot,
  options: RunOptions,
  disturb: (store: FaultyStore) => ReturnType<Disturb>,
): Promise<{ readonly faults: readonly string[]; readonly snapshot: Snapshot }> {
  const memory = storeWith(start);
  const watch = new LedgerWatch();
  watch.look(memory.snapshot());
  const first = new FaultyStore(memory);
  const { signal, error } = disturb(first);
  const ended = await init(first, { ...options, ...(signal && { signal }) }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  watch.look(memory.snapshot());
  const second = watch.over(memory, memory.afterCrash());
  await init(second, options);
  watch.look(memory.snapshot());
  // The last write of all may be done before the run looks at the signal again.
  const asExpected = ended === error || (ended === undefined && error === interrupt);
  return {
    faults: [...(asExpected ? [] : [`the run ended with ${ended}`]), ...watch.faults],
    snapshot: memory.snapshot(),
  };
}
