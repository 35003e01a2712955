import type { RepairCode } from '../repair.ts';

/** One block of PEM (RFC 7468), or of its older kind with headers (RFC 1421, section 4.6). */
export interface Block {
  readonly label: string;
  /** The DEK-Info of an encrypted key, such as `AES-256-CBC,0123…`. */
  readonly encryption: string | undefined;
  /** What the base64 holds; undefined where it is none. */
  readonly content: Buffer | undefined;
}

export interface Pem {
  readonly blocks: readonly Block[];
  readonly repairs: readonly RepairCode[];
  /** Labels of blocks of which the first or the last line is missing. */
  readonly torn: readonly string[];
}

interface Marker {
  readonly kind: 'BEGIN' | 'END';
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

/** Encrypted keys of RFC 1421; in one line too. */
const ENCRYPTION = /^\s*Proc-Type:\s*4,\s*ENCRYPTED\s+DEK-Info:\s*([A-Za-z0-9-]{1,40}(?:,[0-9A-Fa-f]{1,64})?)\s+/;
const HEADER_LINES = /^(\s*[A-Za-z][A-Za-z0-9-]*:[^\n]*\n)+\s*/;
const LINE = 76;
const MARGIN = 100;

/** Finds the blocks in one pass, whatever is around them. */
export function readPem(text: string): Pem {
  const markers = markersIn(text);
  const repairs = new Set<RepairCode>();
  const blocks: Block[] = [];
  const torn: string[] = [];
  let rest = '';
  let read = 0;
  for (const [at, marker] of markers.entries()) {
    const next = markers[at + 1];
    const previous = markers[at - 1];
    if (marker.kind === 'BEGIN' && next?.kind === 'END' && next.label === marker.label) {
      rest += text.slice(read, marker.start);
      read = next.end;
      if (previous?.end === marker.start) repairs.add('GLUED_BLOCKS');
      blocks.push(readBlock(marker.label, text.slice(marker.end, next.start)));
      for (const repair of layoutFaults(text, marker, next)) repairs.add(repair);
    } else if (!(marker.kind === 'END' && previous?.kind === 'BEGIN' && previous.label === marker.label)) {
      torn.push(marker.label);
    }
  }
  rest += text.slice(read);
  if (/[^\s\0]/.test(rest) && torn.length === 0) repairs.add('SURROUNDING_TEXT');
  return { blocks, repairs: [...repairs], torn };
}

function markersIn(text: string): readonly Marker[] {
  return [...text.matchAll(/-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----/g)].map((found) => ({
    kind: found[1] as Marker['kind'],
    label: found[2] ?? '',
    start: found.index,
    end: found.index + found[0].length,
  }));
}

function readBlock(label: string, body: string): Block {
  const encryption = ENCRYPTION.exec(body)?.[1];
  const base64 = body.replace(ENCRYPTION, '').replace(HEADER_LINES, '');
  return { label, encryption, content: fromBase64(base64) };
}

/** White space and missing padding are forgiven; undefined where anything else is not base64 (RFC 4648, section 4). */
export function fromBase64(text: string): Buffer | undefined {
  const packed = text.replace(/\s+/g, '').replace(/={0,2}$/, '');
  return /^[A-Za-z0-9+/]+$/.test(packed) && packed.length % 4 !== 1 ? Buffer.from(packed, 'base64') : undefined;
}

function layoutFaults(text: string, begin: Marker, end: Marker): readonly RepairCode[] {
  const faults: RepairCode[] = [];
  const body = text.slice(begin.end, end.start);
  const before = text.slice(Math.max(0, begin.start - MARGIN), begin.start);
  const blankBefore = /(^|\n)[ \t]+$/.test(before);
  const lines = body.split('\n');
  if (lines.length === 1 || lines.some((line) => line.length > LINE && !line.includes(':'))) faults.push('ONE_LINE');
  if (blankBefore || (lines.length > 1 && lines.some((line) => /^[ \t]|[ \t]$/.test(line)))) faults.push('INDENTED');
  return faults;
}
