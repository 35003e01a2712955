// Covers: src/rotation/perform/complete.ts

/** As the soak, at one write of each run that a seed chooses. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installation } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';
import { RsaPool, seededNumbers } from '../support/random.ts';
import { KINDS, killed, killedSpec, MODES, PLACES, stagesOf } from './kills.ts';

const pool = new RsaPool();
const draw = seededNumbers('killed');
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation(killedSpec());
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

test.each(KINDS)('%s: a rotation that is killed and given again ends as an undisturbed one', async (kind) => {
  const faults: string[] = [];
  const mode = MODES[draw(MODES.length)] ?? 'plain';
  for (const place of PLACES) {
    pool.rewind(mark);
    for (const stage of await stagesOf(made, { kind, mode, place })) {
      pool.rewind(mark);
      faults.push(...(await killed(stage, 1 + draw(stage.writes), draw(2) === 0 ? 'before' : 'after')));
    }
  }
  expect(faults).toEqual([]);
});

test.each(KINDS)(
  '%s: a rotation as compromised that is killed around the first write of a key ends as an undisturbed one',
  async (kind) => {
    pool.rewind(mark);
    const [stage] = await stagesOf(made, { kind, mode: 'compromised', place: 'folder' });
    const faults: string[] = [];
    for (let n = 1; n <= Math.min(3, stage?.writes ?? 0); n++) {
      pool.rewind(mark);
      if (stage !== undefined) faults.push(...(await killed(stage, n, 'after')));
    }
    expect(faults).toEqual([]);
  },
);
