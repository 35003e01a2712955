// Covers: src/adapters/kubernetes/kubernetes-store.ts

import { afterAll, beforeAll, describe } from 'vitest';
import { type Cluster, findAssetsOrSkip, startCluster } from '../../support/cluster.ts';
import { keyStoreContract } from '../../support/key-store-contract.ts';
import { open, START_MS } from './bed.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('on a real API server', { timeout: START_MS }, () => {
  let cluster: Cluster;
  let kubeconfig: string;
  let count = 0;

  beforeAll(async () => {
    cluster = await startCluster();
    kubeconfig = await cluster.kubeconfig();
  }, START_MS);

  afterAll(() => cluster?.stop());

  keyStoreContract('the Kubernetes store', async () => {
    count += 1;
    const here = `contract-${count}`;
    const elsewhere = `elsewhere-${count}`;
    const options = { kubeconfig, ledgerNamespace: () => here, ledgerHints: [here, elsewhere] };
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(options)));
    const [store, ...others] = stores;
    if (store === undefined) throw new Error('no store');
    let next = 0;
    return { store, again: () => others[next++ % others.length] ?? store, namespaces: [here, elsewhere] };
  });
});
