import { hash } from 'node:crypto';
import { affordable, type Spelling, spend } from './passphrase.ts';
import { type Element, numberOf, octetsOf } from './tlv.ts';

/** What a key is derived for (RFC 7292, appendix B.3). */
export type Purpose = 'key' | 'iv' | 'mac';

const DIVERSIFIERS: Readonly<Record<Purpose, number>> = { key: 1, iv: 2, mac: 3 };

export interface Digest {
  readonly name: string;
  /** Lengths of the digest and of the block that it works on, in bytes. */
  readonly length: number;
  readonly blockLength: number;
}

/** A key of `length` bytes. Throws Fault where the passphrase has cost too much before. */
export type DerivePkcs12 = (spelling: Spelling, purpose: Purpose, length: number) => Buffer;

/** PKCS#12's own key derivation (RFC 7292, appendix B.2). Throws Fault and DamagedError. */
export function readPkcs12Derivation(
  digest: Digest,
  salt: Element | undefined,
  count: Element | undefined,
): DerivePkcs12 {
  const saltBytes = octetsOf(salt);
  const rounds = count === undefined ? 1 : affordable(numberOf(count));
  return (spelling, purpose, length) => {
    spend(spelling, rounds * Math.ceil(length / digest.length));
    const diversifier = Buffer.alloc(digest.blockLength, DIVERSIFIERS[purpose]);
    const blocks = Buffer.concat([filled(saltBytes, digest.blockLength), filled(spelling.bmp, digest.blockLength)]);
    const parts: Buffer[] = [];
    for (let have = 0; have < length; have += digest.length) {
      const input = Buffer.concat([diversifier, blocks]);
      const part = hash(digest.name, input, 'buffer');
      input.fill(0);
      // A buffer for every round would take three times as long, and 600,000 rounds are usual.
      for (let round = 1; round < rounds; round++) part.write(hash(digest.name, part, 'binary'), 'binary');
      parts.push(part);
      addToEach(blocks, part, digest.blockLength);
    }
    blocks.fill(0);
    return Buffer.concat(parts).subarray(0, length);
  };
}

/** Repeated up to the next whole block; nothing stays nothing. */
function filled(bytes: Buffer, blockLength: number): Buffer {
  const length = blockLength * Math.ceil(bytes.length / blockLength);
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

/** Step 6c: every block, as one big-endian number, grows by the repeated digest and one. */
function addToEach(blocks: Buffer, digest: Buffer, blockLength: number): void {
  for (let start = 0; start < blocks.length; start += blockLength) {
    let carry = 1;
    for (let at = blockLength - 1; at >= 0; at--) {
      carry += (blocks[start + at] ?? 0) + (digest[at % digest.length] ?? 0);
      blocks[start + at] = carry & 0xff;
      carry >>= 8;
    }
  }
}
