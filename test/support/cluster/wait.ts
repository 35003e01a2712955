import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** For the error: `kube-apiserver to be ready`. */
  readonly what: string;
  readonly timeoutMs: number;
  /** A reason to give up early, such as the process having ended; undefined while there is none. */
  readonly failed?: (() => Error | undefined) | undefined;
}

/** Asks `probe` until it says yes. A probe that throws counts as a no; the last reason is told when the time is up. */
export async function waitUntil(probe: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  let reason: unknown;
  while (Date.now() < deadline) {
    const failure = options.failed?.();
    if (failure !== undefined) throw failure;
    try {
      if (await probe()) return;
    } catch (error) {
      reason = error;
    }
    await sleep(50);
  }
  throw new Error(`waited ${options.timeoutMs} ms in vain for ${options.what}`, { cause: reason });
}

/** Ports that were free a moment ago; whoever listens on one must be ready to find it taken. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a TCP port');
  return address.port;
}
