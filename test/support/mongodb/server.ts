/** FerretDB, a server of the MongoDB protocol on SQLite: with TLS and SCRAM-SHA-256, on 127.0.0.1. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MongoClient } from 'mongodb';
import { haveServer, serverFile } from '../../mongodb/recipe.mjs';
import { makeServerCertificate } from '../cluster/certificate.ts';
import { openWorkshop } from '../cluster/processes.ts';
import { startServer } from '../cluster/start-server.ts';

export const USERNAME = 'hubble';
const START_MS = 30_000;

export interface ServerSetup {
  /** For localhost and 127.0.0.1. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
  readonly password: string;
}

export interface MongodbServer {
  readonly port: number;
  /** Without credentials. */
  readonly uri: string;
  readonly setup: ServerSetup;
  readonly pid: number;
  /** A client of its own, with the platform's login. */
  readonly client: MongoClient;
  stop(): Promise<void>;
}

/** Where the server is not built, one loud line on stderr; under CI an error. */
export function haveMongodbOrSkip(): boolean {
  if (haveServer()) return true;
  const message = 'TENANT KEY TESTS SKIPPED: no FerretDB. Run `npm run test:setup`.';
  if (process.env['CI'] && process.env['CI'] !== 'false') throw new Error(message);
  process.stderr.write(`\n${message}\n\n`);
  return false;
}

export async function someSetup(): Promise<ServerSetup> {
  return { ...(await makeServerCertificate()), password: 'correct horse' };
}

/** A client with the platform's login. */
export function clientOf(port: number, { caPem, password }: ServerSetup): MongoClient {
  return new MongoClient(`mongodb://localhost:${port}/?authSource=admin`, {
    ...{ tls: true, ca: caPem, promoteBuffers: true, serverSelectionTimeoutMS: 1000 },
    ...{ auth: { username: USERNAME, password }, authMechanism: 'SCRAM-SHA-256' as const },
  });
}

export async function startMongodb(setup: ServerSetup): Promise<MongodbServer> {
  const workshop = await openWorkshop();
  const inside = (name: string) => path.join(workshop.folder, name);
  await mkdir(inside('data'));
  await mkdir(inside('state'));
  await writeFile(inside('tls.crt'), setup.certPem);
  await writeFile(inside('tls.key'), setup.keyPem, { mode: 0o600 });
  const { ports, child } = await startServer(workshop, {
    name: 'ferretdb',
    file: serverFile(),
    ports: 1,
    timeoutMs: START_MS,
    args: ([port]) => [
      '--handler=sqlite',
      // A test's documents need not survive a power cut.
      `--sqlite-url=file:${inside('data')}/?_pragma=synchronous(off)`,
      `--state-dir=${inside('state')}`,
      '--listen-addr=',
      `--listen-tls=127.0.0.1:${port}`,
      `--listen-tls-cert-file=${inside('tls.crt')}`,
      `--listen-tls-key-file=${inside('tls.key')}`,
      ...['--debug-addr=-', '--telemetry=disable', '--log-level=error', '--test-enable-new-auth'],
      ...['--setup-database=admin', `--setup-username=${USERNAME}`, `--setup-password=${setup.password}`],
    ],
    isReady: async ([port = 0]) => {
      const client = clientOf(port, setup);
      try {
        await client.connect();
        return true;
      } finally {
        await client.close();
      }
    },
  });
  const [port = 0] = ports;
  const client = clientOf(port, setup);
  const stop = async (): Promise<void> => {
    await client.close();
    await workshop.close();
  };
  return { port, uri: `mongodb://localhost:${port}/hubbledb`, setup, pid: child.pid, client, stop };
}
