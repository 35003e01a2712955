import { Binary, BSON } from 'mongodb';
import { isObject } from '../../ledger/text.ts';
import { DAMAGE, type FoundTenant, OtherBinary } from '../../ports/tenant-store.ts';

/** Many regular expressions that a server takes are none of JavaScript. Buffers are not promoted, which drops the subtype. */
const AS_READ = { promoteBuffers: false, bsonRegExp: true } as const;

/** The driver would drop a whole answer for one text that is not UTF-8; here that document is marked as damaged. */
export function decode(bytes: Uint8Array): FoundTenant {
  try {
    return withBinary(BSON.deserialize(bytes, AS_READ));
  } catch {
    return { ...decodeLeniently(bytes), [DAMAGE]: 'holds text that is not UTF-8' };
  }
}

export function decodeLeniently(bytes: Uint8Array): FoundTenant {
  return withBinary(BSON.deserialize(bytes, { ...AS_READ, validation: { utf8: false } }));
}

/** The same document, its wrapped key as the port has it. */
function withBinary(found: BSON.Document): FoundTenant {
  const wrapped: unknown = found['wrapped'];
  if (!isObject(wrapped)) return found;
  const entries = Object.entries(wrapped).map(([name, value]) => [
    name,
    value instanceof Binary ? plain(value) : value,
  ]);
  return { ...found, wrapped: Object.fromEntries(entries) };
}

function plain(binary: Binary): Uint8Array | OtherBinary {
  return binary.sub_type === Binary.SUBTYPE_DEFAULT ? binary.value() : new OtherBinary(binary.sub_type);
}
