import { stringify } from 'yaml';
import type { Manifest } from '../../plan/rbac.ts';

/** Manifests as YAML documents, for `kubectl create -f -`. */
export function renderManifests(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `---\n${stringify(manifest, { lineWidth: 0 })}`).join('');
}
