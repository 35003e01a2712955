/** An HTTPS proxy in front of an API server that loses, delays and garbles answers as told. */
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { makeServerCertificate, type ServerCertificate } from './cluster/certificate.ts';
import { type Fault, handleExchange, type RecordedRequest, type Recording } from './cluster/exchange.ts';
import { portOf } from './cluster/wait.ts';

export type { ServerCertificate } from './cluster/certificate.ts';
export type { Fault, RecordedRequest } from './cluster/exchange.ts';

export interface ProxiedRequest {
  /** 0 for the first request through this proxy. */
  readonly index: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
}

export interface FaultProxyOptions {
  /** A Cluster will do. */
  readonly target: { readonly url: string; readonly caPem: string };
  /** Asked once for every request. */
  readonly fault?: ((request: ProxiedRequest) => Fault | undefined) | undefined;
  /** Asked once for every connection, before any request on it is known: true breaks the TLS handshake. */
  readonly refuseTls?: ((connection: { readonly index: number }) => boolean) | undefined;
  /** Made afresh unless given. */
  readonly certificate?: ServerCertificate | undefined;
}

export interface FaultProxy {
  readonly url: string;
  readonly caPem: string;
  /** In the order in which they came. */
  readonly requests: readonly RecordedRequest[];
  /** How many there were, refused ones included. */
  readonly connections: number;
  stop(): Promise<void>;
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { caPem, certPem, keyPem } = options.certificate ?? (await makeServerCertificate());
  const requests: Recording[] = [];
  const https = createHttpsServer({ cert: certPem, key: keyPem }, (incoming, outgoing) => {
    const request = { index: requests.length, method: incoming.method ?? '', path: incoming.url ?? '' };
    const recording: Recording = { ...request, status: 0, serverStatus: undefined, fault: options.fault?.(request) };
    requests.push(recording);
    // Whatever goes wrong between proxy and server looks to the client like a broken connection.
    handleExchange({ target: options.target, recording, incoming, outgoing }).catch(() => outgoing.destroy());
  });
  const sockets = new Set<Socket>();
  let connections = 0;
  const front = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)));
    const index = connections;
    connections += 1;
    if (options.refuseTls?.({ index })) socket.once('data', () => socket.destroy());
    else https.emit('connection', socket);
  });
  await new Promise<void>((resolve, reject) => front.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${portOf(front)}`,
    caPem,
    requests,
    get connections() {
      return connections;
    },
    stop: () => stop(front, https, sockets),
  };
}

async function stop(front: Server, https: HttpsServer, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => front.close(resolve));
  https.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
