import { PaletteKeysError } from '../errors.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { CliPorts, GlobalOptions } from './ports.ts';

const DEFAULT_FILE = 'palette-keys.yaml';

/** The spec of --config, else of ./palette-keys.yaml, else undefined. Throws SPEC_INVALID and USAGE. */
export async function readSpecFile(options: GlobalOptions, { files }: CliPorts): Promise<InstallationSpec | undefined> {
  const path = options.config ?? DEFAULT_FILE;
  const text = await files.read(path);
  if (text === undefined && options.config === undefined) return undefined;
  if (text === undefined) {
    throw new PaletteKeysError('USAGE', `there is no file ${path}`, {
      hint: 'palette-keys init --print-config writes one with comments to begin with',
    });
  }
  const { parseSpec } = await import('../installation/parse.ts');
  return parseSpec(text, path);
}
