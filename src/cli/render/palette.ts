import { Chalk } from 'chalk';

/** Colours by meaning. Colour is never the only sign: the words say the same. */
export function palette(level: 0 | 1 | 2 | 3) {
  const chalk = new Chalk({ level });
  return {
    error: chalk.red.bold,
    warning: chalk.yellow.bold,
    info: chalk.cyan,
    hint: chalk.cyan,
    good: chalk.green,
    strong: chalk.bold,
    dim: chalk.dim,
  };
}

export type Palette = ReturnType<typeof palette>;
