import { usageError } from '../errors.ts';
import type { OpenWith, SealFor } from '../ports/sealer.ts';
import type { BackupOptions, CliPorts, RestoreOptions } from './ports.ts';

/** For whom the flags say that a backup is encrypted; on a terminal without any a passphrase is asked for. */
export async function readSealFor(options: BackupOptions, ports: CliPorts): Promise<SealFor> {
  const { recipient, recipientsFile, passphraseFile } = options;
  const recipients = [...recipient, ...(recipientsFile === undefined ? [] : await linesOf(recipientsFile, ports))];
  if (passphraseFile !== undefined && recipients.length > 0) {
    throw usageError('a backup is for recipients or for a passphrase, not for both', 'make two backups');
  }
  if (recipients.length > 0) return { kind: 'recipients', recipients };
  if (recipientsFile !== undefined)
    throw usageError(`${recipientsFile} names no recipient`, 'write one age1… on a line');
  if (passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: await readPassphrase(passphraseFile, ports) };
  if (!ports.terminal.interactive || options.yes) {
    throw usageError('it was not said for whom the backup is', 'give --recipient, -R or --passphrase-file');
  }
  const { askForNewPassphrase } = await import('./prompts/passphrase.ts');
  return { kind: 'passphrase', passphrase: await askForNewPassphrase(ports) };
}

/** With what the flags say that a backup is opened; on a terminal without any a passphrase is asked for. */
export async function readOpenWith(options: RestoreOptions, ports: CliPorts): Promise<OpenWith> {
  const { identity, passphraseFile } = options;
  if (identity !== undefined && passphraseFile !== undefined) {
    throw usageError('--identity and --passphrase-file exclude each other', 'take one of them');
  }
  if (identity !== undefined) {
    const identities = await linesOf(identity, ports);
    if (identities.length === 0)
      throw usageError(`${identity} holds no identity`, 'an identity begins with AGE-SECRET-KEY-1');
    return { kind: 'identities', identities };
  }
  if (passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: await readPassphrase(passphraseFile, ports) };
  if (!ports.terminal.interactive || options.yes) {
    throw usageError('it was not said what opens the backup', 'give --identity or --passphrase-file');
  }
  const { askForPassphrase } = await import('./prompts/passphrase.ts');
  return { kind: 'passphrase', passphrase: await askForPassphrase(ports) };
}

/** Lines of a file without comments and empty ones, as age reads its own files. */
export async function linesOf(path: string, ports: CliPorts): Promise<readonly string[]> {
  return (await filledLinesOf(path, ports)).filter((line) => !line.startsWith('#'));
}

/** Lines of a file without the spaces around them, and without empty ones. */
export async function filledLinesOf(path: string, ports: CliPorts): Promise<readonly string[]> {
  const lines = (await readText(path, ports)).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

async function readPassphrase(path: string, ports: CliPorts): Promise<string> {
  const passphrase = (await readText(path, ports)).replace(/\r?\n$/, '');
  if (passphrase === '') throw usageError(`${path} holds no passphrase`, 'write it into the first line');
  return passphrase;
}

async function readText(path: string, { files }: CliPorts): Promise<string> {
  const text = await files.read(path);
  if (text === undefined) throw usageError(`there is no file ${path}`, 'check the path');
  return text;
}
