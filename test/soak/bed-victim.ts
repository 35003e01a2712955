// Run by bed.test.ts as a process of its own: starts a cluster, says what belongs to it, and waits to be killed.
import { startCluster } from '../support/cluster.ts';

const { pids, folder } = await startCluster();
process.stdout.write(JSON.stringify({ pids, folder }));
setInterval(() => undefined, 60_000);
