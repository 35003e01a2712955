import { type Command, Option } from 'commander';
import type { CommandDefinition } from '../definition.ts';
import { collect } from '../definition.ts';
import type { CsrOptions } from '../ports.ts';

const HELP = `
The private key is made inside the store, and never leaves it. Send the request
to whoever issues your certificates, and import the answer without --key. The
same command again gives the same request, until its answer was imported, also
after it was interrupted. --out overwrites no file but knows its own.

Examples:
  $ palette-keys csr --fqdn palette.example.org --wildcard --out palette.csr
  $ palette-keys import-cert --cert answer.pem`;

export const csrCommand: CommandDefinition = {
  name: 'csr',
  description: 'make a key for the FQDN in the store, and a certificate request',
  define(command, ports, done) {
    command
      .option('--fqdn <name>', "name to be covered; may be given again (default: the spec's rootDomain)", collect)
      .option('--previous-fqdn <name>', 'name to be covered besides; may be given again', collect)
      .option('--wildcard', 'cover *.<rootDomain> too, at which tenants log in', false)
      .addOption(
        new Option('--key-type <type>', 'kind of key')
          .choices(['rsa-2048', 'rsa-3072', 'rsa-4096', 'p-256', 'p-384'])
          .default('rsa-2048'),
      )
      .option('--out <file>', 'write the request into this new file, not to stdout')
      .addHelpText('after', HELP)
      .action(async (_options, self: Command) => {
        const { runCsr } = await import('./run.ts');
        done(await runCsr(self.optsWithGlobals<CsrOptions>(), ports));
      });
  },
};
