import type { CommanderError } from 'commander';
import { type ExitCode, PaletteKeysError } from '../errors.ts';
import type { CliPorts, OutputFormat } from './ports.ts';
import { writeDocument } from './render/document.ts';

/** What commander says of a command line that it did not take, in our words. */
export function asUsageError(error: CommanderError): PaletteKeysError {
  if (error.code === 'commander.help') {
    return new PaletteKeysError('USAGE', 'no command was given', { hint: 'palette-keys --help lists them' });
  }
  const [message, ...suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestion.join(' ').replace(/^\(|\)$/g, '') || 'palette-keys --help lists commands and flags';
  return new PaletteKeysError('USAGE', message ?? 'wrong usage', { hint });
}

/** Tells of a failure: message and hint on stderr, and a document of kind Error on stdout where one was asked for. */
export async function reportError(error: unknown, argv: readonly string[], ports: CliPorts): Promise<ExitCode> {
  const known = asKnown(error, ports);
  const format = outputFormat(argv);
  await writeMessage(known, ports);
  const { code, message, hint, details } = known;
  const document = { kind: 'Error', code, message, hint, ...(details.length > 0 ? { details } : {}) };
  // Where stdout is what failed, stderr has said so.
  await writeDocument(document, format, ports.terminal).catch(() => undefined);
  return known.exit;
}

/** The format that was asked for, read before the command line is known to be right: errors have to keep to it too. */
function outputFormat(argv: readonly string[]): OutputFormat {
  const at = argv.findLastIndex((word) => word === '-o' || word === '--output' || /^(?:-o|--output=)/.test(word));
  const word = argv[at] ?? '';
  const value = word === '-o' || word === '--output' ? argv[at + 1] : word.replace(/^(?:--output=|-o=?)/, '');
  return value === 'json' || value === 'yaml' ? value : 'table';
}

/** `palette-keys: error: …`, one line for each further cause, `palette-keys: hint: …`. */
export async function writeMessage(
  { message, details, hint, code, cause }: PaletteKeysError,
  ports: CliPorts,
): Promise<void> {
  const { stderr, colour } = ports.terminal;
  const { palette } = await import('./render/palette.ts');
  const { wrap } = await import('./render/table.ts');
  const paint = palette(colour.stderr);
  stderr.write(`palette-keys: ${paint.error('error:')} ${message}\n`);
  details.forEach(({ message: what, remedy }, index) => {
    stderr.write(wrap(`- ${what}`, 2));
    // What helps against several in a row is said once.
    if (remedy !== undefined && remedy !== details[index + 1]?.remedy) stderr.write(paint.dim(wrap(`→ ${remedy}`, 4)));
  });
  if (code === 'BUG' && cause instanceof Error) stderr.write(`${stackOf(cause)}\n`);
  stderr.write(`palette-keys: ${paint.hint('hint:')} ${hint}\n`);
}

/** What was thrown, as what one can end with; everything unexpected is a bug. */
export function asKnown(error: unknown, { signal, version }: CliPorts): PaletteKeysError {
  if (signal.aborted && signal.reason instanceof PaletteKeysError) {
    // The same with details says what was done before it.
    return error instanceof PaletteKeysError && error.code === signal.reason.code ? error : signal.reason;
  }
  if (error instanceof PaletteKeysError) return error;
  return new PaletteKeysError('BUG', 'an internal error; this is not your fault', {
    cause: error,
    hint: `please report it with the lines above and the version (${version}, Node.js ${process.version}); a re-run is safe`,
  });
}

/** Class and places of an unexpected error. Its message may quote what was being read, so it is left out. */
function stackOf(error: Error): string {
  const places = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [`  ${error.name}`, ...places.slice(0, 8)].join('\n');
}
