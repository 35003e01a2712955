import type { Command } from 'commander';
import { type CommandDefinition, collect, withDatabase } from '../definition.ts';
import type { RotateOptions } from '../ports.ts';

const HELP = `
Takes every step that is safe, and prints what it waits for (exit code 6). Run
it again to continue. A rotation is opened once: a repeated command rotates
nothing twice. Without KIND, on a terminal, it shows what is due.

Examples:
  $ palette-keys rotate jwt-signing-key --dir ./keys --plan
  $ palette-keys rotate internal-ca --restart --yes
  $ palette-keys rotate service-certificates --service auth --yes
  $ palette-keys rotate --due --yes`;

export const rotateCommand: CommandDefinition = {
  name: 'rotate',
  description: 'replace a key by a new one, as far as that is safe now',
  define(command, ports, done) {
    command
      .argument('[kind]', 'kind of key, as status names it')
      .option('--plan', 'show every step with times, and write nothing', false)
      .option('--explain', 'show everything that still needs the old key, and write nothing', false)
      .option('--wait', 'stay until the rotation is finished', false)
      .option('--due', 'everything that is past its renewal time or under way', false)
      .option('--again', 'ignore rotation.minInterval', false)
      .option('--compromised', 'somebody else may hold the key: skip soak times', false)
      .option('--rollback', 'go back to the version before, while that is safe', false)
      .option('--reinstate <kid>', 'accept a retired version again')
      .option('--retire <kid>', 'no longer accept this version')
      .option('--destroy <kid>', 'delete this retired version from the ledger')
      .option('--restart', 'restart workloads that have not loaded the change', false)
      .option(
        '--assume-consumers-current [n]',
        'assume that all consumers have loaded the change, up to generation N of the record',
      )
      .option('--ignore-pod <ns/name>', 'do not wait for this Pod; may be given again', collect, [])
      .option('--probe <host:port>', 'look at what is served there, for internal-ca; may be given again', collect, [])
      .option('--service <name>', 'its certificate alone; may be given again', collect);
    withDatabase(command)
      .option('--mongodb-admin-uri-file <file>', "file with the connection string of the database's administrator")
      .option('--no-tenant-store', 'there is no database of tenant keys')
      .option('--accept-resets <n>', 'retire an old salt; N passwords must be reset')
      .addHelpText('after', HELP)
      .action(async (kind: string | undefined, _options, self: Command) => {
        const { runRotate } = await import('./run.ts');
        done(await runRotate({ ...self.optsWithGlobals<RotateOptions>(), kind }, ports));
      });
  },
};
