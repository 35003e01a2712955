import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { type Cluster, findAssetsOrSkip, startCluster } from '../../support/cluster.ts';
import { newPath, run } from '../../support/program.ts';
import { open, START_MS } from './bed.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('a directory that kubectl took over', { timeout: START_MS }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
  }, START_MS);

  afterAll(() => cluster?.stop());

  test('holds the same objects on the cluster', async () => {
    const folder = newPath();
    expect(await run(['init', '--dir', folder, '-q'], { timeout: 120_000 })).toMatchObject({ code: 0 });
    expect(await cluster.kubectl(['create', '-R', '-f', folder])).toMatchObject({ code: 0, stderr: '' });
    const there = await open({ kubeconfig: await cluster.kubeconfig() });
    const here = openDirectoryStore(folder);
    const { stdout } = await cluster.kubectl(['get', 'namespaces', '-o', 'jsonpath={.items[*].metadata.name}']);
    let compared = 0;
    for (const namespace of stdout.split(' ')) {
      const mine = await here.list(namespace);
      const theirs = await there.list(namespace);
      expect(theirs.map(({ version: _, ...object }) => object)).toEqual(
        mine.map(({ version: _, ...object }) => object),
      );
      compared += mine.length;
    }
    expect(compared).toBeGreaterThan(30);
    expect(await there.missingNamespaces(stdout.split(' '))).toEqual([]);
  });
});
