/** Proxies such as companies have, which know where `cluster.test` is although nobody else does. */
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { portOf } from '../../support/cluster/wait.ts';

export interface TestProxy {
  readonly port: number;
  /** `host:port` of every connection that was asked for. */
  readonly asked: readonly string[];
  /** The logins that came with them. */
  readonly logins: readonly string[];
  stop(): Promise<void>;
}

export interface ProxyBehaviour {
  /** Instead of connecting: this status, or no answer at all. */
  readonly answer?: number | 'silence' | 'hang-up';
}

/** Connects everything to one port of this machine. */
export async function startConnectProxy(to: number, { answer }: ProxyBehaviour = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const logins: string[] = [];
  const server = createHttpServer();
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    logins.push(request.headers['proxy-authorization'] ?? '');
    if (answer === 'hang-up') client.destroy();
    else if (typeof answer === 'number') client.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
    else if (answer === undefined) join(client, to, () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
  });
  return listen(server, asked, logins);
}

/** SOCKS5 (RFC 1928) with an optional user and password (RFC 1929). */
export async function startSocksProxy(to: number, login?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const logins: string[] = [];
  const serve = async (client: Socket): Promise<void> => {
    const take = reader(client);
    const [, methods = 0] = await take(2);
    await take(methods);
    client.write(Buffer.from([5, login === undefined ? 0 : 2]));
    if (login !== undefined) {
      const [, userLength = 0] = await take(2);
      const user = await take(userLength);
      const [wordLength = 0] = await take(1);
      const given = `${user}:${await take(wordLength)}`;
      logins.push(given);
      client.write(Buffer.from([1, given === login ? 0 : 1]));
    }
    const [, , , kind] = await take(4);
    const length = kind === 3 ? ((await take(1))[0] ?? 0) : 4;
    const name = await take(length);
    const port = (await take(2)).readUInt16BE();
    asked.push(`${kind === 3 ? name : [...name].join('.')}:${port}`);
    take.stop();
    join(client, to, () => client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])));
  };
  const server = createServer((client) => {
    client.on('error', () => undefined);
    serve(client).catch(() => client.destroy());
  });
  return listen(server, asked, logins);
}

function join(client: Socket, to: number, ready: () => void): void {
  const upstream = connect(to, '127.0.0.1', ready);
  upstream.on('error', () => client.destroy());
  client.on('error', () => upstream.destroy());
  client.pipe(upstream).pipe(client);
}

function reader(socket: Socket) {
  let bytes = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  };
  socket.on('data', onData);
  const take = async (count: number): Promise<Buffer> => {
    while (bytes.length < count) await new Promise<void>((resolve) => (wake = resolve));
    const taken = bytes.subarray(0, count);
    bytes = bytes.subarray(count);
    return taken;
  };
  return Object.assign(take, { stop: () => socket.off('data', onData) });
}

async function listen(server: Server, asked: readonly string[], logins: readonly string[]): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: portOf(server), asked, logins, stop };
}
