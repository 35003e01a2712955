import type { Command } from 'commander';
import type { ExitCode } from '../errors.ts';
import type { CliPorts } from './ports.ts';

/** One command. Its options are defined only where the command line names it: `--help` of all has no use for them. */
export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  /** Adds arguments, options, help and action; `done` takes the exit code of a command that ran to its end. */
  define(command: Command, ports: CliPorts, done: (exit: ExitCode) => void): void;
}

export function withDatabase(command: Command): Command {
  return command
    .option('--mongodb-uri <uri>', 'connection string (one with a password: --mongodb-uri-file)')
    .option('--mongodb-uri-file <file>', 'file that holds the connection string');
}

/** For an option that may be given again. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
