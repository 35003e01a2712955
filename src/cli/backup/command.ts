import type { Command } from 'commander';
import { type CommandDefinition, collect } from '../definition.ts';
import type { BackupOptions } from '../ports.ts';

const HELP = `
Writes every key and the record into one file of the age format, reads it
back, decrypts and compares it, and notes in the record which keys it holds. An
existing file is never overwritten. \`age -d FILE | kubectl create -f -\` restores
it without this program. Keep the SHA256:… that it prints apart from the file:
restore --expect proves with it that a backup is yours.

Examples:
  $ age-keygen -o safe.key        # keep this one elsewhere; it prints age1…
  $ palette-keys backup --dir ./keys --out keys.age --recipient age1…`;

export const backupCommand: CommandDefinition = {
  name: 'backup',
  description: 'write every key into one encrypted file, and prove it',
  define(command, ports, done) {
    command
      .requiredOption('--out <file>', 'file to make; {time} in it becomes the time; - is a pipe')
      .option('--recipient <age1…>', 'encrypt for this recipient; may be given again', collect, [])
      .option('-R, --recipients-file <file>', 'encrypt for the recipients in this file')
      .option('--passphrase-file <file>', 'encrypt with the passphrase in this file')
      .addHelpText('after', HELP)
      .action(async (_options, self: Command) => {
        const { runBackup } = await import('./run.ts');
        done(await runBackup(self.optsWithGlobals<BackupOptions>(), ports));
      });
  },
};
