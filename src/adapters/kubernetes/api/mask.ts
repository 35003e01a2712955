import type { Entries } from '../../../ports/key-store.ts';

/** Makes a text fit to be shown. */
export type Mask = (text: string) => string;

const MAX_LENGTH = 500;

/** What may be a piece of a value: shorter ones give nothing away, and would hide ordinary words. */
const PIECE = /[A-Za-z0-9+/=_-]{8,}/g;

/** Hides pieces of the values that were sent, plain, in base64 or hex: admission webhooks may quote them. */
export function maskOf(data: Entries): Mask {
  return (text) => {
    const known = Object.values(data).flatMap(forms);
    const shown = plain(text).replace(PIECE, (piece) => (known.some((form) => form.includes(piece)) ? '…' : piece));
    return shown;
  };
}

/** On one line, and not for ever. */
export function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
}

function forms(value: Uint8Array): readonly string[] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const hex = bytes.toString('hex');
  return [bytes.toString('latin1'), bytes.toString('base64'), bytes.toString('base64url'), hex, hex.toUpperCase()];
}
