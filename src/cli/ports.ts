import type { BackupPorts } from '../apply/backup.ts';
import type { Actor } from '../apply/ports.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { Random } from '../ports/random.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import type { Terminal } from '../ports/terminal.ts';
import type { TextFiles } from '../ports/text-files.ts';

/** Flags of every command. */
export interface GlobalOptions {
  readonly dir?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  /** Seconds, or with a unit; `0` is none. */
  readonly requestTimeout?: string;
  readonly config?: string;
  readonly namespace?: string;
  readonly output: OutputFormat;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export interface InitOptions extends GlobalOptions {
  readonly adopt: boolean;
  readonly restore: boolean;
  readonly printConfig: boolean;
  readonly printRbac: boolean;
  readonly createNamespaces: boolean;
  readonly escrow?: readonly string[];
  readonly escrowFile?: string;
}

export interface StatusOptions extends GlobalOptions {
  readonly failOn: 'error' | 'warning';
}

/** How a backup is encrypted. */
export interface BackupOptions extends GlobalOptions {
  readonly out: string;
  readonly recipient: readonly string[];
  readonly recipientsFile?: string;
  readonly passphraseFile?: string;
}

export interface RestoreOptions extends GlobalOptions {
  readonly file: string;
  readonly identity?: string;
  readonly passphraseFile?: string;
  readonly verify: boolean;
}

export interface TenantOptions extends GlobalOptions {
  readonly ids: readonly string[];
  readonly mongodbUri?: string;
  readonly mongodbUriFile?: string;
  readonly from?: string;
  /** False for --no-backup, undefined or true where it was not said. */
  readonly backup?: string | boolean;
  readonly shard?: string;
}

export type OutputFormat = 'table' | 'json' | 'yaml' | 'prometheus';

/** Where tenant keys are, and how one gets there. */
export interface TenantDatabase {
  readonly uri: string;
  readonly login: { readonly username: string; readonly password: string };
  readonly ca: string;
  readonly database: string;
  readonly collection: string;
}

/** Everything from outside that the commands use; made by main, and by the tests. */
export interface CliPorts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: TextFiles;
  /** Loaded when a backup is made or read. */
  loadBackupPorts(): Promise<BackupPorts>;
  readonly actor: Pick<Actor, 'user' | 'host'>;
  readonly version: string;
  /** When this release was made; no honest clock shows an earlier time. */
  readonly releaseDate: Date;
  /** Aborted by SIGINT or SIGTERM, with the error to end with as its reason. */
  readonly signal: AbortSignal;
  /** Processors of this machine. */
  readonly processors: number;
  /** Connects to the database of the tenant keys. */
  openTenantStore(database: TenantDatabase, options: GlobalOptions): Promise<TenantStore>;
  /**
   * Opens the store that the flags name. Throws NO_STORE. `ledgerNamespace` tells, as soon as a lock is taken on a
   * cluster, where that has to be.
   */
  openStore(options: GlobalOptions, ledgerNamespace: () => string | undefined): Promise<KeyStore>;
}
