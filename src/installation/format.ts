import { stringify } from 'yaml';

import type { InstallationSpec } from './spec.ts';

/** The whole spec as `palette-keys.yaml`; `parseSpec` reads it back. */
export function formatSpec(spec: InstallationSpec): string {
  return stringify(spec, { lineWidth: 0 });
}
