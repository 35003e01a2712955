/** Base64url without padding (RFC 4648, section 5; RFC 7515, section 2). */
export function bytesToBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** The bytes of canonical base64url; anything else yields an empty array. */
export function base64urlToBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? Uint8Array.from(bytes) : new Uint8Array(0);
}
