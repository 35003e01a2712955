/** Every repair of mechanical faults. The codes are stable; the value is what the reference says of it. */
export const REPAIRS = {
  WRONG_ORDER: 'The certificates were not in the order leaf, issuer, its issuer.',
  DUPLICATE_DROPPED: 'A certificate was there more than once.',
  STRAY_DROPPED: 'A certificate does not belong to the chain.',
  ROOT_DROPPED: 'The root was included; clients have it, servers do not send it.',
  ISSUER_ADDED: 'An intermediate was missing in the chain and was among the trusted certificates.',
  LINE_ENDS: 'Line ends were not LF.',
  // Reading
  BYTE_ORDER_MARK: 'The text began with a byte order mark.',
  UTF16: 'The text was UTF-16.',
  INDENTED: 'Lines began or ended with blanks.',
  ESCAPED_NEWLINES: 'Line ends were written as \\n.',
  ONE_LINE: 'A block was in one line.',
  BASE64_WRAPPED: 'The whole file was base64.',
  GLUED_BLOCKS: 'A block began in the line in which another ended.',
  TRUSTED_HEADER: 'A certificate was headed TRUSTED CERTIFICATE or X509 CERTIFICATE.',
  SURROUNDING_TEXT: 'There was text around the blocks.',
  OTHER_BLOCKS: 'Blocks that hold neither a certificate nor a private key were left out.',
  CONVERTED_DER: 'It was DER.',
  CONVERTED_PKCS7: 'It was PKCS#7.',
  CONVERTED_PKCS12: 'It was PKCS#12.',
  CONVERTED_KEY: 'The private key was not PKCS#8.',
  DECRYPTED_KEY: 'The private key was encrypted.',
} as const satisfies Record<string, string>;

export type RepairCode = keyof typeof REPAIRS;

export interface Repair {
  readonly code: RepairCode;
  readonly message: string;
}
