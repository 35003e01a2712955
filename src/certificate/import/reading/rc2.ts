import rc2 from 'node-forge/lib/rc2.js';

const BLOCK = 8;
/** The library's time grows with the square of what it is given at once. */
const PIECE = 1024;

/** RC2 in CBC mode (RFC 2268), which Node's OpenSSL lacks. Undefined for a wrong key. Its strings cannot be wiped. */
export function decryptRc2(key: Buffer, iv: Buffer, data: Buffer): Buffer | undefined {
  if (data.length === 0 || data.length % BLOCK !== 0) return undefined;
  const cipher = rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8);
  const plain = Buffer.alloc(data.length);
  let previous = iv;
  for (let start = 0; start < data.length; start += PIECE) {
    const piece = data.subarray(start, start + PIECE);
    cipher.start(previous.toString('latin1'));
    cipher.update({ getBytes: () => piece.toString('latin1') });
    plain.write(cipher.output.getBytes(), start, 'latin1');
    previous = piece.subarray(-BLOCK);
  }
  return withoutPadding(plain);
}

/** As many bytes as their value says (RFC 8018, section 6.1.1). */
function withoutPadding(plain: Buffer): Buffer | undefined {
  const count = plain.at(-1) ?? 0;
  const padding = plain.subarray(-count);
  if (count >= 1 && count <= BLOCK && padding.every((byte) => byte === count)) return plain.subarray(0, -count);
  plain.fill(0);
  return undefined;
}
