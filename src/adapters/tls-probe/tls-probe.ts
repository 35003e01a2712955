import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { Probed, ProbeRequest, TlsProbe } from '../../ports/tls-probe.ts';

/** No chain is longer; one that refers to itself would go on for ever. */
const LONGEST_CHAIN = 16;

/** Shakes hands, looks at the certificates, and hangs up before a byte is sent. */
export const tlsProbe: TlsProbe = { probe };

function probe({ host, port, servername, timeoutMs }: ProbeRequest): Promise<Probed> {
  return new Promise((resolve) => {
    // Whatever is served is to be seen, also what nobody should trust. An address is no server name (RFC 6066, section 3).
    const sni = isIP(servername) === 0 ? { servername } : {};
    const socket = connect({ host, port, ...sni, rejectUnauthorized: false, minVersion: 'TLSv1.2' });
    const timer = setTimeout(() => end({ unreachable: 'no answer in time' }), timeoutMs);
    const end = (probed: Probed): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(probed);
    };
    socket.once('secureConnect', () => end({ chain: chainOf(socket) }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A server that wants a certificate of ours has shown its own before it hangs up.
      const chain = chainOf(socket);
      end(chain.length > 0 ? { chain } : { unreachable: error.code ?? 'no TLS' });
    });
    socket.once('close', () => end({ unreachable: 'the connection was closed' }));
  });
}

function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(new Uint8Array(next.raw));
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}
