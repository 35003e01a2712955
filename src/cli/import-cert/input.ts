import { PaletteKeysError, usageError } from '../../errors.ts';
import { type ImportInput, type InputFile, isAllowable, type UnreadableFile } from '../../front-door/examine.ts';
import { parseHostAndPort } from '../../host.ts';
import { DURATION } from '../../installation/duration.ts';
import { checkHost } from '../check-host.ts';
import { readPassphrase } from '../passphrase-file.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';

/** Reads every file that the flags name; standard input can be one of them. Throws USAGE. */
export async function readImportInput(options: ImportOptions, ports: CliPorts): Promise<Omit<ImportInput, 'fqdn'>> {
  const { cert = [], key = [], pfx = [], chain = [], ca = [], passphraseFile } = options;
  if (cert.length === 0 && pfx.length === 0) {
    throw usageError(
      'there is no certificate to import',
      'give --cert FILE, with --key FILE unless csr made it; or --pfx FILE',
    );
  }
  const given = [...cert, ...chain, ...key, ...pfx];
  if ([...given, ...ca, passphraseFile].filter((path) => path === '-').length > 1) {
    throw usageError('standard input can be only one of the files', 'put everything into it, or name files');
  }
  const [files, trusted] = [await readAll(given, ports), await readAll(ca, ports)];
  return {
    files: files.readable,
    ca: trusted.readable,
    unreadable: [...files.unreadable, ...trusted.unreadable],
    keyFiles: key.map(nameOf),
    passphrase: passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile, ports),
    pinned: options.trustRoot ?? [],
    systemRoots: options.systemRoots,
    previousFqdn: options.previousFqdn ?? [],
    allow: options.allow ?? [],
    chosen: { leaf: undefined, key: undefined },
  };
}

const nameOf = (path: string): string => (path === '-' ? 'standard input' : path);

/** Files that are folders, or that the user may not read, are faults of the input like others. */
async function readAll(paths: readonly string[], { files }: CliPorts) {
  const readable: InputFile[] = [];
  const unreadable: UnreadableFile[] = [];
  for (const path of new Set(paths)) {
    try {
      readable.push({ name: nameOf(path), bytes: await files.readBytes(path) });
    } catch (error) {
      const why = error instanceof PaletteKeysError ? WHY_UNREADABLE[codeOf(error.cause)] : undefined;
      if (why === undefined) throw error;
      unreadable.push({ name: path, why });
    }
  }
  return { readable, unreadable };
}

const WHY_UNREADABLE: Readonly<Record<string, UnreadableFile['why']>> = {
  EISDIR: 'folder',
  EACCES: 'denied',
  EPERM: 'denied',
};

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

export interface ProbeAddress {
  readonly host: string;
  readonly port: number;
}

/** Where --probe points. Throws USAGE. */
export function checkProbe(options: ImportOptions): ProbeAddress | undefined {
  const { probe, rollbackOnFailure, verifyOnly, probeTimeout } = options;
  if (probe === undefined && (rollbackOnFailure || probeTimeout !== undefined))
    throw usageError('--rollback-on-failure and --probe-timeout go with --probe', 'give --probe HOST:PORT');
  if (probe === undefined) return undefined;
  if (verifyOnly) throw usageError('--probe and --verify-only exclude each other', 'take one of them');
  const address = parseHostAndPort(probe);
  if (typeof address === 'string')
    throw usageError(`--probe ${probe}: ${address}`, 'for example --probe palette.example.org:443');
  if (probeTimeout !== undefined && !DURATION.test(probeTimeout))
    throw usageError(`--probe-timeout ${probeTimeout} is no duration`, 'for example --probe-timeout 90s, or 5m');
  return address;
}

/** Throws USAGE for names that no certificate can cover. */
export function checkNames({ fqdn = [], previousFqdn = [] }: ImportOptions): void {
  for (const name of [...fqdn, ...previousFqdn]) checkHost(name, { wildcard: false });
}

/** Throws USAGE for a code that no finding has, or that nobody can allow. */
export function checkAllowed({ allow = [] }: ImportOptions): void {
  const wrong = allow.find((code) => !isAllowable(code));
  if (wrong === undefined) return;
  throw usageError(`--allow ${wrong} is not possible`, 'docs/reference.md lists the codes that can be allowed');
}
