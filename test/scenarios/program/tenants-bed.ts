/** An installation in a folder, and a server of the MongoDB protocol that uses its certificate and credentials. */

import { copyFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { keysByReader } from '../../support/mongodb/reader.ts';
import { type MongodbServer, startMongodb } from '../../support/mongodb/server.ts';
import { copyOf, type Outcome, type Running, run, start } from '../../support/program.ts';
import { chanceBytes } from '../../support/seed.ts';
import {
  editEntries,
  entryOf,
  foreignRootKey,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readObject,
  writeObject,
} from './store.ts';

const randomBytes = chanceBytes('tenants-bed');

export interface TenantsBed {
  /** The root key is v1. */
  readonly first: string;
  /** v2 is active, v1 trusted: as a rotation leaves it between promotion and retirement. */
  readonly second: string;
  readonly server: MongodbServer;
  /** Runs `tenant` on a folder; `timeout` in milliseconds. */
  tenant(folder: string, args: readonly string[], uri?: string, timeout?: number): Promise<Outcome>;
  startTenant(folder: string, args: readonly string[], uri?: string, timeout?: number): Running;
  /**
   * Makes tenants under v1 and takes them out again, while no key is under v2; returns what puts one of them back, as a Pod
   * adds it that has the keyring of before.
   */
  lateTenants(ids: readonly string[]): Promise<(id: string) => Promise<void>>;
  /** Every tenant's key in hex, by the reader of docs/tenant-keys.md and the keyring of a folder (`second`). */
  keys(folder?: string): Promise<ReadonlyMap<string, string>>;
  /** Documents by the root key that wraps them. */
  counts(): Promise<Readonly<Record<string, number>>>;
  kids(): { readonly v1: string; readonly v2: string };
}

const ROOT = `Secret/${PLATFORM}/palette-root-key`;

/** `startServer`: the server's kind, FerretDB unless given. */
export async function startTenantsBed(startServer = startMongodb): Promise<TenantsBed> {
  const first = await install();
  const tls = (name: string) => entryOf(first, `Secret/${PLATFORM}/palette-mongodb-tls`, name);
  const password = entryOf(first, `Secret/${PLATFORM}/palette-mongodb-auth`, 'password');
  const server = await startServer({
    certPem: tls('tls.crt'),
    keyPem: tls('tls.key'),
    caPem: tls('ca.crt'),
    password,
  });
  const second = copyOf(first);
  promote(second);
  const repaired = await run(['init', '--dir', second, '--yes', '-q']);
  if (repaired.code !== 0) throw new Error(repaired.stderr);
  const documents = server.client.db('hubbledb').collection<{ _id: string }>('tenantKeys');
  const argsOf = (folder: string, [verb = '', ...args]: readonly string[], uri: string) => [
    'tenant',
    verb,
    '--dir',
    folder,
    '--mongodb-uri',
    uri,
    '--request-timeout',
    '20s',
    ...args,
  ];
  return {
    ...{ first, second, server },
    tenant: (folder, args, uri = server.uri, timeout = 60_000) => run(argsOf(folder, args, uri), { timeout }),
    startTenant: (folder, args, uri = server.uri, timeout = 60_000) => start(argsOf(folder, args, uri), { timeout }),
    lateTenants: async (ids) => {
      const well = async (...args: readonly string[]): Promise<void> => {
        const { code, stderr } = await run(argsOf(first, args, server.uri));
        if (code !== 0) throw new Error(stderr);
      };
      await well('add', ...ids);
      const late = await documents.find({ _id: { $in: [...ids] } }).toArray();
      await well('remove', ...ids, '--no-backup', '--yes');
      return async (id) => void (await documents.insertMany(late.filter(({ _id }) => _id === id)));
    },
    keys: (folder = second) => keysByReader(server.client, entryOf(folder, ROOT, 'keyring.json')),
    counts: async () => {
      const groups = await documents.aggregate([{ $group: { _id: '$wrapped.kid', n: { $sum: 1 } } }]).toArray();
      return Object.fromEntries(groups.map(({ _id, n }) => [String(_id), Number(n)]));
    },
    kids: () => ({ v1: entryOf(first, ROOT, 'kid'), v2: entryOf(second, ROOT, 'kid') }),
  };
}

function promote(folder: string): void {
  const key = randomBytes(32);
  const { kid } = foreignRootKey(key);
  const [old, made] = [1, 2].map((n) => `Secret/${LEDGER}/palette-key-root-key-v${n}`) as [string, string];
  copyFileSync(pathOf(folder, old), pathOf(folder, made));
  const object = readObject(folder, old);
  writeObject(folder, made, {
    ...object,
    metadata: { ...object.metadata, name: 'palette-key-root-key-v2' },
    data: { ...object.data, key, kid: Buffer.from(String(kid)) },
  });
  editEntries(folder, RECORD, (data) => {
    const record = JSON.parse(String(data['record.json']));
    const [version] = record.keys['root-key'].versions;
    record.generation += 1;
    record.ready = false;
    record.keys['root-key'].versions = [
      { ...version, state: 'trusted' },
      { ...version, n: 2, kid, state: 'active', backups: [] },
    ];
    return { 'record.json': `${JSON.stringify(record, undefined, 2)}\n` };
  });
}

/** A relay in front of the server that cuts every connection after so many bytes from the server, as often as told. `host`: where it listens. */
export async function startCutter(
  target: number,
  cuts: number[],
  host = '127.0.0.1',
): Promise<{ readonly port: number; readonly left: number[]; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const relay: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    let bytes = 0;
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    const close = (): void => {
      near.destroy();
      far.destroy();
    };
    near.pipe(far);
    far.on('data', (chunk) => {
      bytes += chunk.length;
      near.write(chunk);
      if (cuts[0] === undefined || bytes < cuts[0]) return;
      cuts.shift();
      for (const socket of sockets) socket.destroy();
    });
    near.on('close', close);
    far.on('close', close);
  });
  await new Promise<void>((resolve) => relay.listen(0, host, resolve));
  const address = relay.address();
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => relay.close(resolve));
  };
  return { port: typeof address === 'object' && address !== null ? address.port : 0, left: cuts, stop };
}
