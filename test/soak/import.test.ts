/** As test/scenarios/cluster/import.test.ts, killed at every request, before and after the server has acted. */
await import('../scenarios/cluster/import.test.ts');
