import type { StoredObject } from '../ports/key-store.ts';

/** Labels and annotations of everything that palette-keys writes. */
export const LABEL = {
  name: 'app.kubernetes.io/name',
  managedBy: 'app.kubernetes.io/managed-by',
  partOf: 'app.kubernetes.io/part-of',
  installation: 'palette-keys.dev/installation',
  kind: 'palette-keys.dev/kind',
} as const;

export const ANNOTATION = {
  helm: 'helm.sh/resource-policy',
  argo: 'argocd.argoproj.io/sync-options',
  version: 'palette-keys.dev/version',
  generation: 'palette-keys.dev/generation',
  /** On the first root key alone: SHA-256 of the spec that the first run began with. */
  spec: 'palette-keys.dev/spec',
  /** On the first root key alone: SHA-256 of the escrow file that the first run made. */
  escrow: 'palette-keys.dev/escrow',
  /** And SHA-256 of the kids in it. */
  escrowKeys: 'palette-keys.dev/escrow-keys',
} as const;

export function labels(installationId: string, kind: string): Record<string, string> {
  return {
    [LABEL.name]: 'palette-keys',
    [LABEL.managedBy]: 'palette-keys',
    [LABEL.partOf]: 'palette',
    [LABEL.installation]: installationId,
    [LABEL.kind]: kind,
  };
}

/** Helm and Argo CD leave such objects alone when the release or the application goes. */
export function annotations(toolVersion: string): Record<string, string> {
  return {
    [ANNOTATION.helm]: 'keep',
    [ANNOTATION.argo]: 'Prune=false,Delete=false',
    [ANNOTATION.version]: toolVersion,
  };
}

/** 0 for none, and for one that no installation comes to. */
export function generationOf(object: StoredObject): number {
  const text = object.annotations[ANNOTATION.generation] ?? '';
  return /^[1-9]\d{0,11}$/.test(text) ? Number(text) : 0;
}

/** True when the object says that it belongs to an installation of palette-keys. */
export function isManaged(object: StoredObject): boolean {
  return object.labels[LABEL.managedBy] === 'palette-keys' && (object.labels[LABEL.installation] ?? '') !== '';
}
