import { expect, it } from 'vitest';
import { killRound } from '../scenarios/program/kill-rounds.ts';

const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);

/** With two kills each, or as many as SOAK_SECONDS leave time for. */
const wanted = 200;

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
