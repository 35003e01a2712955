/** node:crypto is loaded at the first call: that takes longer than `--help` takes to print. */
import process from 'node:process';
export const systemRandom = {
  bytes: (length: number): Uint8Array => process.getBuiltinModule('node:crypto').randomBytes(length),
};
