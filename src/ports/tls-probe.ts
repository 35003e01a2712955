export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  /** The name that is asked for (SNI, RFC 6066, section 3). */
  readonly servername: string;
  readonly timeoutMs: number;
}

/** The certificates that an endpoint serves (DER, leaf first), or why that is not known. */
export type Probed = { readonly chain: readonly Uint8Array[] } | { readonly unreachable: string };

/** Looks at what a TLS endpoint serves, and trusts none of it. Never throws for what the endpoint does. */
export interface TlsProbe {
  probe(request: ProbeRequest): Promise<Probed>;
}
