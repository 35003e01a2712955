import type { Manifest } from '../../reconcile/access/rbac.ts';
import { toYaml } from '../render/yaml.ts';

/** Manifests as YAML documents, for `kubectl create -f -`. */
export function renderManifests(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `---\n${toYaml(manifest)}`).join('');
}
