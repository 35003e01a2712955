import type { OutputFormat } from './ports.ts';

/** The format that was asked for, read before the command line is known to be right: errors have to keep to it too. */
export function outputFormat(argv: readonly string[]): OutputFormat {
  const at = argv.findLastIndex((word) => word === '-o' || word === '--output' || /^(?:-o|--output=)/.test(word));
  const word = argv[at] ?? '';
  const value = word === '-o' || word === '--output' ? argv[at + 1] : word.replace(/^(?:--output=|-o=?)/, '');
  return value === 'json' || value === 'yaml' ? value : 'table';
}
