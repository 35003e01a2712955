/** The commands `backup`, `restore`, `init` and `status` on stores, files and a terminal in memory. */

import type { CliPorts } from '../../src/cli/ports.ts';
import { runCli } from '../../src/cli/program.ts';
import { sha256Hex } from '../../src/crypto/digest.ts';
import { PaletteKeysError } from '../../src/errors.ts';
import { type BackupFiles, pendingName } from '../../src/ports/backup-files.ts';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { Sealer } from '../../src/ports/sealer.ts';
import { ManualClock } from '../support/clock.ts';
import { factsOf } from '../support/installations.ts';
import { gone, type MemoryCensus } from '../support/memory-census.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { seededRandom } from '../support/random.ts';

/** What the tests that are not about encryption back up for, and open with. */
export const FOR = ['--recipient', 'age1somebody'];
export const WITH = ['--identity', 'safe.key'];

/** Where a backup port can fail; a function of `Files` is called there and may throw. */
export type FileStep = 'write' | 'check' | 'stage' | 'staged' | 'place' | 'placed';

/** Backup files in memory, with the contract of their port; `steps` says how far each `create` came. */
export class Files implements BackupFiles {
  readonly found = new Map<string, Uint8Array>();
  readonly steps: FileStep[] = [];
  #onStep: (step: FileStep) => void | Promise<void> = () => undefined;
  #disk: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  /** Called at every step of every `create`; what it throws is the failure. */
  onStep(callback: (step: FileStep) => void | Promise<void>): this {
    this.#onStep = callback;
    return this;
  }

  /** A disk that gives back something else than was written to it. */
  readingBack(disk: (bytes: Uint8Array) => Uint8Array): this {
    this.#disk = disk;
    return this;
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const bytes = this.found.get(path);
    if (bytes !== undefined) return yield Uint8Array.from(bytes);
    throw new PaletteKeysError('USAGE', `${path}: there is no such file`, { hint: 'none' });
  }

  async digest(path: string): Promise<string | undefined> {
    const bytes = this.found.get(path);
    return bytes === undefined ? undefined : sha256Hex(bytes);
  }

  async stage(path: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void> {
    await this.#step('write');
    const copy = this.#disk(Uint8Array.from(bytes));
    await this.#step('check');
    try {
      await check(Uint8Array.from(copy));
    } catch (error) {
      throw new PaletteKeysError('STORE_UNAVAILABLE', `${path}: ${error}`, { hint: 'none' });
    }
    await this.#step('stage');
    this.found.set(pendingName(path), copy);
    await this.#step('staged');
  }

  async place(path: string, sha256: string): Promise<void> {
    await this.#step('place');
    const staged = this.found.get(pendingName(path));
    if (staged === undefined || sha256Hex(staged) !== sha256) {
      throw new PaletteKeysError('CONFLICT', `${pendingName(path)} is gone`, { hint: 'none' });
    }
    if (this.found.has(path)) throw new PaletteKeysError('USAGE', `${path} is there already`, { hint: 'none' });
    this.found.set(path, staged);
    this.found.delete(pendingName(path));
    await this.#step('placed');
  }

  async #step(step: FileStep): Promise<void> {
    this.steps.push(step);
    await this.#onStep(step);
  }
}

const SEAL = 'sealed for ';

/** Encrypts nothing, which takes no time: the envelope is a line that says for whom. */
export const plainSealer: Sealer = {
  async seal(plain, to) {
    const line = `${SEAL}${to.kind === 'passphrase' ? 'a passphrase' : to.recipients.join(' ')}\n`;
    const bytes = Buffer.concat([Buffer.from(line), plain]);
    return { bytes: Uint8Array.from(bytes), reopen: async (copy) => unseal(copy) };
  },
  async open(file) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file) chunks.push(chunk);
    return { plain: unseal(Buffer.concat(chunks)), isFormer: false };
  },
};

/** The content of a file that `plainSealer` made. */
export function unseal(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes);
  if (buffer.subarray(0, SEAL.length).toString('latin1') !== SEAL) {
    throw new PaletteKeysError('BACKUP_REJECTED', 'not sealed', { hint: 'none' });
  }
  return Uint8Array.from(buffer.subarray(buffer.indexOf('\n') + 1));
}

/** A file as `backup` writes it, with this content. */
export function sealed(plain: string | Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.concat([Buffer.from(`${SEAL}a test\n`), Buffer.from(plain)]));
}

export interface BenchOptions {
  readonly files?: Files;
  readonly sealer?: Sealer;
  readonly clock?: ManualClock;
  /** Texts that the flags name; `safe.key` is always there. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Connects to the tenant keys. */
  readonly openTenantStore?: CliPorts['openTenantStore'];
  /** The users of the database. */
  readonly openDatabaseUsers?: CliPorts['openDatabaseUsers'];
  /** The records that a census counts. */
  readonly census?: MemoryCensus;
  /** What happens while a run waits; without it none may. */
  readonly pause?: CliPorts['pause'];
  /** Seed of the run's random bytes. */
  readonly seed?: string;
  /** True where somebody is there to answer. */
  readonly interactive?: boolean;
  /** What gives the texts that flags name, where `texts` is not enough. */
  readonly read?: CliPorts['files']['read'];
  /** Where texts are written; without it none may be. */
  readonly writeNew?: CliPorts['files']['writeNew'];
  /** Looks whether a text can be written; without it any can. */
  readonly checkNew?: CliPorts['files']['checkNew'];
  /** True where stdout is a terminal. */
  readonly shows?: boolean;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What went to stdout, as bytes. */
  readonly bytes: Uint8Array;
}

let runs = 0;

/** Runs one command line on a store, without a terminal to ask on. */
export async function command(store: KeyStore, argv: readonly string[], options: BenchOptions = {}): Promise<Outcome> {
  runs += 1;
  const texts: Readonly<Record<string, string>> = { 'safe.key': 'AGE-SECRET-KEY-1SOMEBODY\n', ...options.texts };
  const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const output = (name: keyof typeof said) => ({
    write: (text: string | Uint8Array) => {
      said[name].push(Buffer.from(text as Uint8Array));
      return true;
    },
  });
  const code = await runCli(argv, {
    argv,
    terminal: {
      stdout: output('stdout'),
      stderr: output('stderr'),
      dialogue: { input: process.stdin, output: process.stderr },
      interactive: options.interactive ?? false,
      colour: { stdout: 0, stderr: 0 },
      shows: options.shows ?? false,
      redraws: false,
    },
    clock: options.clock ?? new ManualClock(),
    random: seededRandom(options.seed ?? `bench ${runs}`),
    files: {
      read: options.read ?? (async (path) => texts[path]),
      readBytes: async (path) => Buffer.from(texts[path] ?? unread(path)),
      checkNew: options.checkNew ?? (async () => undefined),
      writeNew: options.writeNew ?? (() => Promise.reject(new Error('nothing writes texts here'))),
    },
    loadTlsProbe: async () => ({ probe: async () => ({ unreachable: 'nothing listens here' }) }),
    openCensus: async () => options.census ?? gone(),
    pause: options.pause ?? (() => Promise.reject(new Error('nothing waits here'))),
    loadBackupPorts: async () => ({ sealer: options.sealer ?? plainSealer, files: options.files ?? new Files() }),
    actor: { user: 'tester', host: 'bench' },
    version: '0.1.0',
    releaseDate: new Date(0),
    signal: options.signal ?? new AbortController().signal,
    processors: 2,
    openTenantStore: options.openTenantStore ?? (() => Promise.reject(new Error('no database here'))),
    checkConnections: async () => undefined,
    openDatabaseUsers: options.openDatabaseUsers ?? (() => Promise.reject(new Error('no database here'))),
    openStore: async () => store,
  });
  const bytes = Buffer.concat(said.stdout);
  return { code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(said.stderr).toString() };
}

function unread(path: string): never {
  throw new Error(`${path} is not among the texts`);
}

/** Runs a command that has to end well. */
export async function commandWell(
  store: KeyStore,
  argv: readonly string[],
  options: BenchOptions = {},
): Promise<Outcome> {
  const outcome = await command(store, argv, options);
  if (outcome.code === 0) return outcome;
  throw new Error(`${argv.join(' ')} ended with ${outcome.code}:\n${outcome.stderr}`);
}

/** The content of a backup of these contents, in the clear. */
export async function backupOf(snapshot: Snapshot, options: BenchOptions = {}): Promise<Buffer> {
  const store = memoryStore();
  store.restore(snapshot);
  const files = new Files();
  await commandWell(store, ['backup', '--out', 'b.age', ...FOR], { ...options, files, sealer: plainSealer });
  return Buffer.from(unseal(files.found.get('b.age') ?? new Uint8Array()));
}

/** Files with one backup of that content in it, `b.age`. */
export function filesWith(plain: string | Uint8Array): Files {
  const files = new Files();
  files.found.set('b.age', sealed(plain));
  return files;
}

/** Restores a backup in the clear. */
export function restore(
  store: KeyStore,
  plain: string | Uint8Array,
  options: BenchOptions & { readonly flags?: readonly string[] } = {},
): Promise<Outcome> {
  const argv = ['restore', 'b.age', ...WITH, ...(options.flags ?? [])];
  return command(store, argv, { files: filesWith(plain), ...options });
}

/** Everything in a store, namespaces too, as text that is equal exactly where nothing but versions differs. */
export function contents({ namespaces, objects }: Snapshot): ReadonlyMap<string, string> {
  return new Map([
    ...namespaces.map((namespace) => [namespace, 'namespace'] as const),
    ...objects.map((object) => [formatRef(object.ref), factsOf(object)] as const),
  ]);
}

/** All that was written to a store since a snapshot of it. */
export function writtenSince(before: Snapshot, store: MemoryStore): readonly string[] {
  const after = store.snapshot();
  const was = new Map(before.objects.map(({ ref, version }) => [formatRef(ref), version]));
  const changed = after.objects.filter(({ ref, version }) => was.get(formatRef(ref)) !== version);
  const names = new Set(after.objects.map(({ ref }) => formatRef(ref)));
  return [
    ...changed.map(({ ref }) => formatRef(ref)),
    ...[...was.keys()].filter((name) => !names.has(name)).map((name) => `-${name}`),
    ...after.namespaces.filter((name) => !before.namespaces.includes(name)),
  ];
}

/** Kind, number, kid, state, fingerprint and end of every version, as the record has them. */
// biome-ignore lint/suspicious/noExplicitAny: a record as a script would read it
export function versionsIn(record: any): readonly string[] {
  return Object.entries<{ versions: readonly Record<string, unknown>[] }>(record.keys).flatMap(([kind, { versions }]) =>
    versions.map(({ n, kid, state, fingerprint, notAfter }) => [kind, n, kid, state, fingerprint, notAfter].join(' ')),
  );
}

/** The document that a command with `-o json` wrote. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as a script would
export function documentOf({ stdout }: Outcome): any {
  return JSON.parse(stdout);
}

/** Codes of the findings of `status`. */
export async function findingsOf(store: KeyStore, options: BenchOptions = {}): Promise<readonly string[]> {
  const outcome = await command(store, ['status', '-o', 'json'], options);
  return documentOf(outcome).findings.map(({ code }: { code: string }) => code);
}
