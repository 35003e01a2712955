import { PaletteKeysError } from '../../errors.ts';
import type { CliPorts } from '../ports.ts';

/** Where inquirer reads and draws: questions go to stderr, and Ctrl-C or a signal ends them. */
export function promptContext({ terminal, signal }: CliPorts) {
  return { ...terminal.dialogue, signal };
}

/** Runs questions; Ctrl-C at one of them interrupts the run before anything was written. */
export async function asking<T>(questions: () => Promise<T>): Promise<T> {
  try {
    return await questions();
  } catch (error) {
    if (error instanceof Error && ['ExitPromptError', 'AbortPromptError', 'CancelPromptError'].includes(error.name)) {
      throw new PaletteKeysError('INTERRUPTED', 'interrupted at a question; nothing was written', {
        hint: 'run the command again when you are ready',
      });
    }
    throw error;
  }
}
