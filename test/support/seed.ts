/**
 * The one place that decides how tests come by chance: from a fixed seed, so that `npm test` says the same of the same
 * code; in the soak from a new one, which is printed. SOAK_SEED=N repeats a soak.
 */
import { seededNumbers, seededRandom } from './random.ts';

const soaking = process.env['SOAK'] === '1';
const FIXED = 20_261_122;

export const SEED = soaking ? Number(process.env['SOAK_SEED'] ?? Date.now() % 2 ** 31) : FIXED;

/** Whole numbers from 0 to below `limit`; `name` tells one sequence from the others of a run. */
export function chance(name: string): (limit: number) => number {
  return seededNumbers(`${SEED}/${name}`);
}

/** Bytes; `name` as above. */
export function chanceBytes(name: string): (length: number) => Buffer {
  const random = seededRandom(`${SEED}/${name}`);
  return (length) => Buffer.from(random.bytes(length));
}

/** Said once a test file, so that what a soak found can be found again. */
export function printSeed(): void {
  if (soaking) process.stderr.write(`seed ${SEED}: SOAK_SEED=${SEED} repeats it\n`);
}
