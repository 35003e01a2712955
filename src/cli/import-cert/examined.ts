import { PaletteKeysError } from '../../errors.ts';
import { type Examination, examine, type ImportInput } from '../../front-door/examine.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';

/** Asks for the passphrase, or for one of several certificates, where somebody is there to answer. */
export async function examined(
  input: ImportInput,
  stored: Parameters<typeof examine>[1],
  { yes }: ImportOptions,
  ports: CliPorts,
): Promise<Examination> {
  const asks = ports.terminal.interactive && !yes;
  let examination = await examine(input, stored, ports.clock.now());
  if (asks) {
    const { answerQuestions } = await import('./prompts.ts');
    examination = await answerQuestions(input, stored, examination, ports);
  }
  const { locked } = examination;
  if (locked.length === 0) return examination;
  throw new PaletteKeysError('USAGE', `${locked.join(', ')} is encrypted`, {
    hint: 'write the passphrase into a file (chmod 600), and give --passphrase-file FILE',
  });
}

/** The names under which users reach the platform. Throws USAGE where nobody said. */
export function namesToCover(
  { fqdn }: ImportOptions,
  spec: { readonly rootDomain: string | null | undefined } | undefined,
): readonly string[] {
  if (fqdn !== undefined) return fqdn;
  const rootDomain = spec?.rootDomain ?? undefined;
  if (rootDomain !== undefined) return [rootDomain];
  throw new PaletteKeysError('USAGE', 'it is not known under which name users reach the platform', {
    hint: 'give --fqdn NAME, or set rootDomain in the spec',
  });
}
