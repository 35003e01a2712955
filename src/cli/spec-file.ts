import { type ErrorDetail, PaletteKeysError } from '../errors.ts';
import type { GivenSpec } from '../installation/given.ts';
import type { CliPorts, GlobalOptions } from './ports.ts';
import { palette } from './render/palette.ts';

const DEFAULT_FILE = 'palette-keys.yaml';

/** The spec of --config, else of ./palette-keys.yaml, else undefined. Throws SPEC_INVALID and USAGE. */
export async function readSpecFile(options: GlobalOptions, ports: CliPorts): Promise<GivenSpec | undefined> {
  return (await readFile(options, ports))?.parse(false);
}

/** As `readSpecFile`, for a command that changes no spec: what breaks only newer rules is a warning. */
export async function readStandingSpec(options: GlobalOptions, ports: CliPorts): Promise<GivenSpec | undefined> {
  const file = await readFile(options, ports);
  try {
    return file?.parse(false);
  } catch (error) {
    const standing = file !== undefined && isInvalid(error) ? acceptable(() => file.parse(true)) : undefined;
    if (!isInvalid(error) || standing === undefined) throw error;
    for (const mistake of error.details) warn(mistake, ports);
    return standing;
  }
}

interface SpecFile {
  /** Throws SPEC_INVALID. `isRecorded`: the newest rules do not count. */
  parse(isRecorded: boolean): GivenSpec;
}

async function readFile(options: GlobalOptions, { files }: CliPorts): Promise<SpecFile | undefined> {
  const path = options.config ?? DEFAULT_FILE;
  const text = await files.read(path);
  if (text === undefined && options.config === undefined) return undefined;
  if (text === undefined) {
    throw new PaletteKeysError('USAGE', `there is no file ${path}`, {
      hint: 'palette-keys init --print-config writes one with comments to begin with',
    });
  }
  const { parseSpec } = await import('../installation/parse/parse.ts');
  return { parse: (isRecorded) => parseSpec(text, path, isRecorded) };
}

/** Undefined where there are mistakes that were always ones. */
function acceptable(parse: () => GivenSpec): GivenSpec | undefined {
  try {
    return parse();
  } catch (error) {
    if (isInvalid(error)) return undefined;
    throw error;
  }
}

function isInvalid(error: unknown): error is PaletteKeysError {
  return error instanceof PaletteKeysError && error.code === 'SPEC_INVALID';
}

/** Also with -q: it is no note, and somebody has to act. */
function warn({ message, remedy }: ErrorDetail, { terminal: { stderr, colour } }: CliPorts): void {
  const help = remedy === undefined ? '' : ` ${remedy}`;
  stderr.write(`palette-keys: ${palette(colour.stderr).warning('warning:')} ${message}; init refuses it.${help}\n`);
}
