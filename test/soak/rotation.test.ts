/** As test/rotation/, at every write and with other histories every time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { disturb, ROADS, writesOf } from '../rotation/disturbances.ts';
import { checkMachine } from '../rotation/machine-model.ts';
import { checkRotations } from '../rotation/model.ts';
import { installation } from '../support/installations.ts';
import type { Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';

const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);
const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

test.each(ROADS.map((road) => [road.kind, road] as const))(
  '%s is rotated to its end by the same command again, whichever write failed or killed the run',
  async (_, road) => {
    const writes = await writesOf(made, road);
    const faults: string[] = [];
    for (let n = 1; n <= writes; n++) {
      for (const how of ['fail', 'kill'] as const) {
        for (const moment of ['before', 'after'] as const) {
          pool.rewind(mark);
          faults.push(...(await disturb(made, road, { n, how, moment })));
        }
      }
    }
    expect(faults).toEqual([]);
  },
);

test('100,000 sequences of events break no invariant of the machine', () => {
  checkMachine({ runs: 100_000 });
});

test('no history of rotations breaks an invariant', async () => {
  const histories = await checkRotations({ runs: 100_000, seconds: seconds / 2 });
  process.stderr.write(`${histories} histories of rotations\n`);
});
