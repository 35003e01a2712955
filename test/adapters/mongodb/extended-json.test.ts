import { BSON } from 'mongodb';
import { expect, it } from 'vitest';
import { toExtendedJson } from '../../../src/adapters/mongodb/extended-json.ts';

/** A date that BSON holds and JavaScript does not. */
function withEndlessDate(): Uint8Array {
  const bytes = Buffer.from(BSON.serialize({ at: new Date(0) }));
  bytes.writeBigInt64LE(2n ** 62n, bytes.length - 9);
  return bytes;
}

/** Text that is not UTF-8: the last byte before the two that end string and document. */
function withBrokenText(): Uint8Array {
  const bytes = Buffer.from(BSON.serialize({ at: 'abc' }));
  bytes[bytes.length - 3] = 0xff;
  return bytes;
}

it.each([
  ['text that is not UTF-8', withBrokenText()],
  ['a UUID of three bytes', BSON.serialize({ at: new BSON.Binary(Buffer.alloc(3), 4) })],
  ['a date that JavaScript does not hold', withEndlessDate()],
  ['a field that is called as a date is written', BSON.serialize({ at: { $date: 'soon' } })],
])('a document with %s has no Extended JSON: another one would come of it', (_, bytes) => {
  expect(toExtendedJson(bytes)).toBeUndefined();
});
