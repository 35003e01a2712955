/** One cluster for all test files that need no special one: to start an API server takes as long as many tests. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Cluster, clusterAt, type SomeCluster, startCluster, type Whereabouts } from '../cluster.ts';

const SOCKET = 'PALETTE_KEYS_TEST_CLUSTER';

/** They may do nothing until a test gives them a role, in a namespace of its own. */
const USERS = ['eve', 'robin', 'pat'];

const folder = mkdtempSync(join(tmpdir(), 'palette-keys-shared-'));
const server = createServer(answer);
let cluster: Promise<Cluster> | undefined;

/** For vitest's globalSetup. The cluster is started when the first test file asks for it. */
export function setup(): void {
  process.env[SOCKET] = join(folder, 'socket');
  server.listen(process.env[SOCKET]).unref();
}

/** After the last test. */
export async function teardown(): Promise<void> {
  server.close();
  await (await cluster?.catch(() => undefined))?.stop();
  rmSync(folder, { recursive: true });
}

function answer(socket: Socket): void {
  socket.on('error', () => undefined);
  cluster ??= startCluster({ users: USERS.map((name) => ({ name, groups: [`${name}s`] })) });
  cluster.then(
    ({ about }) => socket.end(JSON.stringify(about)),
    (error: unknown) => socket.end(JSON.stringify({ failure: String(error) })),
  );
}

/** The cluster that all share; what a test makes there stands in namespaces that only its file knows. */
export async function sharedCluster(): Promise<SomeCluster> {
  const socket = connect(process.env[SOCKET] ?? '');
  await once(socket, 'connect');
  const answer = JSON.parse(await text(socket)) as Whereabouts | { readonly failure: string };
  if ('failure' in answer) throw new Error(answer.failure);
  return clusterAt(answer);
}
