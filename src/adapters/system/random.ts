/**
 * Cryptographically secure random bytes, from node:crypto alone. The module is loaded at the first call: it takes
 * longer to load than `--help` takes to print.
 */
import process from 'node:process';
export const systemRandom = {
  bytes: (length: number): Uint8Array => process.getBuiltinModule('node:crypto').randomBytes(length),
};
