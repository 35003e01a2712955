import { createHash, hash, timingSafeEqual } from 'node:crypto';

/** `SHA256:` and the lower-case hex digest of a certificate's DER or a public key's SubjectPublicKeyInfo. */
export function fingerprint(der: Uint8Array): string {
  return `SHA256:${sha256Hex(der)}`;
}

/** SHA-256 (FIPS 180-4) as 64 lower-case hex characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** Passes chunks on; `hex`, once all have passed, is the SHA-256 of all of them, as `sha256Hex` has it. */
export function digesting(chunks: AsyncIterable<Uint8Array>): {
  readonly chunks: AsyncIterable<Uint8Array>;
  hex(): string;
} {
  const digest = createHash('sha256');
  const passing = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      digest.update(chunk);
      yield chunk;
    }
  };
  return { chunks: passing(), hex: () => digest.digest('hex') };
}

/** Byte equality in time that depends on the length alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
