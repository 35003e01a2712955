import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import type { ProbeResult, ProbeTarget, TlsProbe } from '../../ports/tls-probe.ts';

/** Longer chains are not served; a chain that leads to itself ends. */
const MAX_CHAIN = 16;

/** Probes through node:tls. */
export const systemTlsProbe: TlsProbe = { probe };

function probe({ host, port, servername, timeoutMs }: ProbeTarget): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const sni = isIP(servername) === 0 ? { servername } : {};
    // The question is what is served, not whether it is to be trusted.
    const socket = connect({ host, port, ...sni, rejectUnauthorized: false, timeout: timeoutMs });
    const end = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    const deadline = setTimeout(() => end({ unreachable: `no answer within ${timeoutMs} ms` }), timeoutMs);
    socket.once('close', () => clearTimeout(deadline));
    socket.once('secureConnect', () => end({ chain: chainOf(socket.getPeerCertificate(true)) }));
    socket.once('error', (error: NodeJS.ErrnoException) => end({ unreachable: error.code ?? 'TLS error' }));
  });
}

function chainOf(leaf: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let current: DetailedPeerCertificate | undefined = leaf;
  while (current?.raw !== undefined && !seen.has(current.fingerprint256) && chain.length < MAX_CHAIN) {
    seen.add(current.fingerprint256);
    chain.push(current.raw);
    current = current.issuerCertificate;
  }
  return chain;
}
