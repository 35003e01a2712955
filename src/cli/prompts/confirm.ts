import { confirm as ask, input } from '@inquirer/prompts';
import { PaletteKeysError } from '../../errors.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from './ask.ts';

/** Asks; throws CANCELLED where the answer is no, which is the default. */
export async function confirm(message: string, ports: CliPorts): Promise<void> {
  const agreed = await asking(() => ask({ message, default: false }, promptContext(ports)));
  if (!agreed) throw cancelled();
}

/** Has a word typed; throws CANCELLED for any other one. */
export async function confirmByTyping(message: string, word: string, ports: CliPorts): Promise<void> {
  const typed = await asking(() => input({ message }, promptContext(ports)));
  if (typed.trim() !== word) throw cancelled();
}

function cancelled(): PaletteKeysError {
  return new PaletteKeysError('CANCELLED', 'cancelled; nothing was written', {
    hint: 'run the command again when you are ready',
  });
}
