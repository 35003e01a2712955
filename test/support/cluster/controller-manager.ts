import { callApi } from './api.ts';
import type { Files } from './api-server.ts';
import type { Workshop } from './processes.ts';
import { startServer } from './start-server.ts';

export interface ControllerManager {
  readonly file: string;
  readonly files: Files;
  readonly kubeconfig: string;
  readonly url: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly timeoutMs: number;
}

/**
 * The controllers: namespaces are emptied and removed, Jobs make Pods (which stay Pending until one binds them to a node),
 * every namespace gets its `default` service account. It serves nothing, so that it needs no port; it is up when the
 * namespace `default` has its service account.
 */
export async function startControllerManager(workshop: Workshop, manager: ControllerManager): Promise<void> {
  const { file, files, kubeconfig, timeoutMs } = manager;
  const args = () => [
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${files.ca}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    '--leader-elect=false',
    '--secure-port=0',
  ];
  const isReady = () => hasDefaultServiceAccount(manager);
  await startServer(workshop, { name: 'kube-controller-manager', file, ports: 0, args, isReady, timeoutMs });
}

async function hasDefaultServiceAccount({ url, caPem, adminToken }: ControllerManager): Promise<boolean> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  return (await callApi(`${url}${path}`, caPem, { token: adminToken })).status === 200;
}
