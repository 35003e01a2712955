import type { Command } from 'commander';
import { type CommandDefinition, withDatabase } from '../definition.ts';
import type { RestoreOptions } from '../ports.ts';

const HELP = `
Checks every key of the backup against its id first. Then it only creates what
is missing, and does as init. A different key under the same name is refused.
It looks at the database too, where --mongodb-uri-file or the spec names it, and
brings no record or root key back where tenant keys need another root key;
--no-tenant-store: it is not asked.
Whoever knows the public recipient can make a file that opens: only the digest
that backup printed, kept apart from the file, proves that it is yours.

Examples:
  $ palette-keys restore keys.age --dir ./keys --identity safe.key
  $ palette-keys restore keys.age --dir ./keys --identity safe.key --verify \\
      --expect SHA256:…`;

export const restoreCommand: CommandDefinition = {
  name: 'restore',
  description: 'bring the keys of a backup back; only create, never replace',
  define(command, ports, done) {
    command
      .argument('<file>', 'the backup (- for standard input)')
      .option('--identity <file>', 'open it with the age identities in this file')
      .option('--passphrase-file <file>', 'open it with the passphrase in this file')
      .option('--expect <SHA256:…>', 'reject any file but the one with this digest, which backup printed')
      .option('--verify', 'rehearse: open and check everything, write nothing', false);
    withDatabase(command)
      .option('--no-tenant-store', 'there is no database of tenant keys')
      .addHelpText('after', HELP)
      .action(async (file: string, _options, self: Command) => {
        const { runRestore } = await import('./run.ts');
        done(await runRestore({ ...self.optsWithGlobals<RestoreOptions>(), file }, ports));
      });
  },
};
