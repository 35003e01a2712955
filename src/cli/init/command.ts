import type { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { type CommandDefinition, collect, withDatabase } from '../definition.ts';
import type { InitOptions } from '../ports.ts';

const HELP = `
What is there is kept. A first run makes every key once; a re-run completes
what was interrupted, restores what is missing or damaged from the ledger, and
brings certificates to what the spec asks for. It never makes a key anew that
was there. With --mongodb-uri-file it looks at the database too, and makes no
root key beside tenant keys that it would not open. The file of --escrow is
FILE.pending until the record holds its digest; the same command can be given
again. A record of an older build is migrated, which --yes confirms.

Examples:
  $ palette-keys init --dir ./keys
  $ palette-keys init --print-config > palette-keys.yaml
  $ palette-keys init --dir ./keys --dry-run -o json`;

export const initCommand: CommandDefinition = {
  name: 'init',
  description: 'make every key and certificate that is missing; keep what is there',
  define(command, ports, done) {
    command
      .option('--adopt', 'take in keys that palette-keys did not make, as new versions', false)
      .option('--restore', 'write our keys over key material of others in our objects', false)
      .option('--create-namespaces', 'make namespaces that the cluster lacks', false)
      .option('--print-config', 'write the default spec with comments to stdout, and stop', false)
      .option('--print-rbac', 'write the least RBAC for the spec to stdout, and stop', false)
      .option('--escrow <age1…>', 'before the first key is written, back up for this recipient', collect)
      .option('--escrow-file <file>', 'file to make for --escrow');
    withDatabase(command)
      .addHelpText('after', HELP)
      .action(async (_options, self: Command) => {
        const options = self.optsWithGlobals<InitOptions>();
        if (options.adopt && options.restore)
          throw usageError('--adopt and --restore exclude each other', 'take one of them');
        if (options.output === 'prometheus')
          throw usageError('-o prometheus is for status', 'take table, json or yaml');
        if ((options.escrow === undefined) !== (options.escrowFile === undefined)) {
          throw usageError('--escrow and --escrow-file belong together', 'give both');
        }
        if (options.printConfig || options.printRbac) {
          const { printConfig, printRbac } = await import('../print.ts');
          return done(options.printConfig ? await printConfig(ports) : await printRbac(options, ports));
        }
        const { runInit } = await import('./run.ts');
        return done(await runInit(options, ports));
      });
  },
};
