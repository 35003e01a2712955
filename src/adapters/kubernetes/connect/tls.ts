import { X509Certificate } from 'node:crypto';
import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { type ConnectionOptions, createSecureContext, getCACertificates } from 'node:tls';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { readUserFile } from '../../system/user-files.ts';
import type { Grant } from './grant.ts';

/** Requests at a time: enough to keep an API server busy, few enough to be a polite client (kubectl's burst is alike). */
export const MAX_IN_FLIGHT = 5;

const CONTEXT = 'palette-keys';

/** client-node's agent, with proxy, CA, client certificate and fixed login; what changes comes as `grant`. */
export async function tlsOptions(
  { signal, ...named }: { readonly cluster: Cluster; readonly user: User; readonly signal: AbortSignal },
  grant: Grant = {},
): Promise<RequestOptions> {
  const cluster = await withFile(named.cluster, 'ca', signal);
  const user = await withFile(await withFile(named.user, 'cert', signal), 'key', signal);
  const config = new KubeConfig();
  config.loadFromOptions({
    // In the clear only where the kubeconfig says http://, as `kubectl proxy` offers it; client-node wants to hear it twice.
    clusters: [cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster],
    users: [user],
    contexts: [{ name: CONTEXT, cluster: cluster.name, user: user.name }],
    currentContext: CONTEXT,
  });
  const options: RequestOptions = {
    ...grant.certificate,
    // Always said: unsaid, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would hand keys to anybody.
    rejectUnauthorized: true,
    // Without a CA of its own, a server is vouched for by one that Node or the system trusts, as for kubectl.
    ...(cluster.caData || cluster.caFile ? {} : { ca: systemAuthorities() }),
  };
  await config.applyToHTTPSOptions(options);
  return tuned(options);
}

/** With what `caFile` and its like name as `caData`: client-node would read any file, however long it is. */
async function withFile<T extends object>(entry: T, name: 'ca' | 'cert' | 'key', signal: AbortSignal): Promise<T> {
  const { [`${name}File`]: file, ...rest } = entry as T & Record<string, unknown>;
  if (typeof file !== 'string' || file === '') return entry;
  const data = (await readUserFile(file, { limit: '1 MB', signal })).toString('base64');
  return { ...rest, [`${name}Data`]: data } as unknown as T;
}

/** The same, with CA, certificate and key parsed once for all connections. Throws what OpenSSL says of a bad one. */
export function parsed(options: RequestOptions): RequestOptions {
  const { ca, cert, key } = options;
  // A CA that is none would silently be left out.
  if (Buffer.isBuffer(ca)) new X509Certificate(ca);
  const given = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) } as object;
  const context: Pick<ConnectionOptions, 'secureContext'> = { secureContext: createSecureContext(given) };
  return { ...options, ...context };
}

let authorities: string[] | undefined;

function systemAuthorities(): string[] {
  authorities ??= [...getCACertificates('default'), ...getCACertificates('system')];
  return authorities;
}

/** A request carries the signal by which it is given up: a tunnel that nobody waits for must not keep the process. */
export interface Abandonable {
  readonly abandon: AbortSignal;
}

/** client-node makes agents that use each connection once, and wait for a silent proxy as long as that pleases. */
function tuned(options: RequestOptions): RequestOptions {
  const { agent } = options;
  if (typeof agent !== 'object' || agent === null) return options;
  const { options: own } = agent as { readonly options?: object };
  Object.assign(own ?? {}, { keepAlive: true });
  Object.assign(agent, { keepAlive: true, maxSockets: MAX_IN_FLIGHT, maxFreeSockets: MAX_IN_FLIGHT });
  if ('proxyRequestOptions' in agent) abandonTunnels(agent);
  return options;
}

/** hpagent takes these options for its CONNECT, synchronously, so that they may be others for each connection. */
function abandonTunnels(agent: Agent & { proxyRequestOptions: unknown }): void {
  const connect = agent.createConnection;
  agent.createConnection = (options, done) => {
    agent.proxyRequestOptions = { signal: (options as Partial<Abandonable>).abandon };
    return connect.call(agent, options, done);
  };
}
