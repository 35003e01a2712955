import type { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { type CommandDefinition, withDatabase } from '../definition.ts';
import type { TenantOptions } from '../ports.ts';

const HELP = `
Every tenant's key stands in MongoDB, wrapped by the root key. The connection
string is made from the spec and the credentials of palette-mongodb-auth;
the server has to show a certificate of the internal CA for its host name.

Examples:
  $ palette-keys tenant add acme globex
  $ palette-keys tenant verify
  $ palette-keys tenant remove acme --backup acme.json
  $ palette-keys tenant rewrap --shard 0/4 --yes`;

/** Commander keeps both in one place, where the last would win. `said`: what stands there already. */
function unlessBoth<T extends string | false>(backup: T, said: unknown): T {
  if (said === undefined || typeof said === typeof backup) return backup;
  throw usageError('--backup and --no-backup exclude each other', 'take one of them');
}

type Verb = 'add' | 'list' | 'verify' | 'remove' | 'rewrap';

export const tenantCommand: CommandDefinition = {
  name: 'tenant',
  description: 'make, list, prove, remove and rewrap the keys of tenants in MongoDB',
  define(command, ports, done) {
    const verb = (name: Verb, description: string): Command =>
      command
        .command(name)
        .copyInheritedSettings(command)
        .description(description)
        .action(async (...args: unknown[]) => {
          const self = args.at(-1) as Command;
          const [ids] = self.processedArgs as [(readonly string[])?];
          const { runTenant } = await import('./run.ts');
          done(await runTenant(name, { ...self.optsWithGlobals<TenantOptions>(), ids: ids ?? [] }, ports));
        });
    withDatabase(command).addHelpText('after', HELP);
    verb('add', 'make a key for each tenant that has none')
      .argument('[id...]', 'ids of the tenants')
      .option('--from <file>', 'file with one id on a line, no comments (- for standard input)');
    verb('list', 'list tenants and the root keys that wrap their keys');
    verb('verify', 'open every tenant key; write nothing');
    verb('remove', 'remove tenants with their keys')
      .argument('<id...>', 'ids of the tenants')
      .option('--backup <file>', 'new file that the removed documents are written to', (file, before) =>
        unlessBoth(file, before),
      )
      .option('--no-backup', 'remove them for good', (_, before) => unlessBoth(false, before));
    verb('rewrap', 'wrap every tenant key by the active root key').option(
      '--shard <i/n>',
      'do only part i (from 0) of n, to share the work',
    );
  },
};
