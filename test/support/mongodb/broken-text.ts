import { BSON } from 'mongodb';

/** Stands in text for a byte that UTF-8 does not have. */
export const BROKEN = '(broken)';

/** BSON of a document, or of a server's whole reply, in which every BROKEN is text that is not UTF-8. */
export function withBrokenText(document: object): Uint8Array {
  const bytes = Buffer.from(BSON.serialize(document));
  for (let at = bytes.indexOf(BROKEN); at >= 0; at = bytes.indexOf(BROKEN)) bytes[at] = 0xff;
  return bytes;
}
