import type { RepairCode } from '../repair.ts';

/** A file as text, with what had to be put right for that. Bytes that are no text come as one character each. */
export interface Text {
  readonly text: string;
  readonly repairs: readonly RepairCode[];
}

/** Undoes what editors, shells and JSON do to text: encodings and line ends. */
export function textOf(bytes: Buffer): Text {
  const decoded = decode(bytes);
  const repairs = [...decoded.repairs];
  let { text } = decoded;
  // Beside a marker: names of Windows, such as DOMAIN\name, have backslashes too.
  if (/-----\\{1,4}[nr]/.test(text)) {
    text = text.replace(/(\\{1,4}r)?\\{1,4}n|\\{1,4}r/g, '\n');
    repairs.push('ESCAPED_NEWLINES');
  }
  if (text.includes('\r') && text.includes('-----')) {
    text = text.replace(/\r\n?/g, '\n');
    repairs.push('LINE_ENDS');
  }
  return { text, repairs };
}

function decode(bytes: Buffer): Text {
  const mark = bytes.toString('hex', 0, 3);
  if (mark === 'efbbbf') return { text: bytes.toString('latin1', 3), repairs: ['BYTE_ORDER_MARK'] };
  if (mark.startsWith('fffe')) return { text: bytes.toString('utf16le', 2), repairs: ['UTF16'] };
  if (mark.startsWith('feff')) return { text: bigEndian(bytes.subarray(2)), repairs: ['UTF16'] };
  // Without a mark: every second byte of the first characters is zero.
  const start = [...bytes.subarray(0, 16)];
  if (isZero(start, 1) && !isZero(start, 0)) return { text: bytes.toString('utf16le'), repairs: ['UTF16'] };
  if (isZero(start, 0) && !isZero(start, 1)) return { text: bigEndian(bytes), repairs: ['UTF16'] };
  return { text: bytes.toString('latin1'), repairs: [] };
}

function isZero(start: readonly number[], parity: number): boolean {
  return start.length === 16 && start.every((byte, at) => at % 2 !== parity || byte === 0);
}

function bigEndian(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le');
}
