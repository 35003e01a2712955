import type { Manifest } from '../../plan/rbac.ts';
import { toYaml } from './yaml.ts';

/** Manifests as YAML documents, for `kubectl create -f -`. */
export function renderManifests(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `---\n${toYaml(manifest)}`).join('');
}
