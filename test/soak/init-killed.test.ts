import { expect, it } from 'vitest';
import { killRound } from '../program/kill-rounds.ts';

/** Three rounds with two kills each; in the soak 200, or as many as SOAK_SECONDS leave time for. */
const soaking = process.env['SOAK'] === '1';
const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);

it('init killed at random moments converges, and no key is lost or changed', { timeout: soaking ? (seconds + 120) * 1000 : 60_000 }, async () => {
  const end = performance.now() + seconds * 1000;
  let rounds = 0;
  while (rounds < (soaking ? 200 : 3) && (!soaking || performance.now() < end)) {
    await killRound();
    rounds += 1;
  }
  expect(rounds).toBeGreaterThan(0);
});
