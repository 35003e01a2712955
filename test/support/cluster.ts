/** A Kubernetes API server for tests: etcd, kube-apiserver and, if asked for, controllers and nodes. No containers. */
import { join } from 'node:path';
import { callApi } from './cluster/api.ts';
import { type ApiServer, apiServerStart, type Files, filesIn, writeFiles, writeSecret } from './cluster/api-server.ts';
import { type Assets, findAssets } from './cluster/assets.ts';
import { type AuditEvent, type AuditRule, readAuditLog } from './cluster/audit.ts';
import { makeServerCertificate } from './cluster/certificate.ts';
import { startControllerManager } from './cluster/controller-manager.ts';
import { type EtcdEntry, readEtcd, startEtcd } from './cluster/etcd.ts';
import { type Output, runKubectl } from './cluster/kubectl.ts';
import { startNodes } from './cluster/nodes.ts';
import { type Child, openWorkshop, type Workshop } from './cluster/processes.ts';
import { startOn, startServer } from './cluster/start-server.ts';
import { ADMIN, formatKubeconfig, type Tokens, type User, writeTokens } from './cluster/users.ts';

export { type Assets, findAssets, findAssetsOrSkip } from './cluster/assets.ts';
export type { AuditEvent, AuditRule } from './cluster/audit.ts';
export type { EtcdEntry } from './cluster/etcd.ts';
export type { Output } from './cluster/kubectl.ts';
export type { User } from './cluster/users.ts';

export interface ClusterOptions {
  /** Besides `admin`, who may do everything. They may do nothing until the test gives them a role. */
  readonly users?: readonly User[] | undefined;
  readonly controllerManager?: boolean | undefined;
  /** Names of nodes that KWOK plays. */
  readonly nodes?: readonly string[] | undefined;
  /** An EncryptionConfiguration (YAML or JSON); without one Secrets lie in etcd in the clear. */
  readonly encryptionConfig?: string | undefined;
  /** `true` records the metadata of every request; rules come before that. */
  readonly audit?: boolean | readonly AuditRule[] | undefined;
  /** Further flags for kube-apiserver. */
  readonly apiServerArgs?: readonly string[] | undefined;
  /** Found by findAssets() unless given. */
  readonly assets?: Assets | undefined;
  /** For each server to become ready; a minute and a half unless given. */
  readonly timeoutMs?: number | undefined;
}

export interface KubeconfigOptions {
  /** Another address for the API server, such as a fault proxy's, with the CA that vouches for it. */
  readonly server?: { readonly url: string; readonly caPem: string } | undefined;
  /** The context's namespace; `default` unless given. */
  readonly namespace?: string | undefined;
  /** Instead of the user's own, such as a service account's. */
  readonly token?: string | undefined;
}

export interface KubectlOptions {
  /** `admin` unless given. */
  readonly user?: string | undefined;
  /** Instead of the user's own. */
  readonly kubeconfig?: string | undefined;
  readonly input?: string | undefined;
}

/** A cluster that somebody runs. */
export interface SomeCluster {
  readonly url: string;
  readonly caPem: string;
  readonly caFile: string;
  /** Removed in the end; for whatever a test wants to keep beside the cluster. */
  readonly folder: string;
  readonly assets: Assets;
  token(user?: string): string;
  /** Writes a kubeconfig with the user's token (0600) and returns its path. */
  kubeconfig(user?: string, options?: KubeconfigOptions): Promise<string>;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<Output>;
  /** What lies in etcd under every key with that prefix, such as `/registry/secrets/default/`. */
  etcdGet(prefix: string): Promise<readonly EtcdEntry[]>;
}

/** A cluster of one's own. */
export interface Cluster extends SomeCluster {
  /** Of the servers that run. */
  readonly pids: readonly number[];
  /** Every request up to now; needs the option `audit`. */
  auditEvents(): Promise<readonly AuditEvent[]>;
  /** The same address, the same data, another process; null turns encryption off. */
  restartApiServer(changes?: { readonly encryptionConfig?: string | null }): Promise<void>;
  /** What sharedCluster() needs to know. */
  readonly about: Whereabouts;
  stop(): Promise<void>;
}

/** All that it takes to use a cluster; can be sent to another process. */
export interface Whereabouts {
  readonly url: string;
  readonly caPem: string;
  readonly caFile: string;
  readonly folder: string;
  readonly assets: Assets;
  readonly tokens: readonly (readonly [name: string, token: string])[];
  readonly etcdUrl: string;
}

/** Starts a cluster; on failure nothing of it is left, and the error holds the end of the log. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const assets = options.assets ?? findAssets();
  if (assets === undefined) throw new Error('no kube-apiserver, etcd and kubectl: run `npm run test:setup`');
  const workshop = await openWorkshop();
  try {
    return await startIn(workshop, assets, options);
  } catch (error) {
    await workshop.close();
    throw error;
  }
}

async function startIn(workshop: Workshop, assets: Assets, options: ClusterOptions): Promise<Cluster> {
  const files = filesIn(workshop.folder);
  const certificate = await makeServerCertificate();
  const audit = options.audit === true ? [] : options.audit;
  await writeFiles(files, certificate, audit || []);
  if (options.encryptionConfig !== undefined) await writeSecret(files.encryption, options.encryptionConfig);
  const tokens = await writeTokens(files.tokens, options.users ?? []);
  const timeoutMs = options.timeoutMs ?? 90_000;
  const server: ApiServer = {
    file: assets.kubeApiserver,
    folder: workshop.folder,
    files,
    etcdUrl: await startEtcd(workshop, assets.etcd, timeoutMs),
    caPem: certificate.caPem,
    adminToken: tokenOf(tokens, ADMIN),
    encrypted: options.encryptionConfig !== undefined,
    audited: Boolean(audit),
    extraArgs: options.apiServerArgs ?? [],
    timeoutMs,
  };
  const running = await startServer(workshop, apiServerStart(server));
  const parts: Parts = { workshop, assets, files, tokens, server, port: running.ports[0] ?? 0, child: running.child };
  const cluster = makeCluster(parts);
  if (options.controllerManager) await addControllers(cluster, parts);
  if (options.nodes !== undefined) await addNodes(cluster, parts, options.nodes);
  return cluster;
}

interface Parts {
  readonly workshop: Workshop;
  readonly assets: Assets;
  readonly files: Files;
  readonly tokens: Tokens;
  readonly port: number;
  /** Both change when the API server is restarted. */
  server: ApiServer;
  child: Child;
}

function makeCluster(parts: Parts): Cluster {
  const { workshop, assets, files, tokens, server } = parts;
  const { caPem, etcdUrl, adminToken } = server;
  const url = `https://127.0.0.1:${parts.port}`;
  const { folder } = workshop;
  const about: Whereabouts = { url, caPem, caFile: files.ca, folder, assets, tokens: [...tokens], etcdUrl };
  return {
    ...clusterAt(about),
    about,
    get pids() {
      return workshop.pids();
    },
    auditEvents: () => {
      if (!server.audited) throw new Error('start the cluster with the option audit');
      return readAuditLog(files.auditLog, (path) => callApi(`${url}${path}`, caPem, { token: adminToken }));
    },
    restartApiServer: (changes = {}) => restart(parts, changes.encryptionConfig),
    stop: () => workshop.close(),
  };
}

/** A cluster that runs already, perhaps in another process. */
export function clusterAt({ url, caPem, caFile, folder, assets, tokens: entries, etcdUrl }: Whereabouts): SomeCluster {
  const tokens = new Map(entries);
  let kubeconfigs = 0;
  const kubeconfig = async (user = ADMIN, { server, namespace, token }: KubeconfigOptions = {}): Promise<string> => {
    kubeconfigs += 1;
    const path = join(folder, `kubeconfig-${process.pid}-${kubeconfigs}`);
    const login = { server: server?.url ?? url, caPem: server?.caPem ?? caPem, user, namespace };
    await writeSecret(path, formatKubeconfig({ ...login, token: token ?? tokenOf(tokens, user) }));
    return path;
  };
  return {
    ...{ url, caPem, caFile, folder, assets, kubeconfig },
    token: (user = ADMIN) => tokenOf(tokens, user),
    kubectl: async (args, { user, kubeconfig: given, input } = {}) => {
      const login = given ?? (await kubeconfig(user));
      return runKubectl({ kubectl: assets.kubectl, home: folder, kubeconfig: login, args, input });
    },
    etcdGet: (prefix) => readEtcd(etcdUrl, prefix),
  };
}

async function restart(parts: Parts, encryptionConfig: string | null | undefined): Promise<void> {
  const { workshop, files, port } = parts;
  await parts.child.kill();
  if (encryptionConfig) await writeSecret(files.encryption, encryptionConfig);
  if (encryptionConfig !== undefined) parts.server = { ...parts.server, encrypted: encryptionConfig !== null };
  const child = await startOn(workshop, apiServerStart(parts.server), [port]);
  if (child === undefined) throw new Error(`another process took port ${port} while kube-apiserver was restarted`);
  parts.child = child;
}

async function addControllers(cluster: Cluster, { workshop, files, server }: Parts): Promise<void> {
  const file = cluster.assets.kubeControllerManager;
  if (file === undefined) throw new Error('no kube-controller-manager: run `npm run test:setup`');
  const { url, caPem } = cluster;
  const { adminToken, timeoutMs } = server;
  const kubeconfig = await cluster.kubeconfig();
  await startControllerManager(workshop, { file, files, kubeconfig, url, caPem, adminToken, timeoutMs });
}

async function addNodes(cluster: Cluster, { workshop, server }: Parts, names: readonly string[]): Promise<void> {
  const file = cluster.assets.kwok;
  if (file === undefined) throw new Error('no kwok: run `npm run test:setup`');
  const { url, caPem } = cluster;
  const { adminToken, timeoutMs } = server;
  const kubeconfig = await cluster.kubeconfig();
  await startNodes(workshop, { file, kubeconfig, url, caPem, adminToken, names, timeoutMs });
}

function tokenOf(tokens: Tokens, user: string): string {
  const token = tokens.get(user);
  if (token === undefined) throw new Error(`the cluster has no user ${user}; it has ${[...tokens.keys()].join(', ')}`);
  return token;
}
