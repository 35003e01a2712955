import type { TenantDocument } from '../ports/tenant-store.ts';

/** A document as one line of MongoDB Extended JSON v2, which mongoimport and mongosh read. */
export function toExtendedJson({ _id, bits, wrapped, createdAt, rewrappedAt }: TenantDocument): string {
  const { kid, alg, iv, ciphertext, tag } = wrapped;
  return JSON.stringify({
    _id,
    bits: { $numberInt: String(bits) },
    wrapped: { kid, alg, iv: binary(iv), ciphertext: binary(ciphertext), tag: binary(tag) },
    createdAt: date(createdAt),
    rewrappedAt: rewrappedAt === null ? null : date(rewrappedAt),
  });
}

function binary(bytes: Uint8Array): object {
  return { $binary: { base64: Buffer.from(bytes).toString('base64'), subType: '00' } };
}

function date(time: Date): object {
  return { $date: { $numberLong: String(time.getTime()) } };
}
