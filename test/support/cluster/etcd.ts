import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Workshop } from './processes.ts';
import { startServer } from './start-server.ts';

/** A key of etcd, and its value as the API server stored it: encrypted, or in the clear. */
export interface EtcdEntry {
  readonly key: string;
  readonly value: Buffer;
  /** How often the key was written. */
  readonly version: number;
}

/** Starts etcd; returns its address. */
export async function startEtcd(workshop: Workshop, file: string, timeoutMs: number): Promise<string> {
  // A name of its own tells this etcd from another that might have taken the port.
  const name = randomUUID();
  const { ports } = await startServer(workshop, {
    name: 'etcd',
    file,
    ports: 2,
    timeoutMs,
    args: ([client = 0, peer = 0]) => [
      `--name=${name}`,
      `--data-dir=${join(workshop.folder, `etcd-${client}`)}`,
      `--listen-client-urls=${address(client)}`,
      `--advertise-client-urls=${address(client)}`,
      `--listen-peer-urls=${address(peer)}`,
      `--initial-advertise-peer-urls=${address(peer)}`,
      `--initial-cluster=${name}=${address(peer)}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    isReady: async ([client = 0]) => (await post(`${address(client)}/v3/cluster/member/list`, {})).includes(name),
  });
  return address(ports[0] ?? 0);
}

/** Every key that starts with `prefix`, read past the API server. */
export async function readEtcd(url: string, prefix: string): Promise<readonly EtcdEntry[]> {
  const range = { key: base64(Buffer.from(prefix)), range_end: base64(endOfPrefix(prefix)) };
  const answer = JSON.parse(await post(`${url}/v3/kv/range`, range)) as RangeAnswer;
  return (answer.kvs ?? []).map(({ key, value, version }) => ({
    key: Buffer.from(key, 'base64').toString('utf8'),
    value: Buffer.from(value ?? '', 'base64'),
    version: Number(version),
  }));
}

interface RangeAnswer {
  readonly kvs?: readonly { readonly key: string; readonly value?: string; readonly version: string }[];
}

/** The first key after all that start with `prefix`. */
function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

async function post(url: string, body: unknown): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd answered ${response.status}: ${text}`);
  return text;
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

function address(port: number): string {
  return `http://127.0.0.1:${port}`;
}
