import { existsSync } from 'node:fs';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { PaletteKeysError } from '../../../errors.ts';
import type { LoginFlags } from '../options.ts';
import { noStore } from './errors.ts';
import { type Loaded, loadKubeconfigs, type UserExtras } from './kubeconfig.ts';
import { chooseProxy } from './proxy.ts';

/** The cluster that was chosen, and how to log in there. */
export interface Chosen {
  readonly config: KubeConfig;
  readonly cluster: Cluster;
  readonly user: User;
  /** For people: `context NAME (https://…)` or `in-cluster (…)`. */
  readonly location: string;
  /** For people: where the login comes from. */
  readonly login: string;
  readonly impersonate: Readonly<Record<string, string | readonly string[]>>;
}

export interface ChooseOptions extends LoginFlags {
  readonly env: NodeJS.ProcessEnv;
  readonly interactive: boolean;
  /** Where Pods find their service account; for tests. */
  readonly podRoot: string;
}

const CONTEXT = 'palette-keys';

/** The cluster that flags and kubeconfigs name; where there is no kubeconfig, the one that this process runs in. */
export function chooseCluster(options: ChooseOptions): Chosen {
  const loaded = loadKubeconfigs(options.kubeconfig, options.env);
  const named = options.context ?? options.cluster ?? loaded.config.getCurrentContext();
  if (!named && loaded.config.getContexts().length === 0 && options.kubeconfig === undefined && isPod(options)) {
    return finish(inCluster(options.podRoot), new Map(), 'in-cluster', 'the service account of this Pod', options);
  }
  if (!named) throw noStore(whyNone(loaded));
  const contextName = options.context ?? loaded.config.getCurrentContext();
  const context = loaded.config.getContextObject(contextName);
  if (context === null && (options.context !== undefined || options.cluster === undefined)) {
    throw unknown('context', contextName, loaded.config.getContexts());
  }
  const cluster = loaded.config.getCluster(options.cluster ?? context?.cluster ?? '');
  if (cluster === null)
    throw unknown('cluster', options.cluster ?? context?.cluster ?? '', loaded.config.getClusters());
  const userName = options.user ?? context?.user ?? '';
  const user = userName === '' ? { name: '' } : loaded.config.getUser(userName);
  if (user === null) throw unknown('user', userName, loaded.config.getUsers());
  const place = context === null ? `cluster ${cluster.name}` : `context ${contextName}`;
  const login = userName === '' ? 'nobody' : `user ${userName} of ${loaded.files.join(', ')}`;
  return finish({ cluster, user }, loaded.extras, place, login, options);
}

/** One cluster and one user, with what KubeConfig leaves out filled in. */
function finish(
  { cluster, user }: { readonly cluster: Cluster; readonly user: User },
  extras: ReadonlyMap<string, UserExtras>,
  place: string,
  login: string,
  options: ChooseOptions,
): Chosen {
  const { tokenFile, groups = [] } = extras.get(user.name) ?? { tokenFile: undefined };
  const proxyUrl = chooseProxy(new URL(cluster.server), cluster.proxyUrl, options.env);
  const reached: Cluster = { ...cluster, ...(proxyUrl === undefined ? {} : { proxyUrl }) };
  const { impersonateUser, ...rest } = user;
  const login_: User = {
    ...rest,
    ...(tokenFile === undefined
      ? {}
      : { authProvider: { name: 'tokenFile', config: { tokenFile } }, token: undefined }),
    ...(user.exec === undefined || user.exec === null
      ? {}
      : { exec: withExecInfo(user.exec, reached, options.interactive) }),
  } as User;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [reached],
    users: [login_],
    contexts: [{ name: CONTEXT, cluster: reached.name, user: login_.name }],
    currentContext: CONTEXT,
  });
  const impersonate = impersonation(
    options.as ?? impersonateUser,
    options.asGroups?.length ? options.asGroups : groups,
  );
  return { config, cluster: reached, user: login_, location: `${place} (${cluster.server})`, login, impersonate };
}

/** The headers that ask to be taken for somebody else (`--as`, `--as-group`). */
function impersonation(user: string | undefined, groups: readonly string[]): Chosen['impersonate'] {
  if (user) return { 'Impersonate-User': user, ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups }) };
  if (groups.length === 0) return {};
  throw new PaletteKeysError('USAGE', 'a group can only be acted as together with a user', { hint: 'add --as USER' });
}

/** Login plugins are told by KUBERNETES_EXEC_INFO which version they are asked in, and whether they may ask questions. */
function withExecInfo(
  exec: NonNullable<User['exec']>,
  cluster: Cluster,
  interactive: boolean,
): NonNullable<User['exec']> {
  const { server, caData, skipTLSVerify, tlsServerName, proxyUrl } = cluster;
  const about = {
    server,
    'certificate-authority-data': caData,
    'insecure-skip-tls-verify': skipTLSVerify,
    'tls-server-name': tlsServerName,
    'proxy-url': proxyUrl,
  };
  const spec = { interactive, ...(exec.provideClusterInfo === true ? { cluster: about } : {}) };
  const info = JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec });
  return { ...exec, env: [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: info }] };
}

function isPod({ env, podRoot }: ChooseOptions): boolean {
  return (
    Boolean(env['KUBERNETES_SERVICE_HOST']) &&
    existsSync(`${podRoot}/var/run/secrets/kubernetes.io/serviceaccount/token`)
  );
}

function inCluster(podRoot: string): { readonly cluster: Cluster; readonly user: User } {
  const config = new KubeConfig();
  config.loadFromCluster(podRoot);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (cluster === null || user === null) throw noStore('the service account of this Pod cannot be read');
  return { cluster, user };
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
