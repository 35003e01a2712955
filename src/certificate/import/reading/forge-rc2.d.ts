/** forge's typings know its index alone, which loads everything. */
declare module 'node-forge/lib/rc2.js' {
  interface Bytes {
    getBytes(): string;
  }
  interface Cipher {
    start(iv: string): void;
    update(input: Bytes): void;
    readonly output: Bytes;
  }
  const rc2: { createDecryptionCipher(key: string, bits: number): Cipher };
  // biome-ignore lint/style/noDefaultExport: it is CommonJS
  export default rc2;
}
