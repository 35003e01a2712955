import { expect, it } from 'vitest';
import { killRound } from '../program/kill-rounds.ts';

/** Three rounds with two kills each; in the soak 200 rounds, or as many as SOAK_SECONDS leave time for. */
const soaking = process.env['SOAK'] === '1';
const seconds = soaking ? Number(process.env['SOAK_SECONDS'] ?? 3600) : 60;
const wanted = soaking ? 200 : 3;

it('init killed at random moments converges, and no key is lost or changed', {
  timeout: (seconds + 120) * 1000,
}, async () => {
  const end = performance.now() + seconds * 1000;
  let rounds = 0;
  while (rounds < wanted && performance.now() < end) {
    const several = Array.from({ length: Math.min(3, wanted - rounds) }, () => killRound());
    rounds += (await Promise.all(several)).length;
  }
  expect(rounds).toBeGreaterThan(0);
});
