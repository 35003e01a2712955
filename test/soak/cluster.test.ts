/** As test/scenarios/cluster/first-runs.test.ts, with every fault at every request and crowds of twenty. */
await import('../scenarios/cluster/first-runs.test.ts');
