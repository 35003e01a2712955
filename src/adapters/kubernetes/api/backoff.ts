import type { Time } from '../time.ts';
import { type ApiFailure, isTransient } from './failure.ts';

export interface Rules {
  readonly tries: number;
  /** No try begins later than this after the first one. */
  readonly withinMs: number;
}

/** An API server that is restarted, or a control plane that is being replaced, is back within a minute. */
export const PATIENT: Rules = { tries: 6, withinMs: 60_000 };

/** Before the server has ever answered, the address is more likely wrong than the server down for a moment. */
export const FIRST_CONTACT: Rules = { tries: 3, withinMs: 10_000 };

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

export class Backoff {
  readonly #time: Time;
  readonly #rules: () => Rules;
  readonly #begin: number;
  #failures = 0;

  /** The rules are asked at each failure: with the first answer of the server, they change. */
  constructor(time: Time, rules: () => Rules, begin = time.now()) {
    this.#time = time;
    this.#rules = rules;
    this.#begin = begin;
  }

  /** For a part of the operation: its own tries within the same time. */
  part(): Backoff {
    return new Backoff(this.#time, this.#rules, this.#begin);
  }

  /** Waits until the next try may begin; throws the failure where there is none to come, or none would help. */
  async wait(failure: ApiFailure, signal: AbortSignal): Promise<void> {
    this.#failures += 1;
    const { tries, withinMs } = this.#rules();
    if (!isTransient(failure) || this.#failures >= tries) throw failure;
    const delay = this.#delay(failure.retryAfterMs);
    if (this.#time.now() - this.#begin + delay > withinMs) throw failure;
    await this.#time.sleep(delay, signal);
  }

  /** What the server asks for, and a little more so that not everybody comes back at once; else longer every time. */
  #delay(retryAfterMs: number | undefined): number {
    const own = Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), LONGEST_DELAY_MS);
    if (retryAfterMs !== undefined) return retryAfterMs + own * this.#time.random();
    return own * (0.5 + this.#time.random() / 2);
  }
}
