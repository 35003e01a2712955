import type { GlobalOptions } from './ports.ts';

/** This run's command line with other words at its end, to be pasted into a shell. */
export function sameCommand(argv: readonly string[], flag: string, value: string): string {
  const others = argv.filter((word, at) => word !== flag && argv[at - 1] !== flag && !word.startsWith(`${flag}=`));
  return inShell(['palette-keys', ...others, flag, value]);
}

/** Another command on this run's store, to be pasted into a shell. */
export function otherCommand(words: readonly string[], options: GlobalOptions): string {
  const { dir, kubeconfig, context, cluster, user, as, asGroup = [], namespace, config } = options;
  const flags = Object.entries({ dir, kubeconfig, context, cluster, user, as, namespace, config });
  const given = flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const groups = asGroup.flatMap((group) => ['--as-group', group]);
  return inShell(['palette-keys', ...words, ...given, ...groups]);
}

export function inShell(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w.,:/=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
