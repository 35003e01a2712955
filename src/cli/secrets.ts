import { usageError } from '../errors.ts';
import type { OpenWith, SealFor } from '../ports/sealer.ts';
import { readFormerPassphrase, readPassphrase, SHORTEST_PASSPHRASE, warnOfShort } from './passphrase-file.ts';
import type { BackupOptions, CliPorts, RestoreOptions } from './ports.ts';
import { readText } from './read-text.ts';

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
  if (passphraseFile !== undefined) {
    const passphrase = await readPassphrase(passphraseFile, ports);
    if (passphrase.length < SHORTEST_PASSPHRASE) warnOfShort(passphraseFile, ports);
    return { kind: 'passphrase', passphrase };
  }
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
    return { kind: 'passphrase', ...(await readFormerPassphrase(passphraseFile, ports)) };
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
export async function filledLinesOf(path: string, ports: CliPorts, limit?: '64 MB'): Promise<readonly string[]> {
  const lines = (await readText(path, ports, limit)).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '');
}
