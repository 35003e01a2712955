import { PaletteKeysError, usageError } from '../errors.ts';
import type { OpenWith } from '../ports/sealer.ts';
import type { CliPorts } from './ports.ts';
import { readText } from './read-text.ts';
import { palette } from './render/palette.ts';

/** Of a passphrase for a backup, in characters. */
export const SHORTEST_PASSPHRASE = 12;

/** The one line of a file. Throws USAGE for anything else: `age`, which asks for a line, could not be given it. */
export async function readPassphrase(path: string, ports: CliPorts): Promise<string> {
  return lineOf(await readText(path, ports), path);
}

/** The one line of a file; or why there is none, with what 0.1.0 took for the passphrase: all but a line end. */
export async function readFormerPassphrase(
  path: string,
  ports: CliPorts,
): Promise<Omit<OpenWith & { kind: 'passphrase' }, 'kind'>> {
  const text = await readText(path, ports);
  const whole = text.replace(/\r?\n$/, '');
  try {
    const passphrase = lineOf(text, path);
    return { passphrase, former: whole === passphrase ? undefined : whole };
  } catch (error) {
    if (whole === '' || !(error instanceof PaletteKeysError)) throw error;
    return { passphrase: undefined, former: whole, unread: error };
  }
}

function lineOf(text: string, path: string): string {
  const line = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  const hint = 'write the passphrase into a file of one line';
  if (line === '') throw usageError(`${path} holds no passphrase`, hint);
  if (/[\r\n]/.test(line)) throw usageError(`${path} holds more than one line: a passphrase is one line`, hint);
  if (/(?!\t)\p{Cc}|\uFEFF/u.test(line)) throw usageError(`${path} holds a control character`, hint);
  return line;
}

export function warnOfShort(path: string, { terminal: { stderr, colour } }: CliPorts): void {
  const { warning } = palette(colour.stderr);
  stderr.write(
    `palette-keys: ${warning('warning:')} the passphrase in ${path} has fewer than ${SHORTEST_PASSPHRASE} characters: who gets the backup can guess it; five random words are better\n`,
  );
}
