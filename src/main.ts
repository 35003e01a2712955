import { availableParallelism } from 'node:os';
import { systemActor } from './adapters/system/actor.ts';
import { systemRandom } from './adapters/system/random.ts';
import { watchSignals } from './adapters/system/signals.ts';
import { systemTerminal } from './adapters/system/terminal.ts';
import { textFiles } from './adapters/system/text-files.ts';
import type { CliPorts, GlobalOptions } from './cli/ports.ts';
import { runCli } from './cli/program.ts';
import { type ExitCode, PaletteKeysError } from './errors.ts';
import type { KeyStore } from './ports/key-store.ts';

declare const __VERSION__: string;
declare const __RELEASE_DATE__: string;

/** Runs one command line with what the system offers, and returns the exit code. `overrides` is for the tests. */
export async function run(argv: readonly string[], overrides: Partial<CliPorts> = {}): Promise<ExitCode> {
  const { signal, stop } = watchSignals();
  try {
    return await runCli(argv, {
      terminal: systemTerminal(argv, process.env),
      argv,
      clock: { now: () => new Date() },
      random: systemRandom,
      files: textFiles(signal),
      loadBackupPorts: () => loadBackupPorts(signal),
      loadTlsProbe: async () => (await import('./adapters/tls-probe/tls-probe.ts')).tlsProbe,
      pause: (ms) => pause(ms, signal),
      actor: systemActor(process.env),
      version: __VERSION__,
      releaseDate: new Date(__RELEASE_DATE__),
      signal,
      processors: availableParallelism(),
      checkConnections: async (uri, adminUri) => {
        if (uri === undefined && adminUri === undefined) return;
        const { checkAdminConnection, checkConnection } = await import('./adapters/mongodb/connect.ts');
        if (uri !== undefined) checkConnection(uri);
        if (adminUri !== undefined) checkAdminConnection(adminUri);
      },
      openTenantStore: async (database, { requestTimeout }) => {
        const { openMongodbTenantStore } = await import('./adapters/mongodb/tenant-store.ts');
        await limitHeapGrowth();
        return openMongodbTenantStore({ ...database, timeoutMs: timeoutOf(requestTimeout) });
      },
      openCensus: async (database, { requestTimeout }) => {
        const { openMongodbCensus } = await import('./adapters/mongodb/census.ts');
        return openMongodbCensus({ ...database, timeoutMs: timeoutOf(requestTimeout) });
      },
      openDatabaseUsers: async (place, { requestTimeout }) => {
        const { mongodbUsers } = await import('./adapters/mongodb/users.ts');
        return mongodbUsers({ ...place, timeoutMs: timeoutOf(requestTimeout) });
      },
      openStore: (options, ledgerNamespace) => openStore(options, ledgerNamespace, signal),
      ...overrides,
    });
  } finally {
    stop();
  }
}

/** Before anything that may hold thousands of Secrets or documents is opened. */
async function limitHeapGrowth(): Promise<void> {
  const system = await import('./adapters/system/limit-heap-growth.ts');
  system.limitHeapGrowth();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout } = await import('node:timers/promises');
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

async function loadBackupPorts(signal: AbortSignal) {
  const { ageSealer } = await import('./adapters/age/sealer.ts');
  const { backupFiles } = await import('./adapters/system/backup-files.ts');
  return { sealer: ageSealer, files: backupFiles(signal) };
}

/** The folder of --dir, else the cluster of the kubeconfig. */
async function openStore(
  options: GlobalOptions,
  ledgerNamespace: () => string | undefined,
  signal: AbortSignal,
): Promise<KeyStore> {
  if (options.dir === '')
    throw new PaletteKeysError('USAGE', '--dir is empty', { hint: 'name a folder: --dir ./keys' });
  await limitHeapGrowth();
  if (options.dir !== undefined) {
    const { openDirectoryStore } = await import('./adapters/directory/directory-store.ts');
    return openDirectoryStore(options.dir);
  }
  const { openKubernetesStore } = await import('./adapters/kubernetes/open.ts');
  const { as, asGroup, kubeconfig, context, cluster, user, requestTimeout } = options;
  return openKubernetesStore({
    ...{ kubeconfig, context, cluster, user, as, asGroups: asGroup },
    requestTimeoutMs: timeoutOf(requestTimeout),
    ledgerNamespace: () => ledgerNamespace() ?? 'palette-keys-system',
    env: process.env,
    signal,
    actor: { host: systemActor(process.env).host },
    version: __VERSION__,
    onWarning: (message) => process.stderr.write(`palette-keys: warning: ${message}\n`),
  });
}

function timeoutOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseTimeout(text);
}

/** `30s`, `2m`, `500ms`, or seconds without a unit, as kubectl takes them; 0 is no limit. In milliseconds. */
function parseTimeout(text: string): number {
  const [, count, unit = 's'] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? [];
  if (count === undefined) {
    throw new PaletteKeysError('USAGE', `--request-timeout ${text} is not a time`, { hint: 'write 30s, 2m or 0' });
  }
  return Number(count) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h'];
}
