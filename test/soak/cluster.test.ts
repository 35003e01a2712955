/** As test/cluster-program/first-runs.test.ts, with every fault at every request and crowds of twenty. */
await import('../cluster-program/first-runs.test.ts');
