import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';

/** The cluster of the Pod that this process runs in, as its service account; undefined outside of a Pod. */
export function inCluster(
  env: NodeJS.ProcessEnv,
  root: string,
): { readonly cluster: Cluster; readonly user: User } | undefined {
  const [host, port] = [env['KUBERNETES_SERVICE_HOST'], env['KUBERNETES_SERVICE_PORT']];
  if (!host || !port || !existsSync(`${root}/var/run/secrets/kubernetes.io/serviceaccount/token`)) return undefined;
  const config = new KubeConfig();
  config.loadFromCluster(root);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (cluster === null || user === null) return undefined;
  // Its address is that of our own environment, and it speaks HTTPS on whatever port.
  const { caFile, ...rest } = cluster;
  const ca = caFile !== undefined && existsSync(caFile) ? { caFile } : {};
  return { cluster: { ...rest, ...ca, server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}` }, user };
}
