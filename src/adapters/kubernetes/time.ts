import { setTimeout as delay } from 'node:timers/promises';

/** Waiting, as a parameter: a test need not sit it out. */
export interface Time {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** As sleep, but a process with nothing else to do ends meanwhile. */
  idle(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1, so that many clients do not come back at the same moment. */
  random(): number;
}

export const systemTime: Time = {
  now: () => performance.now(),
  sleep: (ms, signal) => wait(ms, signal, true),
  idle: (ms, signal) => wait(ms, signal, false),
  random: () => Math.random(),
};

async function wait(ms: number, signal: AbortSignal, ref: boolean): Promise<void> {
  try {
    await delay(ms, undefined, { signal, ref });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
