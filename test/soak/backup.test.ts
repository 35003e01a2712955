/**
 * Backup and restore for as long as SOAK_SECONDS say: killed at random moments, and the tests of test/backup/ with every
 * fault at every write, ten thousand damaged files and hundreds of orders of concurrent runs. Without the soak one round
 * of kills is in test/scenarios/program/restore.test.ts, and a part of the others in test/backup/.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { backupRound } from '../scenarios/program/backup-rounds.ts';
import { backUp, type KeyPair, keyPair } from '../scenarios/program/backups.ts';
import { install } from '../scenarios/program/store.ts';
import { copyOf } from '../support/program.ts';

const soaking = process.env['SOAK'] === '1';
const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);

if (soaking) {
  await import('../backup/damage.test.ts');
  await import('../backup/faults.test.ts');
  await import('../backup/escrow.test.ts');
  await import('../backup/concurrency.test.ts');
}

describe.skipIf(!soaking)('killed at random moments', () => {
  let keys = '';
  let backup = '';
  let pair: KeyPair;

  beforeAll(async () => {
    [keys, pair] = await Promise.all([install(), keyPair()]);
    backup = await backUp(copyOf(keys), pair);
  });

  it('backup, restore and init with an escrow leave no half of a file, and converge', {
    timeout: (seconds + 120) * 1000,
  }, async () => {
    const end = performance.now() + seconds * 1000;
    let rounds = 0;
    while (rounds < 200 && performance.now() < end) {
      await backupRound(keys, backup, pair);
      rounds += 1;
    }
    expect(rounds).toBeGreaterThan(0);
  });
});
