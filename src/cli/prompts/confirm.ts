import { confirm as ask } from '@inquirer/prompts';
import { PaletteKeysError } from '../../errors.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from './ask.ts';

/** Asks; throws CANCELLED where the answer is no, which is the default. */
export async function confirm(message: string, ports: CliPorts): Promise<void> {
  const agreed = await asking(() => ask({ message, default: false }, promptContext(ports)));
  if (agreed) return;
  throw new PaletteKeysError('CANCELLED', 'cancelled; nothing was written', {
    hint: 'run the command again when you are ready',
  });
}
