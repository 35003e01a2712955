// Runs commands in turn, so that a busy moment of the machine falls on all of them, and compares medians.
import { spawnSync } from 'node:child_process';

/**
 * @param {{name: string, argv: () => string[], after?: () => void}[]} contestants
 * @param {number} rounds odd, so that the median is a run that was
 * @returns {Map<string, number>} median wall time in milliseconds by name
 */
export function medians(contestants, rounds) {
  const times = new Map(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, argv, after } of contestants) {
      const [command, ...args] = argv();
      const begun = performance.now();
      const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
      const took = performance.now() - begun;
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      after?.();
      if (round > 0) times.get(name).push(took); // the first one warms the caches
    }
  }
  return new Map([...times].map(([name, list]) => [name, list.sort((a, b) => a - b)[Math.floor(list.length / 2)]]));
}

/** Prints one row: both medians, their ratio, and the limit that it is held against. */
export function report(what, ours, theirs, limit, ratio = ours / theirs) {
  const verdict = ratio <= limit ? 'met' : 'MISSED';
  console.log(
    `${what.padEnd(34)} ${ours.toFixed(0).padStart(6)} ms ${theirs.toFixed(0).padStart(6)} ms ${ratio.toFixed(2).padStart(6)}   ≤ ${limit} ${verdict}`,
  );
  return ratio <= limit;
}

/**
 * Two sequences of commands in turn, compared pair by pair: on a shared machine what disturbs one run mostly disturbs its
 * neighbour.
 * @returns medians in milliseconds, and the median of the ratios
 */
export function pairedRatio(ours, theirs, rounds) {
  const timed = (commands) => {
    const begun = performance.now();
    for (const [command, ...args] of commands) {
      const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
    }
    return performance.now() - begun;
  };
  const pairs = Array.from({ length: rounds + 1 }, () => [timed(ours), timed(theirs)]).slice(1);
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  return {
    ours: median(pairs.map(([a]) => a)),
    theirs: median(pairs.map(([, b]) => b)),
    ratio: median(pairs.map(([a, b]) => a / b)),
  };
}
