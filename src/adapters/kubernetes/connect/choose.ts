import type { Cluster, User } from '@kubernetes/client-node';
import { PaletteKeysError } from '../../../errors.ts';
import { listAt } from '../json.ts';
import type { LoginFlags } from '../options.ts';
import { kubeconfigInvalid, noStore } from './errors.ts';
import type { LoginHost, LoginSource } from './grant.ts';
import { inCluster } from './in-cluster.ts';
import { type Loaded, loadKubeconfigs } from './kubeconfig.ts';
import { impersonationHeaders, loginSource } from './login.ts';
import { chooseProxy } from './proxy.ts';

export interface Chosen {
  /** With the proxy that leads to it. */
  readonly cluster: Cluster;
  readonly server: URL;
  /** The part of the login that client-node does. */
  readonly user: User;
  /** The part that changes with time. */
  readonly source: LoginSource | undefined;
  readonly impersonate: Readonly<Record<string, string | readonly string[]>>;
  /** For people: `context NAME (https://…)` or `in-cluster (…)`. */
  readonly location: string;
  /** For people: where the login comes from. */
  readonly login: string;
}

export interface ChooseOptions extends LoginFlags {
  readonly host: LoginHost;
  /** Where Pods find their service account; for tests. */
  readonly podRoot: string;
}

interface Found {
  readonly cluster: Cluster;
  readonly user: User;
  readonly place: string;
  readonly login: string;
}

/** The cluster that flags and kubeconfigs name; where there is no kubeconfig, the one that this process runs in. */
export async function chooseCluster(options: ChooseOptions): Promise<Chosen> {
  const { env } = options.host;
  const loaded = await loadKubeconfigs(options.kubeconfig, options.host);
  const named = options.context ?? options.cluster ?? loaded.config.getCurrentContext();
  if (named) return finish(findNamed(loaded, options), loaded, options);
  const isEmpty = loaded.config.getContexts().length === 0 && options.kubeconfig === undefined;
  const pod = isEmpty ? inCluster(env, options.podRoot) : undefined;
  if (pod === undefined) throw noStore(whyNone(loaded));
  return finish({ ...pod, place: 'in-cluster', login: 'the service account of this Pod' }, undefined, options);
}

function findNamed({ config, files }: Loaded, options: ChooseOptions): Found {
  const contextName = options.context ?? config.getCurrentContext();
  const context = config.getContextObject(contextName);
  if (context === null && (options.context !== undefined || options.cluster === undefined)) {
    throw unknown('context', contextName, config.getContexts());
  }
  const clusterName = options.cluster ?? context?.cluster ?? '';
  const cluster = config.getCluster(clusterName);
  if (cluster === null) throw unknown('cluster', clusterName, config.getClusters());
  const userName = options.user ?? context?.user ?? '';
  const user = userName === '' ? { name: '' } : config.getUser(userName);
  if (user === null) throw unknown('user', userName, config.getUsers());
  const place = context === null ? `cluster ${cluster.name}` : `context ${contextName}`;
  const login = userName === '' ? 'nobody' : `user ${userName} of ${files.join(', ')}`;
  return { cluster, user, place, login };
}

/** One cluster and one user, with what client-node leaves out filled in. */
function finish({ cluster, user, place, login }: Found, loaded: Loaded | undefined, options: ChooseOptions): Chosen {
  const rawUser = loaded?.raw.users.get(user.name);
  const rawCluster = loaded?.raw.clusters.get(cluster.name)?.entry;
  const server = serverOf(cluster, user);
  if (cluster.skipTLSVerify && (cluster.caData || cluster.caFile)) {
    throw kubeconfigInvalid(
      `cluster ${cluster.name}`,
      'it has a CA, and insecure-skip-tls-verify: that contradicts itself',
    );
  }
  const proxyUrl = chooseProxy(server, cluster.proxyUrl, options.host.env);
  const reached: Cluster = { ...cluster, server: server.href, ...(proxyUrl === undefined ? {} : { proxyUrl }) };
  const source = loginSource(user, rawUser, cluster, rawCluster, options.host);
  const { impersonateUser, exec, authProvider, token, ...rest } = user;
  const groups = options.asGroups?.length ? options.asGroups : listAt(rawUser?.entry, 'as-groups').map(String);
  const impersonate = impersonationHeaders(options.as || impersonateUser, groups, rawUser?.entry ?? {});
  if (impersonate === undefined) {
    throw new PaletteKeysError('USAGE', 'a group can only be acted as together with a user', { hint: 'add --as USER' });
  }
  return {
    ...{ cluster: reached, server, source, impersonate, login, location: `${place} (${cluster.server})` },
    user: source === undefined && token ? { ...rest, token } : rest,
  };
}

/** As for kubectl, an address without a scheme is HTTPS if there is anything about TLS. */
function serverOf({ name, server, caData, caFile, skipTLSVerify }: Cluster, { certData, certFile }: User): URL {
  const secure = [caData, caFile, certData, certFile].some(Boolean) || skipTLSVerify;
  const url = URL.parse(/^[a-z]+:\//i.test(server) ? server : `${secure ? 'https' : 'http'}://${server}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw kubeconfigInvalid(`cluster ${name}`, 'its server is not an http or https address (without a password)');
  }
  return url;
}

function whyNone({ config, files, searched }: Loaded): string {
  if (files.length > 0) {
    const names = config.getContexts().map(({ name }) => name);
    return `${files.join(', ')} has no current context; there ${names.length === 0 ? 'are none' : `are: ${names.join(', ')}`}`;
  }
  return searched.length === 0 ? 'HOME is not set' : `looked for ${searched.join(', ')}`;
}

function unknown(what: string, name: string, there: readonly { readonly name: string }[]): PaletteKeysError {
  const names = there.map((entry) => entry.name).join(', ');
  return new PaletteKeysError('NO_STORE', `the kubeconfig has no ${what} ${name}`, {
    hint: names === '' ? 'name a folder with --dir PATH, or another --kubeconfig' : `there are: ${names}`,
  });
}
