import type { Clock } from '../../src/ports/clock.ts';

/** A moment after this release was made, so that no plausibility check is in the way. */
export const START = '2027-01-01T00:00:00Z';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #ms: number;

  constructor(start: string | Date = START) {
    this.#ms = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.#ms);
  }

  set(time: string | Date): void {
    this.#ms = new Date(time).getTime();
  }

  /** Backwards where `seconds` is negative. */
  advance(seconds: number): void {
    this.#ms += seconds * 1000;
  }
}

export const DAY = 86_400;
