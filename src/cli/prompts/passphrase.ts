import { password } from '@inquirer/prompts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from './ask.ts';

const SHORTEST = 12;

export function askForPassphrase(ports: CliPorts): Promise<string> {
  return asking(() => password({ message: 'Passphrase of the backup' }, promptContext(ports)));
}

/** Asks twice: nobody could ever open a backup with a slip of the finger in its passphrase. */
export async function askForNewPassphrase(ports: CliPorts): Promise<string> {
  const context = promptContext(ports);
  const passphrase = await asking(() =>
    password(
      {
        message: `Passphrase for the backup (at least ${SHORTEST} characters)`,
        validate: (value) => value.length >= SHORTEST || `at least ${SHORTEST} characters, better five random words`,
      },
      context,
    ),
  );
  await asking(() =>
    password({ message: 'The same again', validate: (value) => value === passphrase || 'it is not the same' }, context),
  );
  return passphrase;
}
