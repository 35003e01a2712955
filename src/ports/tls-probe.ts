/** Where a TLS server listens, and the name (SNI) that it is asked for. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  readonly timeoutMs: number;
}

/** The certificates that were served, as DER, the leaf first; or why nobody could be asked. */
export type ProbeResult = { readonly chain: readonly Uint8Array[] } | { readonly unreachable: string };

/** Asks a TLS server what it serves. Nothing is trusted and nothing is sent; never throws but for an abort. */
export interface TlsProbe {
  probe(target: ProbeTarget): Promise<ProbeResult>;
}
