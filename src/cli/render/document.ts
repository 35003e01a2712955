import type { Terminal } from '../../ports/terminal.ts';

const API_VERSION = 'palette-keys/v1';

/** Writes the one document of a run to stdout. */
export async function writeDocument(
  document: { readonly kind: string } & Readonly<Record<string, unknown>>,
  format: 'json' | 'yaml',
  { stdout }: Terminal,
): Promise<void> {
  const { kind, ...rest } = document;
  const whole = { apiVersion: API_VERSION, kind, ...rest };
  if (format === 'json') {
    stdout.write(`${JSON.stringify(whole, undefined, 2)}\n`);
    return;
  }
  const { toYaml } = await import('./yaml.ts');
  stdout.write(toYaml(whole));
}
