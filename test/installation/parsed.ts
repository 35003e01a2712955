import { parseSpec } from '../../src/installation/parse/parse.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';

/** The spec that a file gives a new installation. */
export function parsed(text: string, source: string): InstallationSpec {
  return parseSpec(text, source).against(undefined);
}
