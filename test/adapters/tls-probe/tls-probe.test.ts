import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createPlain, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { tlsProbe } from '../../../src/adapters/tls-probe/tls-probe.ts';
import { readBundle } from '../../../src/certificate/read.ts';
import { platform } from '../../rotation/bed.ts';
import { installation, objectIn } from '../../support/installations.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const probe = (port: number, servername = 'auth', timeoutMs = 3000) =>
  tlsProbe.probe({ host: '127.0.0.1', port, servername, timeoutMs });

describe('a TLS probe', async () => {
  const snapshot = await installation();
  const { data } = objectIn(snapshot, platform('auth-tls'));
  const other = objectIn(snapshot, platform('grpc-tls')).data;
  const pair = { cert: text(data['tls.crt']), key: text(data['tls.key']) };
  const [leaf] = readBundle(data['tls.crt'] ?? new Uint8Array());

  test.each([
    ['anybody', {}],
    ['whoever has a certificate alone', { requestCert: true, rejectUnauthorized: true, ca: text(data['ca.crt']) }],
    ['whoever speaks TLS 1.2', { maxVersion: 'TLSv1.2' as const }],
  ])('sees the certificate of a server for %s', async (_, options) => {
    const port = await listen(createServer({ ...pair, ...options }));
    const found = await probe(port);
    expect('chain' in found && Buffer.from(found.chain[0] ?? []).equals(leaf?.x509.raw ?? Buffer.alloc(0))).toBe(true);
  });

  test('asks for the name, and sees all that is sent along', async () => {
    const chained = { cert: `${text(other['tls.crt'])}${text(other['ca.crt'])}`, key: text(other['tls.key']) };
    const server = createServer(pair);
    server.addContext('grpc', chained);
    const found = await probe(await listen(server), 'grpc');
    const sent = readBundle(Buffer.from(chained.cert));
    expect('chain' in found && found.chain.map((der) => Buffer.from(der).toString('hex'))).toEqual(
      sent.map(({ x509 }) => x509.raw.toString('hex')),
    );
  });

  test.each([
    ['nobody listens', async () => 1, /ECONNREFUSED/],
    ['something else answers', () => listen(createPlain((socket) => socket.end('hello\r\n'))), /./],
    ['it hangs up', () => listen(createPlain((socket) => socket.destroy())), /./],
    ['nothing is said', () => listen(createPlain()), /no answer in time/],
  ])('tells nothing where %s', async (_, start, reason) => {
    const found = await probe(await start(), 'auth', 300);
    expect(found).toEqual({ unreachable: expect.stringMatching(reason) });
  });

  test('sees what openssl sees', async () => {
    const port = await listen(createServer(pair));
    const found = await probe(port);
    const seen = execFileSync('openssl', ['x509', '-inform', 'DER', '-noout', '-fingerprint', '-sha256'], {
      input: Buffer.from('chain' in found ? (found.chain[0] ?? []) : []),
      encoding: 'utf8',
    });
    expect(seen.replaceAll(':', '').trim().toLowerCase().split('=').at(-1)).toBe(leaf?.fingerprint.slice(7));
  });
});

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}
