import type { Time } from '../time.ts';

/** The API server's clock, as far as its answers tell (RFC 9110, section 6.6.1: to the second). */
export class ServerClock {
  readonly #time: Time;
  #noted: { readonly date: number; readonly at: number } | undefined;

  constructor(time: Time) {
    this.#time = time;
  }

  note(date: string | undefined): void {
    const parsed = Date.parse(date ?? '');
    if (!Number.isNaN(parsed)) this.#noted = { date: parsed, at: this.#time.now() };
  }

  /** What it shows now; this machine's own clock before the first answer. */
  now(): Date {
    if (this.#noted === undefined) return new Date();
    return new Date(this.#noted.date + this.#time.now() - this.#noted.at);
  }
}
