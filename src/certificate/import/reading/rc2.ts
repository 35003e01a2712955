import rc2 from 'node-forge/lib/rc2.js';

/**
 * RC2 in CBC mode (RFC 2268), which Node's OpenSSL does not have; every bit of the key counts. Undefined where the key is
 * wrong. The library works on strings, which cannot be wiped.
 */
export function decryptRc2(key: Buffer, iv: Buffer, data: Buffer): Buffer | undefined {
  const cipher = rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8);
  cipher.start(iv.toString('latin1'));
  cipher.update({ getBytes: () => data.toString('latin1') });
  return cipher.finish() ? Buffer.from(cipher.output.getBytes(), 'latin1') : undefined;
}
