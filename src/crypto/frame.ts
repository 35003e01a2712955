import { concatBytes } from '@noble/hashes/utils.js';

/** Byte strings one after the other, each preceded by its length (4 bytes, big-endian): no two lists give the same. */
export function framed(parts: readonly Uint8Array[]): Uint8Array {
  const pieces = parts.flatMap((part) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length);
    return [length, part];
  });
  return concatBytes(...pieces);
}
