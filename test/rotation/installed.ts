/** One installation for all tests of a file, with a store and a clock for each of them. */
import { afterAll, beforeAll } from 'vitest';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { installation, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';

export interface Installed {
  readonly made: Snapshot;
  /** A new one that holds it. */
  readonly store: MemoryStore;
  /** A new one that shows a time two days later: none of its keys is too young to be rotated. */
  readonly clock: ManualClock;
}

/**
 * Makes an installation before the tests of a file, and answers with what gives each of them its store and clock. The
 * RSA keys that it and the tests need come from a pool of the file.
 */
export function installedOnce(spec?: InstallationSpec): () => Installed {
  const pool = new RsaPool();
  let made: Snapshot;

  beforeAll(async () => {
    pool.install();
    made = await installation(spec);
  });

  afterAll(() => pool.uninstall());

  return () => {
    const clock = new ManualClock();
    clock.advance(2 * DAY);
    return { made, store: storeWith(made), clock };
  };
}
