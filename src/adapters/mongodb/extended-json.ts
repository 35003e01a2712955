import { BSON } from 'mongodb';

/**
 * One line of MongoDB Extended JSON v2, every field in its order and of its type. Undefined where another document
 * would come of it, as of a date that JavaScript does not hold.
 */
export function toExtendedJson(bytes: Uint8Array): string | undefined {
  const exact = { promoteValues: false, bsonRegExp: true } as const;
  try {
    const text = BSON.EJSON.stringify(BSON.deserialize(bytes, exact), { relaxed: false });
    const again = BSON.serialize(BSON.EJSON.parse(text, { relaxed: false }));
    return Buffer.compare(again, bytes) === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}
