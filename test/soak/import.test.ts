/** As test/cluster-program/import.test.ts, killed at every request, before and after the server has acted. */
await import('../cluster-program/import.test.ts');
