import { defineConfig } from 'vitest/config';
import { defines } from './scripts/build.mjs';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

// SOAK=1 (`npm run test:soak`) runs test/soak/ alone, what takes long by its nature, for as long as SOAK_SECONDS says.
const soaking = process.env['SOAK'] === '1';

// LONG=1 (`npm run test:long`) runs these alone: every fault at every write, whole clusters, other people's programs.
const long = process.env['LONG'] === '1';
const LONG = [
  'test/adapters/directory/{contention,failures}.test.ts',
  'test/adapters/kubernetes/{directory,faults,network,objects}.test.ts',
  'test/adapters/kubernetes/{connect/login,lease/lock}.test.ts',
  'test/backup/{concurrency,escrow,faults,interrupted-imports,lives,restore,self-check}.test.ts',
  'test/certificate/import/{damaged,limbo,read-containers}.test.ts',
  'test/docs/{cluster-runbooks,mongodb-auth-runbook,runbooks}.test.ts',
  'test/reconcile/{adoption,concurrency,faults,first-init-faults,model}.test.ts',
  'test/reconcile/audit/anchor.test.ts',
  'test/reconcile/clock/guard.test.ts',
  'test/rotation/{cluster,command,compromise,destroy-folder,faults,hash-salt-census,keyfile-members,killed-some,model,mongodb-auth,rehearsal/rehearse,roads,root-key-tenants,word}.test.ts',
  'test/scenarios/cluster/**/*.test.ts',
  'test/scenarios/program/{backup,backup-canary,backup-terminal,bad-input,concurrency,csr-life,damage,earlier-builds,import-canary,import-formats,import-served,import-store,init-tenants,new-rules,passphrase-file,restore,rotate-hash-salt,rotate-mongodb-{auth,tls},rotate-root-key,rotate-terminal,spec-change,tenants,user-files}.test.ts',
  'test/templates/templates.test.ts',
  'test/tenants/tripwire.test.ts',
];
const SOAK = ['test/soak/**/*.test.ts'];
const included = (): string[] => {
  if (soaking) return SOAK;
  return long ? LONG : ['test/**/*.test.ts'];
};
const minute = 60_000;

export default defineConfig({
  define: await defines(),
  test: {
    include: included(),
    exclude: soaking || long ? [] : [...SOAK, ...LONG],
    // The commands are tested as the real program, so dist/ has to be that of src/.
    setupFiles: ['test/support/properties.setup.ts'],
    globalSetup: ['scripts/build.mjs', 'test/support/cluster/shared.ts'],
    pool: 'forks',
    maxWorkers: 2, // vitest would leave one of two processors idle
    testTimeout: soaking ? 120 * minute : minute,
    hookTimeout: soaking ? 10 * minute : minute,
    // There other tenants of the machine take its time away; what is wrong fails twice.
    retry: process.env['CI'] === 'true' && !soaking ? 1 : 0,
    reporters: ['default', new ClosingLineReporter()],
    sequence: { hooks: 'stack' },
  },
});
