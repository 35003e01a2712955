import { password } from '@inquirer/prompts';
import { SHORTEST_PASSPHRASE } from '../passphrase-file.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from './ask.ts';

export function askForPassphrase(ports: CliPorts): Promise<string> {
  return asking(() => password({ message: 'Passphrase of the backup' }, promptContext(ports)));
}

/** Asks twice: nobody could ever open a backup with a slip of the finger in its passphrase. */
export async function askForNewPassphrase(ports: CliPorts): Promise<string> {
  const context = promptContext(ports);
  const passphrase = await asking(() =>
    password(
      {
        message: `Passphrase for the backup (at least ${SHORTEST_PASSPHRASE} characters)`,
        validate: (value) =>
          value.length >= SHORTEST_PASSPHRASE || `at least ${SHORTEST_PASSPHRASE} characters, better five random words`,
      },
      context,
    ),
  );
  await asking(() =>
    password({ message: 'The same again', validate: (value) => value === passphrase || 'it is not the same' }, context),
  );
  return passphrase;
}
