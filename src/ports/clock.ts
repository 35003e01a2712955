/** The present moment. A parameter everywhere, so that tests can hold and move it. */
export interface Clock {
  now(): Date;
}
