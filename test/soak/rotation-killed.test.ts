/** Every command that rotates, killed at every write and given again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS, killed, killedSpec, MODES, PLACES, stagesOf } from '../rotation/kills.ts';
import { installation } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';

const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation(killedSpec());
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

describe.each(PLACES)(
  'in a %s, a rotation that is killed at any write and given again ends as an undisturbed one',
  { timeout: 600_000 },
  (place) => {
    test.each(KINDS.flatMap((kind) => MODES.map((mode) => [kind, mode] as const)))('%s, %s', async (kind, mode) => {
      pool.rewind(mark);
      const faults: string[] = [];
      for (const stage of await stagesOf(made, { kind, mode, place })) {
        for (let n = 1; n <= stage.writes; n++) {
          for (const moment of ['before', 'after'] as const) {
            pool.rewind(mark);
            faults.push(...(await killed(stage, n, moment)));
          }
        }
      }
      expect(faults).toEqual([]);
    });
  },
);
