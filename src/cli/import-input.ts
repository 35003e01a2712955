import { type ImportInput, isAllowable } from '../apply/import/examine.ts';
import { PaletteKeysError } from '../errors.ts';
import type { CliPorts, ImportOptions } from './ports.ts';

/** Reads every file that the flags name; standard input can be one of them. Throws USAGE. */
export async function readImportInput(options: ImportOptions, ports: CliPorts): Promise<Omit<ImportInput, 'fqdn'>> {
  const { cert = [], key = [], pfx = [], chain = [], ca = [] } = options;
  if (cert.length === 0 && pfx.length === 0) {
    throw usage(
      'there is no certificate to import',
      'give --cert FILE, with --key FILE unless csr made it; or --pfx FILE',
    );
  }
  const given = [...cert, ...chain, ...key, ...pfx];
  if ([...given, ...ca].filter((path) => path === '-').length > 1) {
    throw usage('standard input can be only one of the files', 'put everything into it, or name files');
  }
  const read = async (path: string) => ({
    name: path === '-' ? 'standard input' : path,
    bytes: await ports.files.readBytes(path),
  });
  return {
    files: await inTurn([...new Set(given)], read),
    ca: await inTurn([...new Set(ca)], read),
    passphrase: await readPassphrase(options, ports),
    pinned: options.trustRoot ?? [],
    systemRoots: options.systemRoots,
    previousFqdn: options.previousFqdn ?? [],
    allow: options.allow ?? [],
    chosen: { leaf: undefined, key: undefined },
  };
}

async function readPassphrase({ passphraseFile }: ImportOptions, { files }: CliPorts): Promise<string | undefined> {
  if (passphraseFile === undefined) return undefined;
  return Buffer.from(await files.readBytes(passphraseFile))
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Throws USAGE for a code that no finding has, or that nobody can allow. */
export function checkAllowed({ allow = [] }: ImportOptions): void {
  const wrong = allow.find((code) => !isAllowable(code));
  if (wrong === undefined) return;
  throw usage(`--allow ${wrong} is not possible`, 'docs/reference.md lists the codes that can be allowed');
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function usage(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', message, { hint });
}
