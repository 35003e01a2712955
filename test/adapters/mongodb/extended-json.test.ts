import { BSON } from 'mongodb';
import { expect, it } from 'vitest';
import { toExtendedJson } from '../../../src/adapters/mongodb/extended-json.ts';

/** A date that BSON holds and JavaScript does not. */
function withEndlessDate(): Uint8Array {
  const bytes = Buffer.from(BSON.serialize({ at: new Date(0) }));
  bytes.writeBigInt64LE(2n ** 62n, bytes.length - 9);
  return bytes;
}

it.each([
  ['a date that JavaScript does not hold', withEndlessDate()],
  ['a field that is called as a date is written', BSON.serialize({ at: { $date: 'soon' } })],
])('a document with %s has no Extended JSON: another one would come of it', (_, bytes) => {
  expect(toExtendedJson(bytes)).toBeUndefined();
});
