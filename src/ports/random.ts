/** Cryptographically secure random bytes; the shipped adapter is node:crypto's randomBytes. */
export interface Random {
  bytes(length: number): Uint8Array;
}
