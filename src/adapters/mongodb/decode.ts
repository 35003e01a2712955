import { BSON } from 'mongodb';
import { DAMAGE, type FoundTenant } from '../../ports/tenant-store.ts';

/** As the client of connect.ts has it. */
const AS_READ = { promoteBuffers: true, bsonRegExp: true } as const;

/**
 * A document as the server sent it. The driver would give up a whole answer for one text that is not UTF-8; here that
 * document alone is marked as damaged, with U+FFFD for what cannot be read.
 */
export function decode(bytes: Uint8Array): FoundTenant {
  try {
    return BSON.deserialize(bytes, AS_READ);
  } catch {
    return { ...decodeLeniently(bytes), [DAMAGE]: 'holds text that is not UTF-8' };
  }
}

/** The same without a mark. */
export function decodeLeniently(bytes: Uint8Array): FoundTenant {
  return BSON.deserialize(bytes, { ...AS_READ, validation: { utf8: false } });
}
