import type { Child, Workshop } from './processes.ts';
import { freePorts, waitUntil } from './wait.ts';

export interface ServerStart {
  readonly name: string;
  readonly file: string;
  readonly ports: number;
  /** Given the ports: how the server is started. */
  readonly args: (ports: readonly number[]) => readonly string[];
  readonly isReady: (ports: readonly number[]) => Promise<boolean>;
  readonly timeoutMs: number;
}

export interface RunningServer {
  readonly child: Child;
  readonly ports: readonly number[];
}

const ATTEMPTS = 4;

/** Starts a server on free ports and waits until it is ready; with other ports if somebody else took one meanwhile. */
export async function startServer(workshop: Workshop, start: ServerStart): Promise<RunningServer> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(start.ports);
    const child = await startOn(workshop, start, ports);
    if (child !== undefined) return { child, ports };
    if (attempt === ATTEMPTS) throw new Error(`${start.name} found its ports taken ${ATTEMPTS} times`);
  }
}

/** Starts a server on these very ports; undefined if one of them was taken. */
export async function startOn(
  workshop: Workshop,
  start: Omit<ServerStart, 'ports'>,
  ports: readonly number[],
): Promise<Child | undefined> {
  const child = await workshop.start(start.name, start.file, start.args(ports));
  const failed = () => (child.isRunning() ? undefined : new Error(`${start.name} has ended`));
  try {
    await waitUntil(() => start.isReady(ports), {
      what: `${start.name} to be ready`,
      timeoutMs: start.timeoutMs,
      failed,
    });
    return child;
  } catch (error) {
    const ended = !child.isRunning();
    await child.kill();
    const log = child.tail();
    if (ended && log.includes('address already in use')) return undefined;
    throw new Error(`${start.name} did not start. Its log ends with:\n${log}`, { cause: error });
  }
}
