/** One part of node-forge, 10 ms to load where the whole takes 60; its typings know the whole alone. */
declare module 'node-forge/lib/asn1.js' {
  /** Bytes are strings of characters 0 to 255. */
  interface Node {
    readonly tagClass: number;
    readonly type: number;
    readonly value: string | readonly Node[];
  }
  const asn1: {
    fromDer(der: string, options: { strict: boolean; parseAllBytes: boolean; decodeBitStrings: boolean }): Node;
    toDer(node: Node): { getBytes(): string };
    derToOid(der: string): string;
    oidToDer(oid: string): { getBytes(): string };
  };
  // biome-ignore lint/style/noDefaultExport: it is what a CommonJS module exports
  export default asn1;
  export type { Node };
}
