import { DamagedError } from '../../../errors.ts';

/** Identifier octets (X.690, section 8.1.2) of what certificates, keys and their containers are made of. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  octetStringInPieces: 0x24,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  context0: 0xa0,
  context0Primitive: 0x80,
} as const;

/** Real files nest ten deep. */
const MAX_DEPTH = 32;
const CONSTRUCTED = 0x20;
const LONG_TAG = 0x1f;
const INDEFINITE = 0x80;

/** One element of BER (X.690). Views of the input: the very bytes that were signed, and one buffer to wipe. */
export interface Element {
  readonly tag: number;
  readonly raw: Buffer;
  readonly content: Buffer;
}

/** The first element of `bytes`; what follows it is left alone. Throws DamagedError. */
export function readElement(bytes: Buffer, depth = 0): Element {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new DamagedError('ASN.1 ends too early');
  if ((tag & LONG_TAG) === LONG_TAG) throw new DamagedError('ASN.1 has a tag that nothing here uses');
  if (first === INDEFINITE) return readIndefinite(bytes, tag, depth);
  const { header, length } = readLength(bytes, first);
  if (header + length > bytes.length) throw new DamagedError('ASN.1 is longer than the file');
  const raw = bytes.subarray(0, header + length);
  return { tag, raw, content: raw.subarray(header) };
}

function readLength(bytes: Buffer, first: number): { header: number; length: number } {
  if (first < INDEFINITE) return { header: 2, length: first };
  const size = first & 0x7f;
  if (size > 4 || bytes.length < 2 + size) throw new DamagedError('ASN.1 has an impossible length');
  return { header: 2 + size, length: bytes.readUIntBE(2, size) };
}

/** Section 8.1.3.6: the content ends with two zeros, so that what is in it has to be gone through. */
function readIndefinite(bytes: Buffer, tag: number, depth: number): Element {
  if ((tag & CONSTRUCTED) === 0) throw new DamagedError('ASN.1 has an impossible length');
  if (depth >= MAX_DEPTH) throw new DamagedError('ASN.1 is nested too deeply');
  let end = 2;
  while (bytes[end] !== 0 || bytes[end + 1] !== 0) end += readElement(bytes.subarray(end), depth + 1).raw.length;
  return { tag, raw: bytes.subarray(0, end + 2), content: bytes.subarray(2, end) };
}

/** The elements that a constructed one is made of; none for a primitive one. Throws DamagedError. */
export function childrenOf(element: Element | undefined): readonly Element[] {
  if (element === undefined || (element.tag & CONSTRUCTED) === 0) return [];
  const found: Element[] = [];
  for (let rest = element.content; rest.length > 0; ) {
    const child = readElement(rest);
    found.push(child);
    rest = rest.subarray(child.raw.length);
  }
  return found;
}

/** The bytes of an OCTET STRING, also of one in pieces (section 8.7.3). Throws DamagedError. */
export function octetsOf(element: Element | undefined): Buffer {
  if (element?.tag === TAG.octetString || element?.tag === TAG.context0Primitive) return element.content;
  const inPieces = element?.tag === TAG.octetStringInPieces || element?.tag === TAG.context0;
  if (element === undefined || !inPieces) throw new DamagedError('ASN.1 lacks an OCTET STRING');
  return Buffer.concat(childrenOf(element).map(({ content }) => content));
}

/** A number that is not negative; what has more than six bytes is Infinity. Throws DamagedError. */
export function numberOf(element: Element | undefined): number {
  if (element?.tag !== TAG.integer) throw new DamagedError('ASN.1 lacks an INTEGER');
  const bytes = element.content;
  if (bytes.length === 0 || (bytes[0] ?? 0) >= 0x80) throw new DamagedError('ASN.1 has a negative number');
  return bytes.length > 6 ? Number.POSITIVE_INFINITY : bytes.readUIntBE(0, bytes.length);
}

/** An object identifier in its dotted form; empty where the element is none. */
export function oidOf(element: Element | undefined): string {
  if (element?.tag !== TAG.oid) return '';
  const numbers: number[] = [];
  let value = 0;
  for (const byte of element.content.subarray(0, 64)) {
    value = value * 0x80 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(value);
    value = 0;
  }
  const [first = 0, ...others] = numbers;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...others].join('.');
}
