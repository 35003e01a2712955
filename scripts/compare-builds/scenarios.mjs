import { BACKUPS } from './scenarios/backups.mjs';
import { CERTIFICATES } from './scenarios/certificates.mjs';
import { CONTINUED } from './scenarios/continued.mjs';
import { DAMAGES } from './scenarios/damages.mjs';
import { INIT } from './scenarios/init.mjs';
import { ROTATIONS } from './scenarios/rotations.mjs';
import { SINGLE_STEPS } from './scenarios/single-steps.mjs';
import { USAGE } from './scenarios/usage.mjs';

/**
 * `{ name, state, continued, steps }`: begins in a state of states.mjs, which each build makes for itself, or where it is
 * `continued` the old build for both. A step is a command, a stretch of time (`+25h`), or a function that changes the
 * folder past the program. Every command takes a minute.
 */
export const SCENARIOS = [
  ...USAGE,
  ...INIT,
  ...DAMAGES,
  ...CERTIFICATES,
  ...ROTATIONS,
  ...SINGLE_STEPS,
  ...BACKUPS,
  ...CONTINUED,
];
