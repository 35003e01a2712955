import { availableParallelism } from 'node:os';
import { systemActor } from './adapters/system/actor.ts';
import { watchSignals } from './adapters/system/signals.ts';
import { systemTerminal } from './adapters/system/terminal.ts';
import { systemTextFiles } from './adapters/system/text-files.ts';
import type { CliPorts, GlobalOptions } from './cli/ports.ts';
import { runCli } from './cli/program.ts';
import { systemRandom } from './crypto/random.ts';
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
      clock: { now: () => new Date() },
      random: systemRandom,
      files: systemTextFiles,
      loadBackupPorts,
      actor: systemActor(process.env),
      version: __VERSION__,
      releaseDate: new Date(__RELEASE_DATE__),
      signal,
      processors: availableParallelism(),
      openStore,
      ...overrides,
    });
  } finally {
    stop();
  }
}

async function loadBackupPorts() {
  const { ageSealer } = await import('./adapters/age/sealer.ts');
  const { systemBackupFiles } = await import('./adapters/system/backup-files.ts');
  return { sealer: ageSealer, files: systemBackupFiles };
}

async function openStore({ dir }: GlobalOptions): Promise<KeyStore> {
  if (dir === undefined) {
    throw new PaletteKeysError('NO_STORE', 'no cluster is in reach, and no folder was named', {
      hint: 'name a folder with --dir PATH',
    });
  }
  const { openDirectoryStore } = await import('./adapters/directory/directory-store.ts');
  return openDirectoryStore(dir);
}
