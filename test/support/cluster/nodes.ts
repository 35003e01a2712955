import { callApi } from './api.ts';
import type { Workshop } from './processes.ts';
import { startServer } from './start-server.ts';

export interface Nodes {
  /** KWOK. */
  readonly file: string;
  readonly kubeconfig: string;
  readonly url: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly names: readonly string[];
  readonly timeoutMs: number;
}

/** A node with another label, or with none, is dead: nobody reports what its Pods do, or finishes their deletion. */
const ALIVE = { 'palette-keys.test/kubelet': 'kwok' };

/**
 * Nodes that run nothing, and report what a kubelet would: each Pod that is bound to them starts, is ready at once, and
 * is gone once it is deleted. There is no scheduler: who wants a Pod to run says on which node. Up when all are Ready.
 */
export async function startNodes(workshop: Workshop, nodes: Nodes): Promise<void> {
  const { file, kubeconfig, names, timeoutMs } = nodes;
  for (const name of names) await addNode(name, nodes);
  const [label] = Object.entries(ALIVE).map(([key, value]) => `${key}=${value}`);
  const args = () => [
    `--kubeconfig=${kubeconfig}`,
    '--config=/dev/null', // not that of the person who runs the tests
    `--manage-nodes-with-label-selector=${label}`,
    '--node-lease-duration-seconds=40', // without a lease the controllers take a node for dead after a minute
  ];
  const isReady = async () => (await Promise.all(names.map((name) => isNodeReady(name, nodes)))).every(Boolean);
  await startServer(workshop, { name: 'kwok', file, ports: 0, args, isReady, timeoutMs });
}

async function addNode(name: string, { url, caPem, adminToken }: Nodes): Promise<void> {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: ALIVE } });
  const { status, body: said } = await callApi(`${url}/api/v1/nodes`, caPem, {
    method: 'POST',
    token: adminToken,
    body,
  });
  if (status !== 201) throw new Error(`adding node ${name}: HTTP ${status} ${said}`);
}

async function isNodeReady(name: string, { url, caPem, adminToken }: Nodes): Promise<boolean> {
  const { body } = await callApi(`${url}/api/v1/nodes/${name}`, caPem, { token: adminToken });
  const { status } = JSON.parse(body) as { status?: { conditions?: readonly { type: string; status: string }[] } };
  return status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
}
