import { BSON } from 'mongodb';

/**
 * A document, as the server sent it, as one line of MongoDB Extended JSON v2, which mongoimport and mongosh read: every
 * field, in its order and of its type. Undefined where another document would come of it: a date that JavaScript does not
 * hold, a field that is called as a type is written, text that is not UTF-8, binary data that is not what its subtype says.
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
