import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { clientOf, type MongodbServer, type ServerSetup, USERNAME } from './server.ts';

const MAIN = fileURLToPath(new URL('./fake-collection-main.ts', import.meta.url));

/** An empty FakeCollection behind TLS and the platform's login, in a process that ends with this one. */
export async function startFakeCollection(setup: ServerSetup): Promise<MongodbServer> {
  const child = fork(MAIN, { execArgv: [] });
  child.send({ ...setup, username: USERNAME });
  const [port] = (await once(child, 'message')) as [number];
  const client = clientOf(port, setup);
  const stop = async (): Promise<void> => {
    await client.close();
    if (!child.connected) return;
    child.disconnect();
    await once(child, 'exit');
  };
  return { port, uri: `mongodb://localhost:${port}/hubbledb`, setup, pid: child.pid ?? 0, client, stop };
}
