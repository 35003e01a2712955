import { randomBytes } from 'node:crypto';

/** Cryptographically secure random bytes, from node:crypto alone. */
export const systemRandom = { bytes: (length: number): Uint8Array => randomBytes(length) };
