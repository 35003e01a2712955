import asn1, { type Node } from 'node-forge/lib/asn1.js';
import { DamagedError } from '../../errors.ts';

/** A DER element; bytes are strings of characters 0 to 255. */
export type DerNode = Node;

/** Throws DamagedError: what the library says may quote what it read. */
export function readDer(bytes: string): DerNode {
  try {
    return asn1.fromDer(bytes, { strict: true, parseAllBytes: true, decodeBitStrings: false });
  } catch {
    throw new DamagedError('not DER');
  }
}

export function writeDer(node: DerNode): string {
  return asn1.toDer(node).getBytes();
}

/** The elements of a SEQUENCE or SET. Throws DamagedError. */
export function elementsOf(node: DerNode | undefined): readonly DerNode[] {
  if (node === undefined || typeof node.value === 'string') throw new DamagedError('a sequence is expected');
  return node.value;
}

/** The bytes of a primitive element. Throws DamagedError. */
export function bytesOf(node: DerNode | undefined): string {
  if (typeof node?.value !== 'string') throw new DamagedError('a primitive value is expected');
  return node.value;
}

/** Dotted, or `unreadable` and hex for arcs that the library's 32 bits do not hold: those must not be taken for others. */
export function oidOf(node: DerNode | undefined): string {
  const bytes = bytesOf(node);
  const oid = asn1.derToOid(bytes);
  return asn1.oidToDer(oid).getBytes() === bytes ? oid : `unreadable ${hexOf(bytes)}`;
}

export function hexOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('hex');
}

const CONTEXT_SPECIFIC = 0x80;

export function tagged(nodes: readonly DerNode[], tag: number): DerNode | undefined {
  return nodes.find((node) => node.tagClass === CONTEXT_SPECIFIC && node.type === tag);
}
