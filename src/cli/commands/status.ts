import { Command } from 'commander';
import type { ExitCode } from '../../errors.ts';
import type { CliPorts, StatusOptions } from '../ports.ts';

const HELP = `
Reads everything, writes nothing. Exit code 3 if a finding is an error.

Examples:
  $ palette-keys status --dir ./keys
  $ palette-keys status --dir ./keys -o prometheus > palette-keys.prom`;

/** `status`: every key with its versions, states, age, expiry and findings. */
export function statusCommand(ports: CliPorts, done: (exit: ExitCode) => void): Command {
  const command = new Command('status')
    .description('show every key: versions, states, age, expiry, findings')
    .addHelpText('after', HELP)
    .action(async (_options, self: Command) => {
      const { runStatus } = await import('../run-status.ts');
      done(await runStatus(self.optsWithGlobals<StatusOptions>(), ports));
    });
  return command.addOption(
    command
      .createOption('--fail-on <severity>', 'lowest severity that makes the exit code 3')
      .choices(['error', 'warning'])
      .default('error'),
  );
}
