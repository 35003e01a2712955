import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorkshop, type Workshop } from '../support/cluster/processes.ts';
import { startServer } from '../support/cluster/start-server.ts';
import { portOf } from '../support/cluster/wait.ts';

const LISTEN = 'require("net").createServer().listen(Number(process.argv[1]), "127.0.0.1")';
let workshop: Workshop;
let other: Server;

beforeEach(async () => {
  workshop = await openWorkshop();
  other = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
});

afterEach(async () => {
  other.close();
  await workshop.close();
});

test('a port that another process took in between is given up for another', async () => {
  const taken = portOf(other);
  const tried: number[] = [];
  const { ports, child } = await startServer(workshop, {
    name: 'server',
    file: process.execPath,
    ports: 1,
    timeoutMs: 20_000,
    args: ([free = 0]) => {
      tried.push(tried.length === 0 ? taken : free);
      return ['-e', LISTEN, String(tried.at(-1))];
    },
    isReady: async () => tried.length > 1,
  });
  expect(tried).toEqual([taken, ports[0]]);
  expect(workshop.pids()).toEqual([child.pid]);
});

test('a server that ends for another reason is not started again', async () => {
  const args = () => ['-e', 'console.error("no disk"); process.exit(3)'];
  const start = { name: 'server', file: process.execPath, ports: 1, timeoutMs: 20_000, args };
  const failing = startServer(workshop, { ...start, isReady: async () => false });
  await expect(failing).rejects.toThrow('server did not start. Its log ends with:\nno disk');
  expect(workshop.pids()).toEqual([]);
});

test('a server that never becomes ready is ended', async () => {
  const args = () => ['-e', 'setInterval(() => 0, 1000)'];
  const start = { name: 'server', file: process.execPath, ports: 1, timeoutMs: 300, args };
  await expect(startServer(workshop, { ...start, isReady: async () => false })).rejects.toThrow('did not start');
  expect(workshop.pids()).toEqual([]);
});
