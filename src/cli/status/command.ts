import { type Command, Option } from 'commander';
import { type CommandDefinition, withDatabase } from '../definition.ts';
import type { StatusOptions } from '../ports.ts';

const HELP = `
Reads everything, writes nothing. Exit code 3 if a finding is an error.

Examples:
  $ palette-keys status --dir ./keys
  $ palette-keys status --dir ./keys -o prometheus > palette-keys.prom`;

export const statusCommand: CommandDefinition = {
  name: 'status',
  description: 'show every key: versions, states, age, expiry, findings',
  define(command, ports, done) {
    withDatabase(command)
      .addHelpText('after', HELP)
      .action(async (_options, self: Command) => {
        const { runStatus } = await import('./run.ts');
        done(await runStatus(self.optsWithGlobals<StatusOptions>(), ports));
      })
      .addOption(
        new Option('--fail-on <severity>', 'lowest severity that makes the exit code 3')
          .choices(['error', 'warning'])
          .default('error'),
      );
  },
};
