import type { BackupPorts } from '../backup/backup.ts';
import type { Census } from '../ports/census.ts';
import type { Clock } from '../ports/clock.ts';
import type { DatabaseUsers } from '../ports/database-users.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { Random } from '../ports/random.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import type { Terminal } from '../ports/terminal.ts';
import type { TextFiles } from '../ports/text-files.ts';
import type { TlsProbe } from '../ports/tls-probe.ts';
import type { Actor } from '../reconcile/ports.ts';

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
  /** RFC 3339: the clock is right, whatever speaks against it. */
  readonly acceptClock?: string;
  readonly output: OutputFormat;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export interface InitOptions extends DatabaseOptions {
  readonly adopt: boolean;
  readonly restore: boolean;
  readonly printConfig: boolean;
  readonly printRbac: boolean;
  readonly createNamespaces: boolean;
  readonly escrow?: readonly string[];
  readonly escrowFile?: string;
}

export interface StatusOptions extends DatabaseOptions {
  readonly failOn: 'error' | 'warning';
}

export interface BackupOptions extends GlobalOptions {
  readonly out: string;
  readonly recipient: readonly string[];
  readonly recipientsFile?: string;
  readonly passphraseFile?: string;
}

export interface RestoreOptions extends DatabaseOptions {
  readonly file: string;
  readonly identity?: string;
  readonly passphraseFile?: string;
  readonly verify: boolean;
  readonly expect?: string;
  /** False with `--no-tenant-store`. */
  readonly tenantStore: boolean;
}

export interface ImportOptions extends GlobalOptions {
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  readonly pfx?: readonly string[];
  readonly chain?: readonly string[];
  readonly ca?: readonly string[];
  readonly trustRoot?: readonly string[];
  readonly systemRoots: boolean;
  readonly passphraseFile?: string;
  readonly fqdn?: readonly string[];
  readonly previousFqdn?: readonly string[];
  readonly verifyOnly: boolean;
  readonly allow?: readonly string[];
  readonly probe?: string;
  readonly probeTimeout?: string;
  readonly rollbackOnFailure: boolean;
}

export interface CsrOptions extends GlobalOptions {
  readonly fqdn?: readonly string[];
  readonly previousFqdn?: readonly string[];
  readonly wildcard: boolean;
  readonly keyType: string;
  readonly out?: string;
}

/** How the database of tenant keys is reached, where not as the spec says. */
export interface DatabaseOptions extends GlobalOptions {
  readonly mongodbUri?: string;
  readonly mongodbUriFile?: string;
}

export interface RotateOptions extends DatabaseOptions {
  readonly mongodbAdminUriFile?: string;
  readonly kind: string | undefined;
  readonly plan: boolean;
  readonly explain: boolean;
  readonly wait: boolean;
  readonly due: boolean;
  readonly again: boolean;
  readonly compromised: boolean;
  readonly rollback: boolean;
  readonly reinstate?: string;
  readonly retire?: string;
  readonly destroy?: string;
  readonly restart: boolean;
  /** The generation of the record, as it was typed; true where the flag came without one. */
  readonly assumeConsumersCurrent?: string | true;
  readonly ignorePod: readonly string[];
  readonly probe: readonly string[];
  readonly service?: readonly string[];
  /** False with `--no-tenant-store`. */
  readonly tenantStore: boolean;
  readonly acceptResets?: string;
}

export interface TenantOptions extends DatabaseOptions {
  readonly ids: readonly string[];
  readonly from?: string;
  /** False for --no-backup, undefined or true where it was not said. */
  readonly backup?: string | boolean;
  readonly shard?: string;
}

export type OutputFormat = 'table' | 'json' | 'yaml' | 'prometheus';

/** A collection in the platform's database, and how one gets there. */
export interface TenantDatabase {
  readonly uri: string;
  /** Undefined where the connection string has to have all that it takes. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** The database on which services log in; undefined: as the driver finds it. */
  readonly authSource: string | undefined;
  /** Where that is undefined: the connection string of services, whose DNS record may name the database. */
  readonly srvUri: string | undefined;
  readonly ca: string | undefined;
  /** How long everything that is done with it may take, in milliseconds, where a look has to be short. */
  readonly withinMs?: number;
  readonly database: string;
  readonly collection: string;
}

/** Where the users of the database are, and who manages them. */
export interface UsersPlace extends Omit<TenantDatabase, 'login' | 'ca' | 'withinMs'> {
  /** PEM. */
  readonly ca: string;
  readonly adminUri: string | undefined;
}

/** Everything from outside that the commands use; made by main, and by the tests. */
export interface CliPorts {
  readonly terminal: Terminal;
  /** The command line of this run, for hints that repeat it. */
  readonly argv: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly files: TextFiles;
  /** Loaded when a backup is made or read. */
  loadBackupPorts(): Promise<BackupPorts>;
  /** Loaded when a server is asked what it serves. */
  loadTlsProbe(): Promise<TlsProbe>;
  /** Waits, in milliseconds; rejects with the signal's reason as soon as the run is interrupted. */
  pause(ms: number): Promise<void>;
  readonly actor: Pick<Actor, 'user' | 'host'>;
  readonly version: string;
  /** When this release was made; no honest clock shows an earlier time. */
  readonly releaseDate: Date;
  /** Aborted by SIGINT or SIGTERM, with the error to end with as its reason. */
  readonly signal: AbortSignal;
  readonly processors: number;
  /** Checks connection strings before anything is written; undefined for what no flag gives. Throws USAGE. */
  checkConnections(uri: string | undefined, adminUri: string | undefined): Promise<void>;
  openTenantStore(database: TenantDatabase, options: GlobalOptions): Promise<TenantStore>;
  openCensus(database: TenantDatabase, options: GlobalOptions): Promise<Census>;
  /** Loaded when users of the database are asked about. */
  openDatabaseUsers(place: UsersPlace, options: GlobalOptions): Promise<DatabaseUsers>;
  /** Throws NO_STORE. `ledgerNamespace` is asked when a lock is taken on a cluster. */
  openStore(options: GlobalOptions, ledgerNamespace: () => string | undefined, use?: StoreUse): Promise<KeyStore>;
}

/**
 * For the look at the clock: dates something, migrates the record too, only reads, or reports what is wrong with it.
 */
export type StoreUse = 'dates' | 'migrates' | 'reads' | 'reports';
